#include "tests/cli/process.hpp"

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

#include <doctest/doctest.h>

using namespace skerry::testing;
using nlohmann::json;

namespace {

std::vector<std::string> synthetic(const std::string& more) {
  return words("simulate synthetic --nodes 20 --hours 1 " + more);
}

} // namespace

TEST_SUITE_BEGIN("cli/simulate_synthetic");

TEST_CASE("one run gives what the demo reads") {
  const auto ended = run_skerry(synthetic("--seed 3 --policy fgd -o json"));
  CHECK(ended.exit_code == 0);
  CHECK(ended.err.empty());
  const auto found = json::parse(ended.out);
  CHECK(found.at("workload") == "synthetic");
  CHECK(found.at("policy") == "fgd");
  CHECK(found.at("seed") == 3);
  CHECK(found.at("submitted").get<int>() > 0);
  CHECK(found.at("submitted").get<int>()
        == found.at("placed").get<int>() + found.at("refused").get<int>()
               + found.at("pending_at_end").get<int>());
  for (const auto* figure : {"mean", "p50", "p99"})
    CHECK(found.at("wait_seconds").at(figure).get<double>() >= 0);
  CHECK(found.at("decisions_per_second").get<double>() > 0);
  CHECK(found.at("decision_us").contains("p99"));
}

TEST_CASE("runs are told policy by policy") {
  const auto ended
      = run_skerry(synthetic("--seed 1,2 --policy fgd,first-fit -o json"));
  const auto found = json::parse(ended.out);
  REQUIRE(found.size() == 4);
  CHECK(found[1].at("policy") == "fgd");
  CHECK(found[1].at("seed") == 2);
  CHECK(found[2].at("policy") == "first-fit");
  CHECK(found[2].at("seed") == 1);
  // Both see the same tasks.
  CHECK(found[0].at("submitted") == found[2].at("submitted"));
}

TEST_CASE("a mix names the kinds there are") {
  const auto ended = run_skerry(synthetic(
      "--node-mix cpu=1 --task-mix batch=1,iot=0 --policy first-fit -o json"));
  CHECK(ended.exit_code == 0);
  const auto found = json::parse(ended.out);
  CHECK(found.at("classes").size() == 1);
  CHECK(found.at("classes").contains("batch"));
  CHECK_FALSE(found.contains("allocated_gpu_percent"));
}

TEST_CASE("a table needs no flag at all") {
  const auto ended = run_skerry(synthetic(""));
  CHECK(ended.exit_code == 0);
  CHECK(ended.out.find("seed 1") != std::string::npos);
  CHECK(ended.out.find("\nfgd  ") != std::string::npos);
}

TEST_CASE("bad flags are refused") {
  check_refused(synthetic("--load nan"), "--load: \"nan\"");
  check_refused(synthetic("--load -0.5"), "--load: \"-0.5\"");
  check_refused(synthetic("--load 0"), "load");
  check_refused(synthetic("--warm-up-hours 1"), "warm-up");
  check_refused(synthetic("--diurnal 2"), "diurnal");
  check_refused(synthetic("--seed 1,x"), "--seed: \"x\"");
  check_refused(synthetic("--policy best"), "known are skerry");
  check_refused(synthetic("--node-mix tpu=1"), "known: cpu, memory, gpu-large");
  check_refused(synthetic("--node-mix cpu"), "NAME=SHARE");
  check_refused(synthetic("--node-mix cpu=1,cpu=2"), "cpu is given twice");
  check_refused(synthetic("--node-mix cpu=nan"), "\"nan\"");
  check_refused(words("simulate synthetic --nodes 0"), "--nodes: \"0\"");
  check_refused(words("simulate synthetic --nodes 1e9"), "--nodes");
  check_refused(words("simulate synthetic --hours 0"), "hours");
}

TEST_SUITE_END();
