#include "scheduling/rng.hpp"
#include "simulation/queueing_cluster.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include <doctest/doctest.h>

using namespace skerry;
using namespace skerry::literals;

namespace {

queueing_profile cores(std::int64_t count, std::uint32_t task_class = 0) {
  return {{.shape = {.demand = {millicores{count * 1000}, bytes{}}}},
          task_class};
}

/// One node of 4 cores; profile k asks for k + 1.
queueing_workload one_node(std::vector<queueing_arrival> arrivals) {
  queueing_workload out;
  out.nodes.push_back({.name = "a", .capacity = {4_cores, 1_GiB}});
  for (std::int64_t count = 1; count <= 5; ++count)
    out.profiles.push_back(cores(count));
  out.arrivals = std::move(arrivals);
  out.end_milliseconds = 100'000;
  return out;
}

std::vector<std::int64_t> starts_of(const queueing_workload& workload,
                                    std::string_view policy = "first-fit") {
  const auto report
      = run_queueing_cluster(workload, policy, 1, placement_search::index, {});
  std::vector<std::int64_t> starts;
  for (const auto& outcome : report.value().outcomes)
    starts.push_back(outcome.start_milliseconds);
  return starts;
}

using starts = std::vector<std::int64_t>;

/// Random nodes, shapes, and twice as many arrivals as would fit.
queueing_workload random_workload(std::uint64_t seed) {
  rng random{seed};
  const auto below = [&random](std::uint64_t bound) {
    return static_cast<std::int64_t>(random.below(bound));
  };
  queueing_workload out;
  out.classes = 3;
  for (int n = 0; n < 6; ++n) {
    node_spec node{.name = "n" + std::to_string(n),
                   .capacity = {millicores{4000 * (1 + below(4))}, 8_GiB}};
    node.devices.assign(static_cast<std::size_t>(below(5)),
                        {.kind = "gpu", .model = n % 2 == 0 ? "A" : "B"});
    out.nodes.push_back(std::move(node));
  }
  for (std::uint32_t p = 0; p < 12; ++p) {
    auto profile = cores(1 + below(6), p % 3);
    if (p % 3 == 1)
      profile.profile.shape.devices.push_back(
          {.count = static_cast<std::int32_t>(1 + below(4))});
    if (p % 3 == 2)
      profile.profile.shape.devices.push_back(
          {.share_milli = static_cast<std::int32_t>(100 * (1 + below(9))),
           .models = {"A"}});
    out.history.push_back(profile.profile.shape);
    out.profiles.push_back(std::move(profile));
  }
  std::int64_t time = 0;
  for (int i = 0; i < 400; ++i) {
    time += below(300);
    out.arrivals.push_back(
        {time, 1 + below(12'000), static_cast<std::uint32_t>(below(12))});
  }
  out.measured_from_milliseconds = 10'000;
  out.end_milliseconds = time;
  return out;
}

} // namespace

TEST_SUITE_BEGIN("simulation/queueing_cluster");

TEST_CASE("a task starts when enough has been freed") {
  // The second needs 3 of the 4 cores, of which 2 are in use until 10 s.
  CHECK(starts_of(one_node({{0, 10'000, 1}, {1000, 5000, 2}}))
        == starts{0, 10'000});
}

TEST_CASE("what does not fit is skipped, what comes later may start before") {
  // 3 of 4 cores are in use until 10 s. 4 and 2 cores wait; 1 fits at once.
  CHECK(
      starts_of(one_node(
          {{0, 10'000, 2}, {1000, 5000, 3}, {2000, 3000, 1}, {3000, 1000, 0}}))
      == starts{0, 10'000, 15'000, 3000});
}

TEST_CASE("waiting tasks are tried in order of arrival, whatever their shape") {
  // At 10 s all is free: 2 + 1 + 1 in order; the later 2 must wait for the
  // first of them.
  CHECK(starts_of(one_node({{0, 10'000, 3},
                            {1000, 5000, 1},
                            {2000, 5000, 0},
                            {3000, 6000, 0},
                            {4000, 5000, 1},
                            {5000, 5000, 0}}))
        == starts{0, 10'000, 10'000, 10'000, 15'000, 15'000});
}

TEST_CASE("equal tasks keep their order") {
  // The third fits at 8 s as well as the second, but came after it.
  CHECK(starts_of(one_node({{0, 8000, 3}, {1, 9000, 3}, {2, 1000, 3}}))
        == starts{0, 8000, 17'000});
}

TEST_CASE("departures come before arrivals of the same millisecond") {
  CHECK(starts_of(one_node({{0, 5000, 3}, {5000, 1000, 3}}))
        == starts{0, 5000});
  // But who waits comes first.
  CHECK(starts_of(one_node({{0, 5000, 3}, {1, 1000, 3}, {5000, 1000, 0}}))
        == starts{0, 5000, 6000});
}

TEST_CASE("a task that fits nowhere is refused and waits for nothing") {
  const auto workload = one_node({{0, 1000, 4}, {0, 1000, 3}});
  const auto report = run_queueing_cluster(workload, "best-fit", 1,
                                           placement_search::index, {});
  REQUIRE(report);
  CHECK(report->all.submitted == 2);
  CHECK(report->all.refused == 1);
  CHECK(report->all.started == 1);
  CHECK(report->all.pending_at_end == 0);
}

TEST_CASE("allocated and pending amounts are integrals over time") {
  const auto workload = one_node({{0, 40'000, 3}, {20'000, 30'000, 1}});
  const auto report = run_queueing_cluster(workload, "first-fit", 1,
                                           placement_search::index, {});
  REQUIRE(report);
  // 4 cores for 40 s and 2 for 30 s, of 100 s; 2 pending for 20 s.
  CHECK(report->all.mean_allocated[0] == 2200);
  CHECK(report->all.mean_pending[0] == 400);
  CHECK(report->capacity[0] == 4000);
  CHECK(report->all.wait_seconds.mean == 10); // 0 and 20
}

TEST_CASE("nothing happens at the end or behind it") {
  auto workload = one_node({{0, 5000, 3}, {1000, 1000, 3}, {9000, 1, 0}});
  workload.end_milliseconds = 5000;
  const auto report = run_queueing_cluster(workload, "first-fit", 1,
                                           placement_search::index, {});
  REQUIRE(report);
  CHECK(report->all.submitted == 2);
  CHECK(report->all.finished == 0);
  CHECK(report->all.pending_at_end == 1);
  CHECK(report->all.wait_seconds.max == 4);
}

TEST_CASE("the schedule is written as CSV") {
  auto workload = one_node({{0, 5000, 3}, {7, 1000, 3}});
  workload.end_milliseconds = 1000;
  workload.nodes[0].devices.assign(2, {});
  workload.profiles[3].profile.shape.devices.push_back({.count = 2});
  const auto report = run_queueing_cluster(workload, "first-fit", 1,
                                           placement_search::index, {});
  REQUIRE(report);
  CHECK(outcomes_csv(workload, *report)
        == "arrival,arrival_ms,start_ms,node,devices\n0,0,0,a,0|1\n1,7,,,\n");
}

TEST_CASE("bad workloads are refused") {
  const auto refused = [](const queueing_workload& workload,
                          std::string_view policy = "first-fit") {
    queueing_cluster run{workload};
    const auto ok = run.prepare(policy, 1, placement_search::index);
    return !ok && ok.failure().code == error_code::invalid_argument;
  };
  CHECK(refused(one_node({}), "no-such-policy"));
  CHECK(refused(one_node({{5, 1, 0}, {4, 1, 0}})));
  CHECK(refused(one_node({{-1, 1, 0}})));
  CHECK(refused(one_node({{0, 0, 0}})));
  CHECK(refused(one_node({{0, 1, 5}})));
  auto other_class = one_node({});
  other_class.profiles[0].task_class = 1;
  CHECK(refused(other_class));
  auto spread = one_node({});
  spread.profiles[0].profile.shape.affinity = {"web"};
  CHECK(refused(spread));
}

TEST_CASE("random workloads keep the ledger's invariants, and none who waits "
          "would fit") {
  for (std::uint64_t seed = 1; seed <= 5; ++seed)
    for (const std::string_view policy : {"random", "first-fit", "fgd"}) {
      CAPTURE(seed);
      CAPTURE(policy);
      const auto workload = random_workload(seed);
      queueing_cluster run{workload};
      REQUIRE(run.prepare(policy, seed, placement_search::index));
      std::int64_t before = 0;
      std::size_t most_waiting = 0;
      while (run.step()) {
        CHECK(run.now_milliseconds() >= before);
        before = run.now_milliseconds();
        most_waiting = std::max(most_waiting, run.waiting());
        const auto& book = run.book();
        const auto sound = book.check_invariants();
        if (!sound)
          FAIL(sound.failure().message);
        bool would_fit = false;
        book.for_each_task([&](task_ref ref) {
          const auto task = book.task(ref);
          if (task->state != task_state::pending)
            return;
          for (std::uint32_t n = 0; n < book.nodes().size(); ++n)
            would_fit = would_fit
                        || !book.nodes().why_not(
                            book.nodes().shape(task->shape), node_index{n});
        });
        REQUIRE(!would_fit);
      }
      CHECK(most_waiting > 10); // It has been put to the test.
      const auto report = run.report();
      const auto& all = report.all;
      CHECK(all.submitted == all.refused + all.started + all.pending_at_end);
      for (std::size_t kind = 0; kind < metered_kinds; ++kind)
        CHECK(all.mean_allocated[kind]
              <= static_cast<double>(report.capacity[kind]));
    }
}

TEST_CASE("index and scan give the same schedule, twice") {
  const auto workload = random_workload(7);
  for (const std::string_view policy : placement_policy_names()) {
    CAPTURE(policy);
    const auto run = [&](placement_search search) {
      return run_queueing_cluster(workload, policy, 7, search, {})
          .value()
          .outcomes;
    };
    const auto indexed = run(placement_search::index);
    CHECK(indexed == run(placement_search::scan));
    CHECK(indexed == run(placement_search::index));
  }
}

TEST_SUITE_END();
