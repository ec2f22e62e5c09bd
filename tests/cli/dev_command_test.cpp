#include "tests/cli/process.hpp"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <csignal>
#include <string>
#include <unistd.h>

#include <doctest/doctest.h>

using namespace skerry::testing;
using nlohmann::json;

TEST_SUITE_BEGIN("cli/dev_command");

namespace {

/// A running `skerry dev`.
class dev_cluster {
public:
  explicit dev_cluster(std::vector<std::string> flags)
      : process_{with_listen(std::move(flags))} {
    // Sanitized builds on a busy machine are slow.
    for (int i = 0; i < 6000 && !process_.out_so_far().ends_with('\n')
                    && !process_.has_ended();
         ++i)
      ::usleep(10'000);
    const auto told = process_.out_so_far();
    if (!told.ends_with('\n'))
      FAIL(process_.wait().err);
    const auto parsed = json::parse(told);
    address_ = parsed["address"];
    nodes_ = parsed["nodes"];
  }

  int nodes() const { return nodes_; }

  ended_process ask(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {"--address", address_});
    return run_skerry(arguments);
  }

  ended_process end() {
    process_.send(SIGTERM);
    return process_.wait();
  }

private:
  static std::vector<std::string> with_listen(std::vector<std::string> flags) {
    flags.insert(flags.begin(),
                 {"dev", "-o", "json", "--listen", "127.0.0.1:0"});
    return flags;
  }

  skerry_process process_;
  std::string address_;
  int nodes_ = 0;
};

} // namespace

TEST_CASE("a cluster to try things out: decide, submit, watch it end") {
  dev_cluster cluster{{"--nodes", "3", "--time-scale", "100"}};
  CHECK(cluster.nodes() == 3);
  const auto nodes = cluster.ask({"get", "nodes", "-o", "json"});
  REQUIRE(nodes.exit_code == 0);
  CHECK(json::parse(nodes.out)["nodes"].size() == 3);
  CHECK(cluster.ask(words("decide --cpu 2 --memory 1GiB")).exit_code == 0);
  CHECK(cluster.ask(words("decide --cpu 1000")).exit_code == 3);

  const fresh_directory folder;
  const auto file = folder.write(
      "job.toml", "id = \"j\"\ncount = 5\ncpu = 1\nmemory = \"1GiB\"\n"
                  "simulated = { duration = \"5s\" }\n");
  const auto done = cluster.ask({"submit", "--wait", "-o", "json", file});
  CAPTURE(done.err);
  CHECK(done.exit_code == 0);
  CHECK(json::parse(done.out)["jobs"][0]["finished"] == 5);
  CHECK(cluster.ask({"submit", file}).err
        == "skerry: note: job accepted by dev, as it was before\n");
  const auto described = cluster.ask(words("describe task j.task.4"));
  CHECK(described.exit_code == 0);
  CHECK(described.out.find("State:        finished") != std::string::npos);
  CHECK(cluster.ask(words("describe job nothing")).exit_code == 2);

  CHECK(cluster.ask(words("node drain sim-0 --wait")).exit_code == 0);
  const auto drained = cluster.ask(words("describe node sim-0 -o json"));
  CHECK(json::parse(drained.out)["condition"] == "draining");

  const auto ended = cluster.end();
  CAPTURE(ended.err);
  CHECK(ended.exit_code == 0);
}

TEST_CASE("why a job waits, and what would let it start") {
  dev_cluster cluster{{"--nodes", "1", "--time-scale", "100"}};
  const auto node
      = json::parse(cluster.ask(words("describe node sim-0 -o json")).out);
  const int cores
      = node["spec"]["capacity"]["cpu_millicores"].get<int>() / 1000;
  const fresh_directory folder;
  const auto submit = [&](const std::string& id, int cpu) {
    const auto file = folder.write(
        id + ".toml", fmt::format("id = \"{}\"\ncpu = {}\nsimulated = {{ "
                                  "duration = \"10h\" }}\n",
                                  id, cpu));
    REQUIRE(cluster.ask({"submit", file}).exit_code == 0);
  };
  submit("first", 2);
  submit("waits", cores);
  const auto waits = [&] {
    const auto ended = cluster.ask(words("explain waits -o json"));
    REQUIRE(ended.exit_code == 0);
    return json::parse(ended.out);
  };
  auto why = waits();
  while (why["groups"][0]["cells"][0]["placed"] == true)
    why = waits(); // The first has no place yet.
  const auto& cell = why["groups"][0]["cells"][0];
  CHECK(cell["smallest_change"]["text"] == "2 cores less cpu, on node sim-0");
  const auto text = cluster.ask(words("explain waits")).out;
  CHECK(text.find("2 cores less cpu, on node sim-0") != std::string::npos);
  CHECK(text.find("ahead     nobody") != std::string::npos);
  CHECK(cluster.ask(words("explain first"))
            .out.find("it waits for nothing: all its tasks have a place")
        != std::string::npos);
  const auto missing = cluster.ask(words("explain nothing"));
  CHECK(missing.exit_code == 2);
  CHECK(missing.err.find("no job nothing") != std::string::npos);
  CHECK(cluster.end().exit_code == 0);
}

TEST_CASE("a cluster without nodes is a cluster, too") {
  dev_cluster cluster{{"--nodes", "0"}};
  const auto servers = cluster.ask({"get", "servers", "-o", "json"});
  REQUIRE(servers.exit_code == 0);
  CHECK(json::parse(servers.out)["answered_by"] == "dev");
  CHECK(cluster.end().exit_code == 0);
}

TEST_SUITE_END();
