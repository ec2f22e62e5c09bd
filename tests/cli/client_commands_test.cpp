#include "tests/cli/fake_cluster.hpp"
#include "tests/cli/process.hpp"

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

#include <doctest/doctest.h>

using namespace skerry;
using namespace skerry::testing;
using nlohmann::json;

TEST_SUITE_BEGIN("cli/client_commands");

namespace {

/// Runs `skerry` against the fake.
ended_process ask(const fake_cluster& cluster, const std::string& line,
                  std::vector<std::string> more = {}) {
  auto arguments = words(line);
  arguments.insert(arguments.end(), {"--address", cluster.address()});
  arguments.insert(arguments.end(), more.begin(), more.end());
  return run_skerry(arguments);
}

v1::JobStatus job_in(const std::string& id, v1::TaskState state) {
  v1::JobStatus job;
  job.set_id(id);
  job.set_name("a job");
  job.set_server("s1");
  job.set_state(state);
  auto* task = job.add_tasks();
  task->set_id(id + ".task.0");
  task->set_group("task");
  task->set_state(state);
  task->set_node("n1");
  if (state == v1::RUNNING)
    job.set_running(1);
  return job;
}

constexpr auto small_job = "cpu = 1\nargv = [\"/bin/true\"]\n";

} // namespace

TEST_CASE("submit hands the jobs over and prints their ids") {
  fake_cluster cluster;
  cluster.submit.answer = [](const auto& request, auto& reply) {
    reply.set_server("s1");
    reply.set_accepted(static_cast<std::uint32_t>(request.jobs_size()));
    return grpc::Status::OK;
  };
  const fresh_directory folder;
  const auto given
      = folder.write("a.toml", std::string{"id = \"mine\"\n"} + small_job);
  const auto random = folder.write("b.toml", small_job);
  const auto ended = ask(cluster, "submit", {given, random});
  CHECK(ended.exit_code == 0);
  REQUIRE(cluster.submit.asked().size() == 1);
  const auto request = cluster.submit.asked()[0];
  REQUIRE(request.jobs_size() == 2);
  CHECK(request.jobs(0).id() == "mine");
  CHECK(request.jobs(1).id().starts_with("job-"));
  CHECK(ended.out == "mine\n" + request.jobs(1).id() + "\n");
  CHECK(ended.err == "skerry: note: 2 jobs accepted by s1\n");
  const auto as_json = ask(cluster, "submit -o json", {given});
  const auto parsed = json::parse(as_json.out);
  CHECK(parsed["server"] == "s1");
  CHECK(parsed["accepted"] == 1);
  CHECK(parsed["jobs"][0]["id"] == "mine");
  CHECK(parsed["jobs"][0]["tasks"] == 1);
}

TEST_CASE("submit asks once more, by the same id, when the answer was lost") {
  fake_cluster cluster;
  int calls = 0;
  cluster.submit.answer = [&calls](const auto&, auto& reply) {
    reply.set_server("s1");
    return ++calls == 1 ? grpc::Status{grpc::StatusCode::UNAVAILABLE, "away"}
                        : grpc::Status::OK;
  };
  const fresh_directory folder;
  const auto ended
      = ask(cluster, "submit", {folder.write("a.toml", small_job)});
  CHECK(ended.exit_code == 0);
  const auto asked = cluster.submit.asked();
  REQUIRE(asked.size() == 2);
  CHECK(asked[0].jobs(0).id() == asked[1].jobs(0).id());
}

TEST_CASE("submit --wait tells how the jobs ended") {
  fake_cluster cluster;
  int looks = 0;
  cluster.job.answer = [&looks](const auto& request, auto& reply) {
    reply = job_in(request.id(), ++looks < 3 ? v1::RUNNING : v1::FAILED);
    return grpc::Status::OK;
  };
  const fresh_directory folder;
  const auto ended = ask(cluster, "submit --wait -q -o json",
                         {folder.write("a.toml", small_job)});
  CHECK(ended.exit_code == 1);
  CHECK(looks == 3);
  CHECK(json::parse(ended.out)["jobs"][0]["state"] == "failed");
  CHECK(ended.err.starts_with("skerry: error: not finished: job-"));
}

TEST_CASE("a job file with faults reaches no server") {
  fake_cluster cluster;
  const fresh_directory folder;
  const auto file = folder.write("a.toml", "cpus = 1\nargv = [\"a\"]\n");
  const auto ended = ask(cluster, "submit", {file});
  CHECK(ended.exit_code == 2);
  CHECK(ended.err
        == "skerry: error: " + file
               + ":1:1: there is no \"cpus\" here (did you mean \"cpu\"?)\n");
  CHECK(cluster.submit.asked().empty());
}

TEST_CASE("decide sends what the flags say and shows the places") {
  fake_cluster cluster;
  cluster.decide.answer = [](const auto&, auto& reply) {
    auto* placed = reply.add_decisions();
    placed->set_placed(true);
    placed->set_node("n7");
    placed->add_devices(0);
    placed->add_devices(3);
    placed->set_reservation("r-1");
    auto* refused = reply.add_decisions();
    refused->set_text("fits no node now");
    auto* refusal = refused->add_refusals();
    refusal->set_reason("not enough memory");
    refusal->set_nodes(3);
    return grpc::Status::OK;
  };
  const auto ended
      = ask(cluster,
            "decide --cpu 2 --memory 4GiB --gpus 2 --gpu-model A100,H100 "
            "--constraint zone=a|b --constraint !spot --priority -3 --count 2 "
            "--reserve 30s --id mine");
  CHECK(ended.exit_code == 3);
  REQUIRE(cluster.decide.asked().size() == 1);
  const auto request = cluster.decide.asked()[0];
  CHECK(request.request_id() == "mine");
  CHECK(request.reserve_milliseconds() == 30'000);
  REQUIRE(request.tasks_size() == 2);
  const auto& task = request.tasks(1);
  CHECK(task.demand().cpu_millicores() == 2000);
  CHECK(task.demand().memory_bytes() == std::int64_t{4} << 30);
  CHECK(task.devices(0).count() == 2);
  CHECK(task.devices(0).models_size() == 2);
  CHECK(task.constraints(0).values_size() == 2);
  CHECK(task.constraints(1).operator_() == v1::LabelConstraint::NOT_EXISTS);
  CHECK(task.priority() == -3);
  CHECK(ended.out.find("n7") != std::string::npos);
  CHECK(ended.out.find("0,3") != std::string::npos);
  CHECK(ended.out.find("mine.task.1 is not placed: fits no node now\n")
        != std::string::npos);
  CHECK(ended.out.find("refused by 3 nodes: not enough memory")
        != std::string::npos);
  CHECK(ended.err == "skerry: error: 1 of 2 has no place\n");
}

TEST_CASE("decide confirms and releases reservations") {
  fake_cluster cluster;
  const auto change = [](const auto& request, auto& reply) {
    reply.set_changed(static_cast<std::uint32_t>(request.reservations_size()));
    return grpc::Status::OK;
  };
  cluster.confirm.answer = change;
  cluster.release.answer = change;
  CHECK(ask(cluster, "decide --confirm r-1 r-2").out == "2 confirmed\n");
  CHECK(json::parse(ask(cluster, "decide --release r-1 -o json").out)["changed"]
        == 1);
  CHECK(cluster.confirm.asked()[0].reservations(1) == "r-2");
}

TEST_CASE("get jobs reads page after page") {
  fake_cluster cluster;
  cluster.jobs.answer = [](const auto& request, auto& reply) {
    const bool first = request.after().empty();
    *reply.add_jobs() = job_in(first ? "a" : "b", v1::RUNNING);
    reply.set_more(first);
    return grpc::Status::OK;
  };
  const auto ended = ask(cluster, "get jobs --state running,queued");
  CHECK(ended.exit_code == 0);
  const auto asked = cluster.jobs.asked();
  REQUIRE(asked.size() == 2);
  CHECK(asked[1].after() == "a");
  REQUIRE(asked[0].states_size() == 2);
  CHECK(asked[0].states(0) == v1::RUNNING);
  CHECK(asked[0].states(1) == v1::QUEUED);
  CHECK(ended.out.starts_with("JOB  NAME   STATE    SERVER"));
  CHECK(ended.out.find("\na    a job  running  s1") != std::string::npos);
  CHECK(ended.out.find("\nb    a job  running  s1") != std::string::npos);
  const auto limited = ask(cluster, "get jobs --limit 1 -o json");
  const auto parsed = json::parse(limited.out);
  CHECK(parsed["jobs"].size() == 1);
  CHECK(parsed["more"] == true);
  CHECK(limited.err.find("there are more") != std::string::npos);
}

TEST_CASE("get nodes has amounts as numbers in JSON and for people in tables") {
  fake_cluster cluster;
  cluster.nodes.answer = [](const auto&, auto& reply) {
    auto* node = reply.add_nodes();
    node->mutable_spec()->set_name("n1");
    node->mutable_spec()->mutable_capacity()->set_memory_bytes(std::int64_t{64}
                                                               << 30);
    node->mutable_spec()->mutable_capacity()->set_cpu_millicores(16'000);
    node->mutable_free()->set_cpu_millicores(500);
    (*node->mutable_spec()->mutable_labels())["zone"] = "a";
    node->set_condition(v1::CORDONED);
    node->set_attached(true);
    return grpc::Status::OK;
  };
  const auto table = ask(cluster, "get nodes --cell s1").out;
  CHECK(cluster.nodes.asked()[0].cell() == "s1");
  CHECK(table.find("cordoned") != std::string::npos);
  CHECK(table.find("0.5/16") != std::string::npos);
  CHECK(table.find("0 B/64 GiB") != std::string::npos);
  const auto node
      = json::parse(ask(cluster, "get nodes -o json").out)["nodes"][0];
  CHECK(node["spec"]["capacity"]["memory_bytes"] == std::int64_t{64} << 30);
  CHECK(node["spec"]["labels"]["zone"] == "a");
  CHECK(node["condition"] == "cordoned");
}

TEST_CASE("names from the cluster cannot reach the terminal") {
  fake_cluster cluster;
  cluster.jobs.answer = [](const auto&, auto& reply) {
    reply.add_jobs()->set_name("\033[2Jgone");
    return grpc::Status::OK;
  };
  const auto out = ask(cluster, "get jobs").out;
  CHECK(out.find('\033') == std::string::npos);
  CHECK(out.find("?[2Jgone") != std::string::npos);
}

TEST_CASE("describe finds a task by its id or by its job") {
  fake_cluster cluster;
  cluster.job.answer = [](const auto& request, auto& reply) {
    if (request.id() != "a.b")
      return grpc::Status{grpc::StatusCode::NOT_FOUND, "no such job"};
    reply = job_in("a.b", v1::RUNNING);
    return grpc::Status::OK;
  };
  for (const auto* name : {"a.b.task.0", "a.b"}) {
    const auto ended
        = ask(cluster, std::string{"describe task "} + name + " -o json");
    CHECK(ended.exit_code == 0);
    CHECK(json::parse(ended.out)["id"] == "a.b.task.0");
  }
  const auto missing = ask(cluster, "describe task c.d.0");
  CHECK(missing.exit_code == 2);
  CHECK(missing.err == "skerry: error: there is no task c.d.0\n");
}

namespace {

v1::TaskSize wanted_size() {
  v1::TaskSize size;
  size.set_task("j.task.0");
  size.set_mode(v1::RESIZE_AUTO);
  size.set_policy("window-sigma");
  size.mutable_has()->set_cpu_millicores(1'000);
  size.mutable_recommended()->set_cpu_millicores(2'000);
  size.mutable_usage()->set_cpu_millicores(900);
  size.mutable_usage()->set_throttled_periods_milli(420);
  size.mutable_usage()->set_out_of_memory_kills(1);
  size.set_reason("0.90 cores used");
  size.set_waits_for("its node lacks 1.00 cores for it");
  return size;
}

} // namespace

TEST_CASE("get resizes reads page after page, with the reasons") {
  fake_cluster cluster;
  cluster.resizes.answer = [](const auto& request, auto& reply) {
    *reply.add_tasks() = wanted_size();
    reply.set_more(request.after().empty());
    return grpc::Status::OK;
  };
  const auto table = ask(cluster, "get resizes").out;
  CHECK(cluster.resizes.asked().size() == 2);
  CHECK(cluster.resizes.asked()[1].after() == "j.task.0");
  CHECK(table.find("42 %") != std::string::npos);
  CHECK(table.find("0.90 cores used; its node lacks 1.00 cores for it")
        != std::string::npos);
  const auto sizes = json::parse(ask(cluster, "get resizes -o json").out);
  CHECK(sizes["tasks"][0]["recommended"]["cpu_millicores"] == 2'000);
}

TEST_CASE("describe tells what a running task uses and ought to have") {
  fake_cluster cluster;
  cluster.job.answer = [](const auto&, auto& reply) {
    reply = job_in("j", v1::RUNNING);
    return grpc::Status::OK;
  };
  const auto without = ask(cluster, "describe task j");
  CHECK(without.exit_code == 0); // Its cell does not answer that.
  cluster.resizes.answer = [](const auto& request, auto& reply) {
    CHECK(request.task() == "j.task.0");
    *reply.add_tasks() = wanted_size();
    return grpc::Status::OK;
  };
  const auto out = ask(cluster, "describe task j").out;
  CHECK(out.find("Throttled:    42 % of its time\n") != std::string::npos);
  CHECK(out.find("Resizing:     auto, by window-sigma\n") != std::string::npos);
  CHECK(out.find("Wanted:       cpu 2\n") != std::string::npos);
  CHECK(out.find("Killed:       1 processes, for want of memory\n")
        != std::string::npos);
  const auto task = json::parse(ask(cluster, "describe task j -o json").out);
  CHECK(task["usage"]["cpu_millicores"] == 900);
  CHECK(task["size"]["waits_for"] == "its node lacks 1.00 cores for it");
}

TEST_CASE("run is the task: its output and its exit code") {
  fake_cluster cluster;
  int looks = 0;
  cluster.job.answer = [&looks](const auto& request, auto& reply) {
    reply = job_in(request.id(), ++looks < 3 ? v1::RUNNING : v1::FAILED);
    if (looks >= 3)
      reply.mutable_tasks(0)->mutable_outcome()->set_exit_code(7);
    return grpc::Status::OK;
  };
  cluster.logs.answer = [](const auto& request, auto& reply) {
    const std::string all = request.stderr() ? "oops\n" : "hello\nworld\n";
    if (request.offset_bytes() < all.size()) // Some bytes at a time.
      reply.set_data(all.substr(request.offset_bytes(), 7));
    return grpc::Status::OK;
  };
  const auto ended = ask(cluster, "run --cpu 500m --env A=b -q",
                         {"--", "sh", "-c", "echo --cpu 3"});
  CHECK(ended.exit_code == 7);
  CHECK(ended.out == "hello\nworld\n");
  CHECK(ended.err == "oops\nskerry: error: the task failed: exit code 7\n");
  const auto group = cluster.submit.asked()[0].jobs(0).groups(0);
  CHECK(group.profile().demand().cpu_millicores() == 500);
  REQUIRE(group.work().exec().argv_size() == 3);
  CHECK(group.work().exec().argv(2) == "echo --cpu 3");
  CHECK(group.work().exec().environment().at("A") == "b");
}

TEST_CASE("nodes change one by one, and one that fails stops no other") {
  fake_cluster cluster;
  cluster.condition.answer = [](const auto& request, auto& reply) {
    if (request.name() == "b")
      return grpc::Status{grpc::StatusCode::NOT_FOUND, "no such node"};
    reply.mutable_spec()->set_name(request.name());
    reply.set_condition(request.condition());
    return grpc::Status::OK;
  };
  const auto ended = ask(cluster, "node cordon a b c");
  CHECK(ended.exit_code == 2);
  CHECK(ended.err == "skerry: error: b: no such node\n");
  const auto asked = cluster.condition.asked();
  REQUIRE(asked.size() == 3);
  CHECK(asked[2].name() == "c");
  CHECK(asked[2].condition() == v1::CORDONED);
}

TEST_CASE("a job whose tasks are still to end is being cancelled") {
  fake_cluster cluster;
  cluster.cancel.answer = [](const auto& request, auto& reply) {
    reply = job_in(request.id(), v1::RUNNING);
    reply.set_cancelling(true);
    return grpc::Status::OK;
  };
  CHECK(ask(cluster, "cancel a").out.find("\na    a job  cancelling  s1")
        != std::string::npos);
  const auto job = json::parse(ask(cluster, "cancel a -o json").out)["jobs"][0];
  CHECK(job["state"] == "running");
  CHECK(job["cancelling"] == true);
}

TEST_CASE("who forgets a server is told who has not heard of it") {
  fake_cluster cluster;
  cluster.forget_server.answer = [](const auto&, auto& reply) {
    reply.add_told("a");
    reply.add_told("b");
    reply.add_not_told("d");
    return grpc::Status::OK;
  };
  const auto ended = ask(cluster, "forget-server c");
  CHECK(ended.exit_code == 0);
  CHECK(ended.out == "c is forgotten by a, b\n");
  CHECK(ended.err
        == "skerry: note: not told: d; what is down hears of it when it is "
           "back\n");
  const auto told = json::parse(ask(cluster, "forget-server c -q -o json").out);
  CHECK(told["servers"][0]["not_told"][0] == "d");
}

TEST_CASE("get servers says of when a row is") {
  fake_cluster cluster;
  cluster.servers.answer = [](const auto&, auto& reply) {
    const auto add = [&](const char* name, bool reachable, int silent) {
      auto* to = reply.add_servers();
      to->set_name(name);
      to->set_reachable(reachable);
      to->set_incarnation(1);
      to->set_silent_milliseconds(silent);
      return to;
    };
    add("a", true, 0);
    add("b", true, 3'000);
    add("c", false, 9'000);
    add("d", false, 0)->set_incarnation(0);
    return grpc::Status::OK;
  };
  const auto out = ask(cluster, "get servers").out;
  CHECK(out.find("\na       up  ") != std::string::npos);
  CHECK(out.find("\nb       up, as of 3s ago  ") != std::string::npos);
  CHECK(out.find("\nc       silent for 9s  ") != std::string::npos);
  CHECK(out.find("\nd       not seen since the start  ") != std::string::npos);
}

TEST_CASE("what has gone wrong is told by the exit code") {
  fake_cluster cluster;
  const auto fails_with = [&cluster](grpc::StatusCode code) {
    cluster.cancel.answer = [code](const auto&, auto&) {
      return grpc::Status{code, "because"};
    };
    return ask(cluster, "cancel a").exit_code;
  };
  CHECK(fails_with(grpc::StatusCode::NOT_FOUND) == 2);
  CHECK(fails_with(grpc::StatusCode::INVALID_ARGUMENT) == 2);
  CHECK(fails_with(grpc::StatusCode::ABORTED) == 5);
  CHECK(fails_with(grpc::StatusCode::DEADLINE_EXCEEDED) == 4);
  CHECK(fails_with(grpc::StatusCode::UNAVAILABLE) == 4);
}

TEST_CASE("the next server is asked when one is unreachable") {
  fake_cluster cluster;
  cluster.servers.answer = [](const auto&, auto& reply) {
    reply.set_answered_by("s2");
    return grpc::Status::OK;
  };
  // Port 1 is nobody's.
  const auto ended = run_skerry({"get", "servers", "-o", "json", "--address",
                                 "127.0.0.1:1," + cluster.address()});
  CHECK(ended.exit_code == 0);
  CHECK(json::parse(ended.out)["answered_by"] == "s2");
  const auto nobody = run_skerry(words("get servers --address 127.0.0.1:1"));
  CHECK(nobody.exit_code == 4);
  CHECK(nobody.err.starts_with("skerry: error: cannot reach 127.0.0.1:1: "));
}

TEST_CASE("flags that make no sense are refused before anything is asked") {
  check_refused(words("decide"), "say what the task needs");
  check_refused(words("decide --cpu fast"), "--cpu: \"fast\" is not");
  check_refused(words("decide --cpu 1 --gpus 1.5"), "--gpus: \"1.5\"");
  check_refused(words("decide --cpu 1 --id a"), "give --reserve, too");
  check_refused(words("decide --confirm a --cpu 1"), "stand alone");
  check_refused(words("get jobs --state flying"), "there is no \"flying\"");
  check_refused(words("resize a"), "say what to change");
  check_refused(words("run --cpu 1"), "COMMAND is required");
  check_refused(words("submit no-such-file"), "cannot read no-such-file");
  check_refused(words("get jobs --timeout soon"), "--timeout: \"soon\"");
  check_refused(words("get jobs --address nowhere"), "--address: \"nowhere\"");
}

TEST_SUITE_END();
