#pragma once

#include "evolution/queue_plan.hpp"
#include "evolution/queue_record.hpp"
#include "evolution/queue_rule.hpp"
#include "scheduling/backfill.hpp"
#include "scheduling/queue_policy.hpp"
#include "scheduling/result.hpp"
#include "scheduling/rng.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace skerry {

struct queue_planner_options {
  std::int64_t processors = 0; ///< Of the machine.
  backfilling backfill = backfilling::none;
  /// What plans start from and are measured against; at least one.
  std::vector<queue_rule> rules = all_rules();
  /// Plans played out for a decision, each with all futures. Up to the number
  /// of rules the planner chooses among them; with more it tries other jobs as
  /// the head; from about twice the waiting jobs on it searches whole orders.
  /// Time grows in proportion: about 50 to 100 us each.
  std::uint64_t budget_evaluations = 64;
  future_options future = {};
  /// Jobs of the record that a trial plays again. Longer ones judge better and
  /// cost as much as deciding about so many jobs.
  std::size_t trial_jobs = 512;
  /// Ends after which the next trial is held.
  std::uint64_t trial_interval_ends = 256;
  /// Whether plans act without a trial.
  bool trusted = false;
  std::uint64_t seed = 0;
};

/// @returns `invalid_argument` naming all faults.
result<> validate(const queue_planner_options& options);

/// What the planner has found out about itself.
struct queue_planner_report {
  std::uint64_t decisions = 0; ///< Among two jobs or more.
  std::uint64_t by_plan = 0;   ///< The others went by the best fixed rule.
  std::uint64_t evaluations = 0;
  std::uint64_t trials = 0; ///< Of plans against the best fixed rule.
  std::uint64_t trials_won = 0;
};

/// Chooses heads by planning ahead: a ladder of searches over plans, each plan
/// played out with the same sampled futures.
///
///     if trial_interval ends have been seen since the last trial:
///       best rule := the rule with the least cost on the replayed record
///       trial: replay the latest jobs under planning and under the best rule
///       plans act from now on if they have cost less in the trials so far
///     if plans do not act: the head is that of the best rule
///     draw futures
///     1. evaluate the plan of every rule
///     2. evaluate the incumbent: the last plan without what has started, what
///        has come since put in by its rule
///     3. evaluate the best so far with another job moved to its front, for
///        each job in the order of the best
///     4. steady-state GA on the best `population`, until the budget is spent:
///        an order move, a swap, or a crossover of random keys (the parents'
///        ranks); a child that is better than the worst replaces it
///     the head is the first job of the best plan
///
/// The best plan of a rule is in the population from the beginning, and the
/// worst alone is ever replaced, so a plan never costs more, as played out,
/// than that of the best rule. That says little about the closed loop, which is
/// why there are trials.
///
/// @source Rollouts: Bertsekas, Tsitsiklis and Wu, "Rollout algorithms for
///         combinatorial optimization", 1997. Random keys: Bean, "Genetic
///         algorithms and random keys", 1994.
class queue_planner final : public queue_policy {
public:
  /// @pre Valid options.
  explicit queue_planner(queue_planner_options options);

  /// The record from before: `job` was submitted and ran for `run_seconds`.
  void remember(const recorded_job& past);

  std::size_t choose(const queue_state& state) override;
  void submitted(const queued_job& job) override;
  void ended(const queued_job& job, std::int64_t run_seconds) override;

  const queue_planner_report& report() const { return report_; }

private:
  void hold_trial();
  std::size_t best_rule_on_record();
  std::size_t plan_head(const queue_state& state);
  void try_rules();
  void try_incumbent(const queue_state& state);
  void try_heads();
  void evolve();
  void keep(queue_plan plan);
  queue_plan child();
  const queue_plan& parent();
  double worst_cost() const;
  bool has_budget() const { return spent_ < options_.budget_evaluations; }
  void evaluate(queue_plan& plan);

  queue_planner_options options_;
  std::vector<std::unique_ptr<queue_policy>> policies_; ///< By rule.
  queue_record record_;
  plan_evaluator evaluator_;
  rng random_;
  queue_planner_report report_;

  std::uint64_t next_trial_ = 0; ///< In ends.
  std::size_t best_rule_ = 0;
  double advantage_ = 0; ///< Slowdown that plans saved in trials.

  std::uint64_t spent_ = 0;             ///< Of this decision's budget.
  std::vector<queue_plan> population_;  ///< Rising by cost.
  std::vector<std::int64_t> incumbent_; ///< Numbers of jobs.
  std::size_t incumbent_rule_ = 0;
};

} // namespace skerry
