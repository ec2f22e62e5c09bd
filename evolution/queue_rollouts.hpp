#pragma once

#include "evolution/queue_machine.hpp"
#include "evolution/queue_record.hpp"
#include "evolution/queue_rule.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace skerry {

/// Plays out what may come of a decision: one waiting job is the next head,
/// every later head is that of a rule, asked anew each time; jobs arrive as in
/// a piece cut from the record and run for times drawn from the record.
///
/// A rule that is asked anew judges later states as it judges the present one.
/// Its keys of now would not: they are blind to what will be free and waiting,
/// and plans built on them lose to the rule itself.
///
/// @source Rollouts: Bertsekas, Tsitsiklis and Wu, "Rollout algorithms for
///         combinatorial optimization", 1997.
class queue_rollouts {
public:
  /// @param rules    Outlive the rollouts.
  /// @param arrivals Jobs that arrive in a future. Plans that look at the
  ///                 present queue alone lose to good rules.
  queue_rollouts(std::span<const queue_rule> rules, backfilling backfill,
                 std::uint32_t arrivals)
      : rules_{rules}, arrivals_{arrivals}, machine_{backfill} {}

  /// Futures are drawn as they are needed, and are then the same for all heads
  /// and rules.
  /// @param state What it refers to, the record and `random` outlive the plays.
  void reset(const queue_state& state, const queue_record& record, rng& random);

  /// The waiting jobs, by position, as the rule sorts them now.
  std::vector<std::uint32_t> sorted(std::size_t rule) const;

  /// @param head Position of a waiting job.
  /// @returns The sum of bounded slowdowns over the waiting jobs and all that
  ///          arrive.
  /// @cost    About 10 us at 50 waiting jobs; under weights some hundred.
  double play(std::size_t rule, std::uint32_t head, std::size_t future);

private:
  /// The jobs of a future as a rule knows them; empty until it is needed.
  struct known_jobs {
    std::vector<double> keys;       ///< Of an order that does not age.
    std::vector<scored_job> scored; ///< Of weights.
  };

  struct future {
    std::vector<queued_job> queued; ///< Those waiting, then the arrivals.
    std::vector<machine_job> jobs;  ///< The same.
    std::vector<machine_claim> running;
    std::vector<known_jobs> known; ///< By rule.
  };

  future& draw(std::size_t number);
  void draw_running(future& into);
  double play_weights(const queue_weights& weights, std::uint32_t head,
                      future& in, known_jobs& known);
  double play_order(queue_order order, std::uint32_t head, future& in,
                    known_jobs& known);
  machine_start start_of(const future& in) const;

  std::span<const queue_rule> rules_;
  std::uint32_t arrivals_;
  queue_machine machine_;
  free_forecast forecast_;
  queue_state state_;
  const queue_record* record_ = nullptr;
  rng* random_ = nullptr;
  std::size_t drawn_ = 0;       ///< Of the futures.
  std::vector<future> futures_; ///< The rest are kept for their memory.
};

} // namespace skerry
