#include "tests/cli/openb_files.hpp"

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

#include <doctest/doctest.h>

using namespace skerry::testing;
using nlohmann::json;

namespace {

struct fixture : openb_files {
  /// A short run on both nodes.
  std::vector<std::string> departures(const std::string& more) const {
    return words("simulate departures --nodes " + nodes + " --pods " + pods
                 + " --cluster all --warm-up-hours 0.1 --hours 1 " + more);
  }
};

/// What does not depend on how fast this machine is.
json without_times(json run) {
  run.erase("decisions_per_second");
  run.erase("decision_us");
  return run;
}

} // namespace

TEST_SUITE_BEGIN("cli/simulate_departures");

TEST_CASE_FIXTURE(fixture, "one run gives one object") {
  const auto ended = run_skerry(departures("--seed 1 --policy fgd -o json"));
  CHECK(ended.exit_code == 0);
  CHECK(ended.err.empty());
  const auto found = json::parse(ended.out);
  CHECK(found.at("workload") == "pods.small");
  CHECK(found.at("policy") == "fgd");
  CHECK(found.at("seed") == 1);
  CHECK(found.at("nodes") == 2);
  CHECK(found.at("gpus") == 2);
  // Load 0.95 of two GPUs; an hour of minutes leaves it some spread.
  CHECK(found.at("allocated_gpu_percent").get<double>() > 50);
  CHECK(found.at("allocated_gpu_percent").get<double>() <= 100);
  CHECK(found.at("submitted").get<int>()
        == found.at("placed").get<int>()
               + found.at("pending_at_end").get<int>());
  CHECK(found.at("classes").at("one-gpu").at("wait_seconds").contains("p99"));
}

TEST_CASE_FIXTURE(fixture, "the same seed gives the same figures") {
  const auto once = [this](const std::string& seed) {
    return without_times(json::parse(
        run_skerry(departures("--policy fgd -o json --seed " + seed)).out));
  };
  CHECK(once("1") == once("1"));
  CHECK(once("1") != once("2"));
}

TEST_CASE_FIXTURE(fixture, "several seeds are compared in pairs") {
  const auto ended
      = run_skerry(departures("--seed 1,2 --policy fgd,first-fit"));
  CHECK(ended.exit_code == 0);
  CHECK(ended.out.find("Difference to fgd, paired by seed")
        != std::string::npos);
  const auto single = run_skerry(departures("--seed 1 --policy fgd,first-fit"));
  CHECK(single.out.find("Difference") == std::string::npos);
}

TEST_CASE_FIXTURE(fixture, "bad flags are refused") {
  const auto refused = [this](const std::string& more, std::string_view why) {
    auto arguments = words("simulate departures --nodes " + nodes + " --pods "
                           + pods + " " + more);
    check_refused(arguments, why);
  };
  for (const std::string load : {"nan", "-1", "0", "inf", "11", "x"})
    refused("--seed 1 --policy fgd --load " + load, "--load: \"" + load);
  refused("--seed 1 --policy fgd --hours 0", "--hours: \"0\"");
  refused("--seed 1 --policy fgd --hours 1e9", "--hours: \"1e9\"");
  refused("--seed 1 --policy fgd --warm-up-hours -1", "--warm-up-hours");
  refused("--seed 1 --policy fgd --cluster half", "known: third, all");
  refused("--seed 1 --policy fgd --start full", "known: residents, empty");
  refused("--seed 1,1 --policy fgd", "\"1\" is given twice");
  refused("--seed 1 --policy none", "known are skerry");
}

TEST_CASE_FIXTURE(fixture, "a list whose pods never ran is refused") {
  pods = directory.write("new.csv",
                         "name,cpu_milli,memory_mib,num_gpu,gpu_milli\n"
                         "p0,1000,1024,1,1000\n");
  check_refused(departures("--seed 1 --policy fgd"), "");
  nodes = directory.path() / "none.csv";
  check_refused(departures("--seed 1 --policy fgd"), "none.csv");
}

TEST_SUITE_END();
