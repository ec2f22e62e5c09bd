#pragma once

#include "evolution/queue_machine.hpp"
#include "evolution/queue_record.hpp"
#include "evolution/queue_rule.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace skerry {

/// An order of the waiting jobs, and the rule that puts those among them that
/// come later: the first of the plan gets the smallest key that the rule gives
/// to any waiting job, the second the next, and so on. So every plan can be
/// carried out.
struct queue_plan {
  std::vector<std::uint32_t>
      order;            ///< Positions of the waiting jobs, each once.
  std::size_t rule = 0; ///< Position among the rules.
  double cost = std::numeric_limits<double>::infinity(); ///< As played out.
};

struct future_options {
  /// Futures that a plan is played out with. Each makes an evaluation dearer
  /// and its noise smaller.
  std::uint32_t futures = 8;
  /// Jobs that arrive in a future. Plans that look at the present queue alone
  /// lose to good rules.
  std::uint32_t arrivals = 40;
};

/// Plays plans out: the waiting jobs together with futures cut from the record,
/// with run times drawn from the record. All plans between two calls of `reset`
/// meet the same futures and the same run times.
class plan_evaluator {
public:
  plan_evaluator(std::span<const queue_rule> rules, backfilling backfill,
                 const future_options& options)
      : rules_{rules}, options_{options}, machine_{backfill} {}

  /// @param state Outlives the evaluations.
  void reset(const queue_state& state, const queue_record& record, rng& random);

  /// The waiting jobs as the rule sorts them.
  queue_plan plan_of_rule(std::size_t rule) const;

  /// Sets the cost: the sum of bounded slowdowns over the waiting jobs and all
  /// that arrive, over all futures.
  /// @param bound Gives up above it; then the cost is infinite.
  /// @cost  About 5 to 10 us a future at 50 waiting jobs.
  void evaluate(queue_plan& plan,
                double bound = std::numeric_limits<double>::infinity());

  /// The key that the rule gives to a waiting job.
  double key(std::size_t rule, std::size_t position) const {
    return waiting_keys_[rule][position];
  }

private:
  /// Takes the smallest key.
  struct by_key {
    std::vector<double> keys;         ///< By job.
    std::vector<std::uint32_t> order; ///< Rising by key from `front` on.
    std::size_t front = 0;

    void arrived(std::uint32_t job);
    std::uint32_t choose(const queue_machine& machine);
    static void ended(std::uint32_t /*job*/) {}
    static void started(std::uint32_t /*job*/, std::int64_t /*now_seconds*/) {}
  };

  struct future {
    std::vector<machine_job> jobs; ///< Those waiting, then the arrivals.
    std::vector<machine_claim> running;
    std::vector<std::vector<double>> arrival_keys; ///< By rule.
  };

  std::span<const queue_rule> rules_;
  future_options options_;
  queue_machine machine_;
  by_key chooser_;
  free_forecast forecast_;
  machine_start start_;
  std::vector<future> futures_;
  std::vector<std::vector<double>> waiting_keys_; ///< By rule.
  std::vector<std::vector<double>> sorted_keys_;  ///< The same, rising.
};

} // namespace skerry
