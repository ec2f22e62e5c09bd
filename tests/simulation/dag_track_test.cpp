#include "simulation/dag_track.hpp"

#include <algorithm>
#include <numeric>

#include <doctest/doctest.h>

using namespace skerry;

TEST_SUITE_BEGIN("simulation/dag_track");

TEST_CASE("the same seed gives the same result") {
  for (const auto order : all_dag_orders()) {
    const dag_options options{.jobs = 40, .slots = 30, .seed = 5};
    const auto first = run_dag_track(dag_trace::make(options).value(), order);
    const auto again = run_dag_track(dag_trace::make(options).value(), order);
    CHECK(first.completion_seconds == again.completion_seconds);
  }
}

TEST_CASE("figures are those of the completion times") {
  const auto trace = dag_trace::make({.jobs = 20, .slots = 30, .seed = 5});
  REQUIRE(trace);
  const auto report = run_dag_track(*trace, dag_order::fair);
  auto sorted = report.completion_seconds;
  REQUIRE(sorted.size() == 20);
  std::ranges::sort(sorted);
  CHECK(report.mean_seconds
        == doctest::Approx(std::reduce(sorted.begin(), sorted.end()) / 20));
  CHECK(report.p50_seconds == sorted[9]);
  CHECK(report.p95_seconds == sorted[18]);
  CHECK(report.max_seconds == sorted[19]);
  CHECK(report.utilisation > 0);
  CHECK(report.utilisation <= 1);
}

TEST_CASE("a machine that is never idle ends at the same time in any order") {
  // One slot: the makespan is the work, whatever the order.
  const auto trace
      = dag_trace::make({.jobs = 10, .slots = 1, .load = 0, .seed = 2});
  REQUIRE(trace);
  for (const auto order : all_dag_orders()) {
    const auto report = run_dag_track(*trace, order);
    CHECK(
        report.makespan_seconds
        == doctest::Approx(static_cast<double>(trace->true_work_ms()) / 1000));
    CHECK(report.utilisation == doctest::Approx(1));
  }
}

TEST_CASE("options are checked") {
  CHECK(dag_trace::make({.slots = 0}).failure().code
        == error_code::invalid_argument);
}
