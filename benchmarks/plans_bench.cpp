#include "benchmarks/benchmarks.hpp"
#include "benchmarks/measure.hpp"
#include "benchmarks/pagmo_peer.hpp"
#include "benchmarks/plan_batch.hpp"
#include "evolution/island.hpp"
#include "evolution/plan_problem.hpp"
#include "evolution/plan_search.hpp"
#include "scheduling/assert.hpp"
#include "scheduling/rng.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <vector>

namespace skerry {
namespace {

constexpr std::size_t nodes = 1000;
constexpr std::size_t tasks = 256;

/// Of the time given, when the best so far is reported: 1, 5 and 20 s of 20.
constexpr std::array shares{0.05, 0.25, 1.0};

struct contest {
  explicit contest(std::uint64_t seed)
      : batch{nodes, tasks, seed}, model{batch.nodes, batch.tasks} {
    plan_state state{model};
    for (auto& [name, plan] : heuristic_plans(batch.nodes, batch.tasks)) {
      state.load(plan);
      greedy = std::min(greedy, state.cost());
      starts.push_back(std::move(plan));
    }
  }

  plan_batch batch;
  plan_model model;
  std::vector<placement_plan> starts;
  double greedy = std::numeric_limits<double>::infinity();
};

/// Reports what a search has come to at each share of its CPU time.
class stopwatch {
public:
  stopwatch(std::string name, double seconds, double greedy,
            const report_case& report)
      : name_{std::move(name)}, seconds_{seconds}, greedy_{greedy},
        report_{report} {}

  /// @returns Whether there is time left.
  bool operator()(const search_progress& now) {
    const auto used = thread_cpu_seconds() - started_;
    for (; next_ < shares.size() && used >= shares[next_] * seconds_; ++next_) {
      const auto each = used / static_cast<double>(now.evaluations);
      report_({.name = fmt::format("{}/{:g}s", name_, shares[next_] * seconds_),
               .per_second = 1 / each,
               .p50_us = each * 1e6,
               .p99_us = each * 1e6,
               .cpu_seconds = used,
               .more = {{"cost", now.best_cost},
                        {"gain_over_greedy", greedy_ - now.best_cost}}});
    }
    return next_ < shares.size();
  }

private:
  std::string name_;
  double seconds_;
  double greedy_;
  const report_case& report_;
  double started_ = thread_cpu_seconds();
  std::size_t next_ = 0;
};

/// One-move changes drawn as blindly as can be, none of them made.
benchmark_case measure_changes(const contest& of, double seconds) {
  plan_state state{of.model};
  state.load(of.starts.front());
  rng random{1};
  constexpr std::uint64_t in_a_run = 100'000;
  case_timer timer{"change"};
  double feasible = 0;
  double all = 0;
  while (timer.more(seconds)) {
    std::vector<std::uint64_t> draws(in_a_run);
    for (auto& draw : draws)
      draw = random.bits();
    timer.begin_run();
    for (const auto draw : draws)
      feasible += state.change(static_cast<std::uint32_t>(draw % tasks),
                               static_cast<std::uint32_t>((draw >> 32) % nodes))
                          < std::numeric_limits<double>::infinity()
                      ? 1
                      : 0;
    timer.end_run(in_a_run);
    all += in_a_run;
  }
  auto out = timer.finish();
  out.more = {{"feasible_share", feasible / all}};
  return out;
}

benchmark_case measure_assignments(const contest& of, double seconds) {
  plan_state state{of.model};
  rng random{1};
  case_timer timer{"assign"};
  while (timer.more(seconds)) {
    std::vector<std::uint32_t> assignment(tasks);
    for (auto& node : assignment)
      node = static_cast<std::uint32_t>(random.below(nodes));
    timer.begin_run();
    for (int i = 0; i < 10; ++i)
      state.assign(assignment);
    timer.end_run(10);
  }
  return timer.finish();
}

benchmark_case measure_decoding(const contest& of, double seconds) {
  const plan_problem problem{of.batch.nodes, of.batch.tasks};
  case_timer timer{"decode"};
  while (timer.more(seconds)) {
    timer.begin_run();
    SKERRY_ASSERT(problem.cost(problem.space().starting_points[2], 0)
                  >= of.greedy);
    timer.end_run(1);
  }
  return timer.finish();
}

void run_plan_search(const contest& of, std::uint32_t members,
                     std::uint64_t seed, stopwatch progress) {
  plan_search search{{.members = members}, of.model, of.starts, seed};
  do
    search.run(20'000);
  while (progress({search.evaluations(), search.best_cost()}));
  SKERRY_ASSERT(check_plan(of.batch.nodes, of.batch.tasks, search.best()));
}

void run_random_keys(const contest& of, std::string_view optimiser,
                     std::uint64_t seed, stopwatch progress) {
  const plan_problem problem{of.batch.nodes, of.batch.tasks};
  island search{{.optimiser = *find_optimiser(optimiser)}, problem, seed};
  do
    search.step();
  while (progress({search.statistics().evaluations, search.statistics().best}));
}

} // namespace

result<> run_plans_bench(const benchmark_options& options,
                         const report_case& report) {
  const contest of{options.seed};
  for (const auto measure :
       {measure_changes, measure_assignments, measure_decoding})
    report(measure(of, options.seconds / 10));
  const auto watch = [&](std::string name) {
    return stopwatch{std::move(name), options.seconds, of.greedy, report};
  };
  for (const std::uint32_t members : {1, 4})
    run_plan_search(of, members, options.seed,
                    watch(fmt::format("moves-{}", members)));
  for (const auto* optimiser : {"ga", "cma-es"})
    run_random_keys(of, optimiser, options.seed,
                    watch(fmt::format("keys-{}", optimiser)));
  if (has_pagmo()) {
    auto progress = watch("pagmo-sga");
    run_pagmo_sga(of.model, of.starts, options.seed, progress);
  }
  return done{};
}

} // namespace skerry
