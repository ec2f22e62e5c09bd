#include "simulation/synthetic_track.hpp"

#include <doctest/doctest.h>

using namespace skerry;

namespace {

const synthetic_options small{.nodes = 40, .hours = 6, .warm_up_hours = 1};

} // namespace

TEST_SUITE_BEGIN("simulation/synthetic_track");

TEST_CASE("a run is the same twice, to the byte") {
  for (const std::string_view policy : {"random", "best-fit", "fgd"}) {
    CAPTURE(policy);
    const auto first
        = run_synthetic_track(small, policy, 1, placement_search::index, {});
    const auto again
        = run_synthetic_track(small, policy, 1, placement_search::index, {});
    REQUIRE(first);
    CHECK(first->outcomes == again->outcomes);
    CHECK(first->all == again->all);
    CHECK(first->classes == again->classes);
    CHECK(first->utilisation == again->utilisation);
  }
}

TEST_CASE(
    "every policy sees the same tasks, and what fits nowhere is refused") {
  auto options = small;
  options.impossible_share = 0.05;
  const auto workload = generate_synthetic(options, 2);
  REQUIRE(workload);
  std::uint64_t refused = 0;
  for (const auto policy : placement_policy_names()) {
    CAPTURE(policy);
    const auto report = run_synthetic_track(*workload, policy, 2,
                                            placement_search::index, {});
    REQUIRE(report);
    const auto& all = report->all;
    CHECK(all.submitted == workload->queue.arrivals.size());
    CHECK(all.submitted == all.refused + all.started + all.pending_at_end);
    if (refused == 0)
      refused = all.refused;
    CHECK(all.refused == refused);
    std::uint64_t submitted = 0;
    for (const auto& each : report->classes)
      submitted += each.submitted;
    CHECK(submitted == all.submitted);
    for (const auto utilisation : report->utilisation)
      CHECK((utilisation > 0 && utilisation <= 1));
  }
  const auto share = static_cast<double>(refused)
                     / static_cast<double>(workload->queue.arrivals.size());
  CHECK(share == doctest::Approx(0.05).epsilon(0.15));
}

TEST_CASE("the ledger keeps its invariants in a synthetic run") {
  const auto workload = generate_synthetic(small, 3);
  REQUIRE(workload);
  queueing_cluster run{workload->queue};
  REQUIRE(run.prepare("best-fit", 3, placement_search::index));
  for (int events = 0; run.step(); ++events)
    if (events % 100 == 0) {
      const auto sound = run.book().check_invariants();
      if (!sound)
        FAIL(sound.failure().message);
    }
  CHECK(run.book().check_invariants());
}

TEST_CASE("an overloaded cluster fills up where it is tightest") {
  // Batch tasks alone want 2 or 6 GiB a core, on average what the nodes have.
  auto options = small;
  options.node_shares = {1, 0, 0, 0, 0, 0};
  options.task_shares = {0, 1, 0, 0, 0, 0, 0};
  options.load = 3;
  const auto workload = generate_synthetic(options, 1);
  REQUIRE(workload);
  const auto report = run_synthetic_track(*workload, "best-fit", 1,
                                          placement_search::index, {});
  REQUIRE(report);
  CHECK(report->utilisation[index_of(metered::cpu)] > 0.8);
  CHECK(report->utilisation[index_of(metered::memory)] > 0.9);
  CHECK(report->pending[index_of(metered::memory)] > 0.5);
  CHECK(report->all.pending_at_end > 0);
}

TEST_CASE("unknown policies and bad options are refused") {
  CHECK(run_synthetic_track(small, "none", 1, placement_search::index, {})
            .failure()
            .code
        == error_code::invalid_argument);
  CHECK(run_synthetic_track(synthetic_options{.nodes = 0}, "fgd", 1,
                            placement_search::index, {})
            .failure()
            .code
        == error_code::invalid_argument);
}

TEST_SUITE_END();
