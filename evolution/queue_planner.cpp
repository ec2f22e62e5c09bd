#include "evolution/queue_planner.hpp"

#include "evolution/queue_replay.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <string>
#include <utility>

namespace skerry {
namespace {

/// Plans kept by the search.
constexpr std::size_t population = 8;
/// With fewer jobs a trial says nothing.
constexpr std::size_t fewest_trial_jobs = 64;
/// The rule is chosen on more of the record than a trial plays: rules are
/// cheap, and a choice among many needs more to go by than one of two.
constexpr std::size_t rule_jobs_per_trial_job = 4;

} // namespace

result<> validate(const queue_planner_options& options) {
  std::string faults;
  const auto want = [&faults](bool good, std::string_view fault) {
    if (!good)
      faults += fmt::format("{}{}", faults.empty() ? "" : "; ", fault);
  };
  want(options.processors >= 1, "a machine without processors");
  want(!options.rules.empty(), "no rule to start from");
  want(options.budget_evaluations >= 1, "a budget of no evaluation");
  want(options.future.futures >= 1, "no future to play plans out with");
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
    : options_{std::move(options)}, evaluator_{options_.rules,
                                               options_.backfill,
                                               options_.future},
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
  if (!options_.trusted && advantage_ <= 0)
    return policies_[best_rule_]->choose(state);
  ++report_.by_plan;
  return plan_head(state);
}

// -- trials -------------------------------------------------------------------

void queue_planner::hold_trial() {
  next_trial_ = record_.ends() + options_.trial_interval_ends;
  const auto jobs = record_.latest_ended(options_.trial_jobs);
  if (jobs.size() < fewest_trial_jobs)
    return;
  best_rule_ = best_rule_on_record();
  auto options = options_;
  options.trusted = true;
  options.seed = random_.bits();
  queue_planner planner{std::move(options)};
  for (const auto& past : record_.jobs()) {
    if (past.job.number == jobs.front().job.number)
      break;
    planner.remember(past);
  }
  const auto planned
      = replay(jobs, options_.processors, options_.backfill, planner);
  const auto ruled = replay(jobs, options_.processors, options_.backfill,
                            *policies_[best_rule_]);
  advantage_ = advantage_ / 2 + (ruled - planned);
  ++report_.trials;
  report_.trials_won += planned < ruled ? 1 : 0;
}

std::size_t queue_planner::best_rule_on_record() {
  const auto jobs
      = record_.latest_ended(options_.trial_jobs * rule_jobs_per_trial_job);
  std::vector<double> costs;
  for (const auto& policy : policies_)
    costs.push_back(
        replay(jobs, options_.processors, options_.backfill, *policy));
  return static_cast<std::size_t>(std::ranges::min_element(costs)
                                  - costs.begin());
}

// -- plans --------------------------------------------------------------------

std::size_t queue_planner::plan_head(const queue_state& state) {
  spent_ = 0;
  population_.clear();
  evaluator_.reset(state, record_, random_);
  try_rules();
  try_incumbent(state);
  try_heads();
  evolve();
  const auto& best = population_.front();
  incumbent_.clear();
  for (const auto position : best.order)
    incumbent_.push_back(state.waiting[position].number);
  incumbent_rule_ = best.rule;
  report_.evaluations += spent_;
  return best.order.front();
}

void queue_planner::evaluate(queue_plan& plan) {
  ++spent_;
  evaluator_.evaluate(plan, worst_cost());
}

double queue_planner::worst_cost() const {
  return population_.size() < population
             ? std::numeric_limits<double>::infinity()
             : population_.back().cost;
}

/// Equal costs are nearly always equal schedules: one of them is enough.
void queue_planner::keep(queue_plan plan) {
  const auto place
      = std::ranges::lower_bound(population_, plan.cost, {}, &queue_plan::cost);
  if (place != population_.end() && place->cost == plan.cost)
    return;
  population_.insert(place, std::move(plan));
  if (population_.size() > population)
    population_.pop_back();
}

void queue_planner::try_rules() {
  for (std::size_t rule = 0; rule < options_.rules.size(); ++rule) {
    if (rule > 0 && !has_budget())
      return;
    auto plan = evaluator_.plan_of_rule(rule);
    evaluate(plan);
    keep(std::move(plan));
  }
}

void queue_planner::try_incumbent(const queue_state& state) {
  if (!has_budget() || incumbent_.empty())
    return;
  queue_plan plan{.order = {}, .rule = incumbent_rule_};
  std::vector<bool> placed(state.waiting.size(), false);
  for (const auto number : incumbent_) {
    const auto found = std::ranges::lower_bound(state.waiting, number, {},
                                                &queued_job::number);
    if (found == state.waiting.end() || found->number != number)
      continue;
    const auto position
        = static_cast<std::uint32_t>(found - state.waiting.begin());
    plan.order.push_back(position);
    placed[position] = true;
  }
  for (std::uint32_t position = 0; position < placed.size(); ++position) {
    if (placed[position])
      continue;
    const auto key = evaluator_.key(plan.rule, position);
    const auto behind
        = std::ranges::find_if(plan.order, [&](std::uint32_t other) {
            return evaluator_.key(plan.rule, other) > key;
          });
    plan.order.insert(behind, position);
  }
  evaluate(plan);
  keep(std::move(plan));
}

void queue_planner::try_heads() {
  const auto base = population_.front();
  for (std::size_t i = 1; i < base.order.size() && has_budget(); ++i) {
    auto plan = base;
    std::rotate(plan.order.begin(),
                plan.order.begin() + static_cast<std::ptrdiff_t>(i),
                plan.order.begin() + static_cast<std::ptrdiff_t>(i) + 1);
    evaluate(plan);
    keep(std::move(plan));
  }
}

void queue_planner::evolve() {
  // Two jobs have two orders, both of which have been tried.
  if (population_.front().order.size() < 3)
    return;
  while (has_budget()) {
    auto plan = child();
    evaluate(plan);
    if (plan.cost < worst_cost())
      keep(std::move(plan));
  }
}

const queue_plan& queue_planner::parent() {
  const auto draw = [this] {
    return static_cast<std::size_t>(random_.below(population_.size()));
  };
  return population_[std::min(draw(), draw())];
}

queue_plan queue_planner::child() {
  auto plan = parent();
  const auto jobs = plan.order.size();
  const auto move = random_.below(4);
  if (move == 0) { // Crossover: the mean of the ranks, weighted job by job.
    const auto& other = parent();
    std::vector<double> keys(jobs);
    for (std::size_t i = 0; i < jobs; ++i)
      keys[plan.order[i]] = static_cast<double>(i);
    for (std::size_t i = 0; i < jobs; ++i)
      if (random_.below(2) == 0)
        keys[other.order[i]] = static_cast<double>(i);
    std::ranges::stable_sort(plan.order, {}, [&keys](std::uint32_t position) {
      return keys[position];
    });
    return plan;
  }
  const auto from = static_cast<std::size_t>(random_.below(jobs));
  // To the front more often: what is there is decided first.
  const auto drawn = random_.uniform();
  const auto to
      = static_cast<std::size_t>(drawn * drawn * static_cast<double>(jobs));
  const auto at = [&plan](std::size_t i) {
    return plan.order.begin() + static_cast<std::ptrdiff_t>(i);
  };
  if (move == 1)
    std::swap(plan.order[from], plan.order[to]);
  else if (to < from)
    std::rotate(at(to), at(from), at(from) + 1);
  else
    std::rotate(at(from), at(from) + 1, at(to) + 1);
  return plan;
}

} // namespace skerry
