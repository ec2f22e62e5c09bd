#include "evolution/queue_planner.hpp"

#include "evolution/queue_replay.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>
#include <span>
#include <string>
#include <utility>

namespace skerry {
namespace {

/// With fewer jobs a trial says nothing.
constexpr std::size_t fewest_trial_jobs = 64;
/// The base is chosen on more of the record than a trial plays: rules are
/// cheap, and a choice among many needs more to go by than one of two.
constexpr std::size_t base_jobs_per_trial_job = 8;
/// Slowdowns of neighbours hang together; means of so many hardly do.
constexpr std::size_t block_jobs = 128;
/// Blocks of trials that are remembered.
constexpr std::size_t most_blocks = 32;
/// Futures that a head is played in at least, before it may be dropped.
constexpr std::uint64_t fewest_futures = 4;

/// Plans that look worse by so many standard errors are worse.
constexpr double errors_of_proof = 2;

/// A mean and its standard error; infinite from fewer than two values.
struct estimate {
  double mean = 0;
  double error = std::numeric_limits<double>::infinity();
};

estimate estimate_of(std::span<const double> values) {
  const auto count = static_cast<double>(values.size());
  if (values.size() < 2)
    return {};
  const auto mean = std::reduce(values.begin(), values.end()) / count;
  double squares = 0;
  for (const auto value : values)
    squares += (value - mean) * (value - mean);
  return {mean, std::sqrt(squares / (count - 1) / count)};
}

/// What `of` saves against `against`, block by block.
void add_saved(std::span<const double> of, std::span<const double> against,
               std::vector<double>& into) {
  const auto blocks = std::max<std::size_t>(of.size() / block_jobs, 1);
  for (std::size_t block = 0; block < blocks; ++block) {
    const auto first = of.size() * block / blocks;
    const auto end = of.size() * (block + 1) / blocks;
    double saved = 0;
    for (auto i = first; i < end; ++i)
      saved += against[i] - of[i];
    into.push_back(saved / static_cast<double>(end - first));
  }
}

/// A job that may be the next head.
struct contender {
  std::uint32_t position = 0;
  std::vector<double> costs; ///< By future.
  double cost = 0;           ///< Their sum.
};

} // namespace

result<> validate(const queue_planner_options& options) {
  std::string faults;
  const auto want = [&faults](bool good, std::string_view fault) {
    if (!good)
      faults += fmt::format("{}{}", faults.empty() ? "" : "; ", fault);
  };
  want(options.processors >= 1, "a machine without processors");
  want(!options.rules.empty(), "no rule to start from");
  want(options.budget_plays >= 1, "a budget of no play");
  want(options.least_advantage >= 0, "a negative advantage");
  want(options.trial_jobs >= fewest_trial_jobs,
       "a trial of fewer than 64 jobs");
  want(options.trial_interval_ends >= 1, "a trial after no end");
  for (const auto& rule : options.rules)
    if (const auto* weights = std::get_if<queue_weights>(&rule))
      if (auto ok = validate(*weights); !ok)
        want(false, ok.failure().message);
  if (faults.empty())
    return done{};
  return {error_code::invalid_argument, std::move(faults)};
}

queue_planner::queue_planner(queue_planner_options options)
    : options_{std::move(options)}, rollouts_{options_.rules, options_.backfill,
                                              options_.arrivals},
      random_{options_.seed} {
  for (const auto& rule : options_.rules)
    policies_.push_back(policy_of(rule));
}

void queue_planner::remember(const recorded_job& past) {
  record_.submitted(past.job);
  if (past.run_seconds > 0)
    record_.ended(past.job, past.run_seconds);
}

void queue_planner::submitted(const queued_job& job) {
  record_.submitted(job);
}

void queue_planner::ended(const queued_job& job, std::int64_t run_seconds) {
  record_.ended(job, run_seconds);
}

std::size_t queue_planner::choose(const queue_state& state) {
  if (!options_.trusted && record_.ends() >= next_trial_)
    hold_trial();
  if (state.waiting.size() == 1)
    return 0;
  ++report_.decisions;
  if (!options_.trusted && !plans_act_)
    return policies_[base_]->choose(state);
  ++report_.by_plan;
  return plan_head(state);
}

void queue_planner::hold_trial() {
  next_trial_ = record_.ends() + options_.trial_interval_ends;
  const auto jobs = record_.latest_ended(options_.trial_jobs);
  if (jobs.size() < fewest_trial_jobs)
    return;
  base_ = choose_base();
  auto options = options_;
  options.trusted = true;
  options.seed = random_.bits();
  queue_planner planner{std::move(options)};
  planner.base_ = base_;
  for (const auto& past : record_.jobs()) {
    if (past.job.number == jobs.front().job.number)
      break;
    planner.remember(past);
  }
  const auto planned
      = replay(jobs, options_.processors, options_.backfill, planner);
  const auto ruled
      = replay(jobs, options_.processors, options_.backfill, *policies_[base_]);
  ++report_.trials;
  report_.trials_won += std::reduce(planned.begin(), planned.end())
                                < std::reduce(ruled.begin(), ruled.end())
                            ? 1
                            : 0;
  add_saved(planned, ruled, saved_);
  if (saved_.size() > most_blocks)
    saved_.erase(saved_.begin(), saved_.end() - most_blocks);
  const auto [mean, error] = estimate_of(saved_);
  plans_act_ = mean + errors_of_proof * error > 0;
}

std::size_t queue_planner::choose_base() {
  const auto jobs
      = record_.latest_ended(options_.trial_jobs * base_jobs_per_trial_job);
  const auto slowdowns = [&](std::size_t rule) {
    return replay(jobs, options_.processors, options_.backfill,
                  *policies_[rule]);
  };
  const auto first = slowdowns(0);
  std::size_t best = 0;
  double most = 0;
  for (std::size_t rule = 1; rule < policies_.size(); ++rule) {
    std::vector<double> saved;
    add_saved(slowdowns(rule), first, saved);
    const auto [mean, error] = estimate_of(saved);
    if (mean - error > most) {
      most = mean - error;
      best = rule;
    }
  }
  return best;
}

std::size_t queue_planner::plan_head(const queue_state& state) {
  rollouts_.reset(state, record_, random_);
  auto left = options_.budget_plays;
  const auto order = rollouts_.sorted(base_);
  const auto most = std::max<std::uint64_t>(left / fewest_futures / 2, 1);
  std::vector<contender> contenders;
  for (const auto position : order)
    if (contenders.size() < most)
      contenders.push_back({position, {}});
  std::size_t futures = 0;
  for (auto rounds = std::bit_width(contenders.size() - 1); rounds > 0;
       --rounds) {
    const auto more
        = left / static_cast<std::uint64_t>(rounds) / contenders.size();
    for (auto& [position, costs, cost] : contenders)
      for (auto future = futures; future < futures + more; ++future) {
        costs.push_back(rollouts_.play(base_, position, future));
        cost += costs.back();
      }
    futures += more;
    left -= more * contenders.size();
    std::ranges::stable_sort(std::span{contenders}.subspan(1), {},
                             &contender::cost);
    if (rounds > 1)
      contenders.resize((contenders.size() + 1) / 2);
  }
  report_.plays += options_.budget_plays - left;
  if (contenders.size() == 1)
    return order.front();
  std::vector<double> saved;
  for (std::size_t future = 0; future < futures; ++future)
    saved.push_back(contenders[0].costs[future] - contenders[1].costs[future]);
  const auto [mean, error] = estimate_of(saved);
  if (!(mean > options_.least_advantage * error))
    return order.front();
  ++report_.overruled;
  return contenders[1].position;
}

} // namespace skerry
