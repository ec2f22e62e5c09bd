#include "cli/queueing_table.hpp"

#include <array>
#include <string>

#include <doctest/doctest.h>

using namespace skerry;

namespace {

queueing_run run_of(const std::string& policy, std::uint64_t seed,
                    double allocated, double mean_wait) {
  queueing_run run{.policy = policy,
                   .seed = seed,
                   .percents = {{"allocated_gpu_percent", allocated}}};
  run.all.started = 3;
  run.all.wait_seconds.mean = mean_wait;
  run.classes.emplace_back("batch", run.all);
  return run;
}

} // namespace

TEST_SUITE_BEGIN("cli/queueing_table");

TEST_CASE("a run names its figures alike for all and for a class") {
  const auto found = json_of("w", run_of("fgd", 1, 90, 5));
  CHECK(found.at("workload") == "w");
  CHECK(found.at("allocated_gpu_percent") == 90.0);
  CHECK(found.at("placed") == 3);
  CHECK(found.at("wait_seconds").at("mean") == 5.0);
  CHECK(found.at("classes").at("batch").at("wait_seconds").at("mean") == 5.0);
}

TEST_CASE("policies are compared with the first, seed by seed") {
  const std::array runs{run_of("fgd", 1, 90, 5), run_of("fgd", 2, 80, 50),
                        run_of("x", 1, 91, 7), run_of("x", 2, 81, 52)};
  const std::array<std::uint64_t, 2> seeds{1, 2};
  const auto text = table_of("title", seeds, runs);
  CHECK(text.starts_with("title, seeds 1, 2; mean (standard deviation)"));
  // 90 and 80: 85, and sqrt(50) = 7.07.
  CHECK(text.find("85.00 (7.07)") != std::string::npos);
  CHECK(text.find("allocated GPU %") != std::string::npos);
  CHECK(text.find("+1.00 +-0.00") != std::string::npos);
  CHECK(text.find("+2.0 +-0.0") != std::string::npos);
}

TEST_SUITE_END();
