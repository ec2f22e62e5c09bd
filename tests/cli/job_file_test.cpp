#include "cli/job_file.hpp"
#include "messages/convert.hpp"

#include <fmt/format.h>

#include <set>
#include <string>

#include <doctest/doctest.h>

using namespace skerry;

TEST_SUITE_BEGIN("cli/job_file");

namespace {

std::vector<v1::Job> read(std::string_view text, task_use use = task_use::run) {
  auto jobs = read_jobs(text, "job", use);
  if (!jobs)
    FAIL(jobs.failure().message);
  return *jobs;
}

void check_refused(std::string_view text, std::string_view message,
                   task_use use = task_use::run) {
  const auto jobs = read_jobs(text, "job", use);
  REQUIRE(!jobs);
  CHECK(jobs.failure().code == error_code::malformed);
  CHECK(jobs.failure().message == message);
}

constexpr std::string_view everything = R"(
id = "train-1"
name = "train"
gang = true
after = ["load", "clean"]
hold = "1h"

[[groups]]
name = "worker"
count = 4
cpu = "500m"
memory = "4GiB"
disk = "1GB"
network = "10Gbps"
gpus = 2
gpu_memory = "16GiB"
gpu_models = ["A100", "H100"]
devices = [{ kind = "fpga", count = "0.5" }]
named = [{ name = "licences", amount = 2 }]
constraints = [
  { key = "zone", operator = "in", values = ["a", "b"] },
  { key = "spot", operator = "not_exists" },
]
member_of = ["workers"]
affinity = ["data"]
anti_affinity = ["web"]
spread = { group = "workers", topology = "zone", max_skew = 2 }
minimum = { cpu = "250m", memory = "2GiB" }
maximum = { cpu = 1, memory = "8GiB" }
priority = 10
tenant = "science"
expected_duration = { p10 = "1m", p50 = "2m", p90 = "1h" }
attempts = 3
retry_delay = "2s"
max_duration = "90m"
keep_on_disconnect = true
argv = ["/bin/train", "--fast"]
working_directory = "data"
user = "ann"
kill_grace = "10s"
environment = { A = "1", B = "two" }
probe = { kind = "http", port = 8080, path = "/", interval = "5s" }

[[groups]]
name = "leader"
cpu = 1
resize = "auto"
simulated = { duration = "30s", cpu_use = "0.5", exit_code = 3, curve = [
  { duration = "10s", cpu = "250m", memory = "1MiB" } ] }
)";

} // namespace

TEST_CASE("every key of a job file arrives in its field") {
  const auto jobs = read(everything);
  REQUIRE(jobs.size() == 1);
  const auto& job = jobs[0];
  CHECK(job.id() == "train-1");
  CHECK(job.name() == "train");
  CHECK(job.gang());
  REQUIRE(job.groups_size() == 2);
  const auto& worker = job.groups(0);
  CHECK(worker.name() == "worker");
  CHECK(worker.count() == 4);
  const auto& profile = worker.profile();
  CHECK(profile.demand().cpu_millicores() == 500);
  CHECK(profile.demand().memory_bytes() == std::int64_t{4} << 30);
  CHECK(profile.demand().disk_bytes() == 1'000'000'000);
  CHECK(profile.demand().network_bits_per_second() == 10'000'000'000);
  REQUIRE(profile.devices_size() == 2);
  CHECK(profile.devices(0).kind() == "gpu");
  CHECK(profile.devices(0).count() == 2);
  CHECK(profile.devices(0).memory_bytes() == std::int64_t{16} << 30);
  CHECK(profile.devices(0).models_size() == 2);
  CHECK(profile.devices(1).kind() == "fpga");
  CHECK(profile.devices(1).share_milli() == 500);
  REQUIRE(profile.named_size() == 1);
  CHECK(profile.named(0).amount_milli() == 2000);
  REQUIRE(profile.constraints_size() == 2);
  CHECK(profile.constraints(0).values_size() == 2);
  CHECK(profile.constraints(1).operator_() == v1::LabelConstraint::NOT_EXISTS);
  CHECK(profile.groups(0) == "workers");
  CHECK(profile.affinity(0) == "data");
  CHECK(profile.anti_affinity(0) == "web");
  CHECK(profile.spread().max_skew() == 2);
  CHECK(profile.minimum().cpu_millicores() == 250);
  CHECK(profile.maximum().memory_bytes() == std::int64_t{8} << 30);
  CHECK(profile.priority() == 10);
  CHECK(profile.tenant() == "science");
  CHECK(profile.expected_duration().p90_milliseconds() == 3'600'000);
  CHECK(profile.max_attempts() == 3);
  CHECK(job.after_size() == 2);
  CHECK(job.hold_milliseconds() == 3'600'000);
  CHECK(worker.retry_delay_milliseconds() == 2'000);
  CHECK(worker.work().max_duration_milliseconds() == 5'400'000);
  const auto& work = worker.work();
  CHECK(work.keep_on_disconnect());
  CHECK(work.exec().argv(1) == "--fast");
  CHECK(work.exec().working_directory() == "data");
  CHECK(work.exec().user() == "ann");
  CHECK(work.exec().kill_grace_milliseconds() == 10'000);
  CHECK(work.exec().environment().at("B") == "two");
  CHECK(work.probe().kind() == v1::Probe::HTTP);
  CHECK(work.probe().interval_milliseconds() == 5000);
  const auto& simulated = job.groups(1).work().simulated();
  CHECK(simulated.duration_milliseconds() == 30'000);
  CHECK(simulated.cpu_use_milli() == 500);
  CHECK(simulated.exit_code() == 3);
  REQUIRE(simulated.curve_size() == 1);
  CHECK(simulated.curve(0).duration_milliseconds() == 10'000);
  CHECK(simulated.curve(0).cpu_millicores() == 250);
  CHECK(simulated.curve(0).memory_bytes() == 1 << 20);
  CHECK(job.groups(1).profile().resize() == v1::RESIZE_AUTO);
  CHECK(profile.resize() == v1::RESIZE_RECOMMEND);
}

TEST_CASE("a job of one group may hold the group's keys itself") {
  const auto jobs = read("name = \"a\"\ncpu = 1\nargv = [\"/bin/true\"]\n");
  REQUIRE(jobs.size() == 1);
  REQUIRE(jobs[0].groups_size() == 1);
  CHECK(jobs[0].name() == "a");
  CHECK(jobs[0].id().empty());
  CHECK(jobs[0].groups(0).count() == 1);
  CHECK(jobs[0].groups(0).profile().demand().cpu_millicores() == 1000);
}

TEST_CASE("JSON says the same as TOML") {
  const auto jobs = read("{\"jobs\": [\n"
                         "  {\"cpu\": 1, \"argv\": [\"/bin/true\"]},\n"
                         "  {\"cpu\": 2.5, \"argv\": [\"/bin/true\"]}]}");
  REQUIRE(jobs.size() == 2);
  CHECK(jobs[1].groups(0).profile().demand().cpu_millicores() == 2500);
  const auto same = read("[[jobs]]\ncpu = 1\nargv = [\"/bin/true\"]\n"
                         "[[jobs]]\ncpu = 2.5\nargv = [\"/bin/true\"]\n");
  CHECK(same[1].SerializeAsString() == jobs[1].SerializeAsString());
}

TEST_CASE("a share of a GPU is less than one, whole ones have no rest") {
  const auto jobs = read("gpus = \"0.25\"\ncpu = 1\nargv = [\"/bin/true\"]\n");
  CHECK(jobs[0].groups(0).profile().devices(0).share_milli() == 250);
  check_refused("gpus = 1.5\ncpu = 1\nargv = [\"/bin/true\"]\n",
                "job:1:8: gpus: 1.5 is neither whole devices nor a share of "
                "one");
}

TEST_CASE("faults name line, column and field, all of them") {
  check_refused("nmae = \"a\"\n"
                "cpu = \"fast\"\n"
                "memory = true\n"
                "count = 0\n"
                "argv = \"ls\"\n",
                "job:1:1: there is no \"nmae\" here (did you mean \"name\"?)\n"
                "job:2:7: cpu: \"fast\" is not a number of cores, for example "
                "2, \"1.5\" or \"500m\"\n"
                "job:3:10: memory is true or false; wanted is an amount\n"
                "job:4:9: count is 0; wanted is a whole number from 1 to "
                "1000000\n"
                "job:5:8: argv is a string; wanted is a list of strings");
  check_refused("{\n  \"groups\": [{\"cpu\": 1,\n    \"argv\": [\"a\"],\n"
                "    \"probe\": {\"prot\": 1}}]}",
                "job:4:15: there is no \"groups[0].probe.prot\" here (did you "
                "mean \"port\"?)");
}

TEST_CASE("a job that runs nothing is refused, but has a place") {
  check_refused("cpu = 1\n", "job:1:1: nothing to run: give argv (a program "
                             "and its arguments) or simulated");
  CHECK(read("cpu = 1\n", task_use::place).size() == 1);
}

TEST_CASE("what does not fit together is refused where the group stands") {
  const auto both = read_jobs("cpu = 1\nargv = [\"a\"]\nsimulated = {}\n",
                              "job", task_use::run);
  REQUIRE(!both);
  CHECK(both.failure().message
        == "job:3:13: argv and simulated exclude each other");
  const auto negative = read_jobs("[[groups]]\ncpu = 1\nargv = [\"a\"]\n"
                                  "constraints = [{ key = \"\" }]\n",
                                  "job", task_use::run);
  REQUIRE(!negative);
  CHECK(negative.failure().message.starts_with("job:1:"));
}

TEST_CASE("ids of jobs are names of files") {
  const auto jobs = read_jobs("id = \"a/b\"\ncpu = 1\nargv = [\"a\"]\n", "job",
                              task_use::run);
  REQUIRE(!jobs);
  CHECK(jobs.failure().message.starts_with("job:1:6: id "));
}

TEST_CASE("random ids are valid, different and begin with the name") {
  std::set<std::string> ids;
  for (int i = 0; i < 100; ++i)
    ids.insert(random_id("train"));
  CHECK(ids.size() == 100);
  for (const auto& id : ids) {
    CHECK(id.starts_with("train-"));
    CHECK(validate_id(id, "id"));
  }
  CHECK(random_id("not a name").starts_with("job-"));
  CHECK(random_id("").starts_with("job-"));
  CHECK(validate_id(random_id(std::string(128, 'a')), "id"));
}

TEST_SUITE_END();

TEST_CASE("`after` names jobs in a job and groups in a group") {
  const auto jobs = read(R"(
after = ["load"]
groups = [{ name = "a", argv = ["x"] },
          { name = "b", after = ["a"], argv = ["x"] }]
)");
  CHECK(jobs[0].after(0) == "load");
  CHECK(jobs[0].groups(1).after(0) == "a");
  check_refused(R"({"groups": [{"name": "a", "after": ["b"], "argv": ["x"]}]})",
                "job:1:12: group a is after b, which is no group of its job");
}
