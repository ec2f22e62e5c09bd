#pragma once

#include "evolution/queue_record.hpp"
#include "evolution/queue_rollouts.hpp"
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
  /// What plans start from and are measured against; at least one. The first is
  /// gone by until the record speaks for another.
  std::vector<queue_rule> rules = all_rules();
  /// Futures played out for a decision, over all heads; a play takes some
  /// 10 us under an order, some 100 us under weights.
  std::uint64_t budget_plays = 128;
  /// Jobs that arrive in a future.
  std::uint32_t arrivals = 80;
  /// How many standard errors a head must be better, in the same futures, than
  /// that of the rule. With 0 the best of many heads is often the luckiest.
  double least_advantage = 1;
  /// Jobs of the record that a trial plays again. Longer ones judge better and
  /// cost as much as deciding about so many jobs.
  std::size_t trial_jobs = 512;
  /// Ends after which the next trial is held.
  std::uint64_t trial_interval_ends = 512;
  /// Whether plans act without a trial.
  bool trusted = false;
  std::uint64_t seed = 0;
};

/// @returns `invalid_argument` naming all faults.
result<> validate(const queue_planner_options& options);

/// What the planner has found out about itself.
struct queue_planner_report {
  std::uint64_t decisions = 0; ///< Among two jobs or more.
  std::uint64_t by_plan = 0;   ///< The others went by the base rule.
  std::uint64_t overruled = 0; ///< Of those by plan: another head than its.
  std::uint64_t plays = 0;
  std::uint64_t trials = 0; ///< Of plans against the base rule.
  std::uint64_t trials_won = 0;
};

/// Chooses heads by looking ahead, on top of the rule that the record speaks
/// for.
///
///     if trial_interval ends have been seen since the last trial:
///       base := the first rule, or one that has been better than it, beyond
///               chance, when the record is replayed
///       trial: replay the latest jobs under planning and under the base
///       plans act from now on unless the trials have shown them to be worse
///     if plans do not act: the head is that of the base
///     heads := the waiting jobs as the base sorts them
///     while more than two are left and some of the budget:
///       play more futures with each, all with the same
///       drop the worse half, but never the head of the base
///     the head is the best, if it is better than that of the base by
///     least_advantage standard errors of their difference
///
/// Only the head is planned: by the next choice more is known. (A search over
/// whole orders of the queue was tried and gave less for the same time.)
///
/// @source Dropping halves: Karnin, Koren and Somekh, "Almost optimal
///         exploration in multi-armed bandits", ICML 2013. Rollouts: see
///         `queue_rollouts`.
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
  std::size_t choose_base();
  std::size_t plan_head(const queue_state& state);

  queue_planner_options options_;
  std::vector<std::unique_ptr<queue_policy>> policies_; ///< By rule.
  queue_record record_;
  queue_rollouts rollouts_;
  rng random_;
  queue_planner_report report_;

  std::uint64_t next_trial_ = 0; ///< In ends.
  std::size_t base_ = 0;         ///< Position among the rules.
  std::vector<double> saved_;    ///< By plans, in the latest trials.
  bool plans_act_ = false;
};

} // namespace skerry
