#include "tests/cli/process.hpp"

#include <nlohmann/json.hpp>

#include <sstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>

using namespace skerry::testing;
using nlohmann::json;

TEST_SUITE_BEGIN("cli/bench_command");

TEST_CASE("a benchmark tells its cases line by line") {
  const auto ended
      = run_skerry(words("bench dispatch --seconds 0.001 -o json"));
  CHECK(ended.exit_code == 0);
  std::istringstream lines{ended.out};
  std::vector<std::string> cases;
  for (std::string line; std::getline(lines, line);) {
    const auto found = json::parse(line);
    CHECK(found.at("name") == "dispatch");
    for (const auto* figure : {"per_second", "p50_us", "p99_us", "cpu_seconds"})
      CHECK(found.at(figure).get<double>() > 0);
    CHECK(found.contains("commit"));
    cases.push_back(found.at("case"));
  }
  const std::vector<std::string> expected{
      "index/100",   "scan/100",   "index/1000",   "scan/1000",
      "index/10000", "scan/10000", "index/100000", "scan/100000"};
  CHECK(cases == expected);
}

TEST_CASE("the network benchmark tells the server's CPU seconds apart") {
  const auto ended = run_skerry(words("bench network --seconds 0.05 -o json"));
  CHECK(ended.exit_code == 0);
  std::istringstream lines{ended.out};
  int cases = 0;
  for (std::string line; std::getline(lines, line); ++cases) {
    const auto found = json::parse(line);
    for (const auto* figure : {"per_second", "p99_us", "server_cpu_seconds",
                               "callers_cpu_seconds", "per_server_cpu_second"})
      CHECK(found.at(figure).get<double>() > 0);
    CHECK(found.at("server_cpu_seconds").get<double>()
          < found.at("cpu_seconds").get<double>());
  }
  CHECK(cases == 16); // Eight at 1 000 nodes and at 10 000.
}

TEST_CASE("what cannot be measured is refused") {
  check_refused(words("bench nonesuch"),
                "adaptation, cells, dispatch, islands, learner, memory, "
                "network, openb, plans");
  check_refused(words("bench openb"), "--traces");
  check_refused(words("bench cells"), "--traces");
  check_refused(words("bench cells --traces /nonexistent"), "/nonexistent");
  check_refused(words("bench openb --traces /nonexistent"), "/nonexistent");
  check_refused(words("bench dispatch --seconds nan"), "--seconds");
  check_refused(words("bench dispatch --seed -1"), "--seed");
  check_refused(words("bench"), "NAME");
}

TEST_SUITE_END();
