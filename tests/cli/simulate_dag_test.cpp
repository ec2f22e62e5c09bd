#include "tests/cli/process.hpp"

#include <nlohmann/json.hpp>

#include <string>

#include <doctest/doctest.h>

using namespace skerry::testing;
using nlohmann::json;

namespace {

std::vector<std::string> arguments(const std::string& more) {
  return words("simulate dag " + more);
}

} // namespace

TEST_SUITE_BEGIN("cli/simulate_dag");

TEST_CASE("one order and seed give one object by the contract") {
  const auto ended = run_skerry(
      arguments("--jobs 8 --slots 10 --load 0.5 --seed 3 --order sjf -o json"));
  CHECK(ended.exit_code == 0);
  CHECK(ended.err.empty());
  const auto found = json::parse(ended.out);
  CHECK(found.at("workload") == "tpch-like");
  CHECK(found.at("order") == "sjf");
  CHECK(found.at("seed") == 3);
  CHECK(found.at("jobs") == 8);
  CHECK(found.at("slots") == 10);
  CHECK(found.at("arrivals") == "poisson");
  CHECK(found.at("load") == 0.5);
  const auto& times = found.at("completion_seconds");
  CHECK(times.at("p50") <= times.at("p95"));
  CHECK(times.at("p95") <= times.at("max"));
  CHECK(times.at("mean") <= times.at("max"));
  CHECK(found.at("makespan_seconds") > 0);
  CHECK(found.at("utilisation") <= 1);
}

TEST_CASE("orders and seeds give an array and a table") {
  const std::string flags = "--jobs 8 --slots 10 --batch --seed 3,4 --order "
                            "fair,fifo --order critical-path";
  const auto found = json::parse(run_skerry(arguments(flags + " -o json")).out);
  REQUIRE(found.size() == 6);
  CHECK(found[0].at("order") == "fair");
  CHECK(found[1].at("seed") == 4);
  CHECK(found[5].at("order") == "critical-path");
  CHECK(found[5].at("arrivals") == "batch");
  CHECK(!found[5].contains("load"));
  const auto table = run_skerry(arguments(flags));
  CHECK(table.exit_code == 0);
  CHECK(table.out.find("all at once") != std::string::npos);
  CHECK(table.out.find("minus fair") != std::string::npos);
  CHECK(table.out.find("\ncritical-path  ") != std::string::npos);
  CHECK(table.out == run_skerry(arguments(flags)).out);
}

TEST_CASE("bad flags are refused") {
  const auto refused = [](const std::string& more, std::string_view why) {
    check_refused(arguments(more), why);
  };
  refused("--order sjf", "--seed is required");
  refused("--seed 1", "--order is required");
  const std::string runs = "--seed 1 --order sjf ";
  refused(runs + "--jobs 0", "--jobs: \"0\" is not a whole number");
  refused(runs + "--jobs 1000000", "from 1 to 100000");
  refused(runs + "--slots 2.5", "--slots: \"2.5\" is not a whole number");
  refused(runs + "--slots 0", "--slots: \"0\"");
  refused(runs + "--load 0", "--load: \"0\" is not a number from 0.01 to 10");
  refused(runs + "--load full", "--load: \"full\"");
  refused(runs + "--load 0.5 --batch", "--load excludes --batch");
  refused(runs + "--estimate-error 3", "--estimate-error: \"3\"");
  refused(runs + "--move-seconds -1", "--move-seconds: \"-1\"");
  refused("--seed 1,1 --order sjf", "given twice");
  refused("--seed one --order sjf", "--seed: \"one\"");
  refused("--seed 1 --order lifo",
          "--order: no order of stages is called \"lifo\" (known: fifo, fair");
  refused("--seed 1 --order sjf,", "an item of the list is empty");
  refused("--seed 1 --order sjf,sjf", "\"sjf\" is given twice");
  refused(runs + "--surplus", "there is no --surplus here");
}

TEST_CASE("the help names the orders and an example") {
  const auto help = run_skerry(arguments("--help"));
  CHECK(help.exit_code == 0);
  CHECK(help.out.find("sjf-critical-path") != std::string::npos);
  CHECK(help.out.find("skerry simulate dag --jobs 200") != std::string::npos);
}
