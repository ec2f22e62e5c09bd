#include "evolution/queue_planner.hpp"
#include "evolution/queue_replay.hpp"

#include <numeric>
#include <string>
#include <vector>

#include <doctest/doctest.h>

using namespace skerry;

namespace {

/// Bursts of short jobs behind long, wide ones: the order matters.
std::vector<recorded_job> bursts(std::int64_t first, std::int64_t count,
                                 std::uint64_t seed) {
  rng random{seed};
  std::vector<recorded_job> jobs;
  for (auto number = first; number < first + count; ++number) {
    const auto wide = random.below(4) == 0;
    const auto run = static_cast<std::int64_t>(wide ? 500 + random.below(4'000)
                                                    : 10 + random.below(60));
    const auto processors = static_cast<std::int64_t>(
        wide ? 8 + random.below(8) : 1 + random.below(3));
    jobs.push_back({{number, number * 300, run, processors}, run});
  }
  return jobs;
}

queue_planner_options options() {
  queue_planner_options out;
  out.processors = 16;
  out.backfill = backfilling::none;
  out.rules = {queue_order::fcfs, queue_order::sjf};
  out.trial_jobs = 128;
  out.trial_interval_ends = 64;
  out.seed = 1;
  return out;
}

double total(const std::vector<double>& slowdowns) {
  return std::reduce(slowdowns.begin(), slowdowns.end());
}

double cost_under(queue_policy& policy, std::span<const recorded_job> jobs) {
  return total(replay(jobs, 16, backfilling::none, policy));
}

} // namespace

TEST_SUITE_BEGIN("evolution/queue_planner");

TEST_CASE("plans beat the rule that they start from") {
  auto trusted = options();
  trusted.trusted = true;
  trusted.rules = {queue_order::fcfs};
  queue_planner planner{trusted};
  for (const auto& past : bursts(0, 300, 1))
    planner.remember(past);
  const auto jobs = bursts(300, 200, 2);
  const auto planned = cost_under(planner, jobs);
  order_policy first_come{queue_order::fcfs};
  CHECK(planned < 0.9 * cost_under(first_come, jobs));
  const auto& report = planner.report();
  CHECK(report.decisions > 0);
  CHECK(report.by_plan == report.decisions);
  CHECK(report.overruled > 0);
  CHECK(report.overruled < report.by_plan);
  CHECK(report.plays <= report.by_plan * trusted.budget_plays);
}

TEST_CASE("the record speaks for a better base") {
  auto few = options();
  few.budget_plays = 1; // The head of the base, always.
  queue_planner planner{few};
  for (const auto& past : bursts(0, 1'500, 1))
    planner.remember(past);
  const auto jobs = bursts(1'500, 200, 2);
  order_policy shortest{queue_order::sjf};
  CHECK(cost_under(planner, jobs) == cost_under(shortest, jobs));
  CHECK(planner.report().trials > 0);
  CHECK(planner.report().overruled == 0);
}

TEST_CASE("without a trial nothing is planned") {
  queue_planner planner{options()};   // Remembers nothing.
  const auto jobs = bursts(0, 60, 3); // Too few for a trial.
  order_policy first_come{queue_order::fcfs};
  CHECK(cost_under(planner, jobs) == cost_under(first_come, jobs));
  CHECK(planner.report().by_plan == 0);
  CHECK(planner.report().trials == 0);
}

TEST_CASE("the same seed gives the same schedule") {
  const auto jobs = bursts(0, 400, 4);
  std::vector<double> costs;
  for (const std::uint64_t seed : {5, 5, 6}) {
    auto seeded = options();
    seeded.seed = seed;
    queue_planner planner{seeded};
    costs.push_back(cost_under(planner, jobs));
  }
  CHECK(costs[0] == costs[1]);
  CHECK(costs[0] != costs[2]);
}

TEST_CASE("options that make no planner name all faults") {
  queue_planner_options wrong;
  wrong.rules.clear();
  wrong.budget_plays = 0;
  wrong.trial_jobs = 3;
  const auto ok = validate(wrong);
  REQUIRE_FALSE(ok);
  for (const auto* fault : {"processors", "no rule", "no play", "64 jobs"})
    CHECK(ok.failure().message.find(fault) != std::string::npos);
  CHECK(validate(options()));
}

TEST_SUITE_END();
