#pragma once

#include "learning/sum_tree.hpp"
#include "scheduling/result.hpp"
#include "scheduling/rng.hpp"

#include <cstdint>
#include <span>

namespace skerry {

struct replay_options {
  /// Items; the oldest go when there are more.
  std::size_t capacity = 262'144;
  /// Below that many nothing is sampled: a batch of few is one of repetitions.
  std::size_t fewest = 1024;
  /// How often an item is sampled in the mean: more often, and the learner
  /// learns its items by heart. 0 for no limit, as with a fixed set.
  double samples_per_insert = 8;
  /// Of priorities: 0 samples evenly, 1 by priority. @source Schaul et al.
  double priority_exponent = 0.6;
};

/// @returns `invalid_argument` naming the first option at fault.
result<> validate(const replay_options& options);

/// One of a sample.
struct replay_pick {
  std::uint64_t key = 0;  ///< Of the item.
  double probability = 0; ///< With which it was drawn.
  /// (size x probability)^-exponent, of the largest in the sample: what the
  /// item's step is to be multiplied by, so that it learns what an even sample
  /// would teach. 1 in an even one.
  float weight = 1;
};

/// Which items of a ring are sampled; the items are with `replay_buffer`.
///
/// An item's key is how many came before it, so that keys never return: one
/// that has been overwritten is known to be gone.
///
/// @source Cassirer et al., "Reverb: A Framework for Experience Replay", 2021,
///         for the limit; Schaul et al., "Prioritized Experience Replay", ICLR
///         2016, for priorities, strata and importance weights.
class replay_sampler {
public:
  /// @pre `validate(options)`.
  explicit replay_sampler(const replay_options& options);

  const replay_options& options() const { return options_; }
  std::size_t size() const;
  std::uint64_t inserted() const { return inserted_; }
  std::uint64_t sampled() const { return sampled_; }
  bool holds(std::uint64_t key) const;
  std::size_t slot_of(std::uint64_t key) const {
    return static_cast<std::size_t>(key % options_.capacity);
  }

  /// Takes the next key, with the largest priority so far: what is new is
  /// looked at once at least.
  std::uint64_t insert();

  /// How many may be sampled now. What is inserted while nobody samples does
  /// not add up beyond a ring's worth.
  std::uint64_t allowance() const;

  /// Evenly, with repetitions.
  /// @returns `insufficient`, when fewer may be sampled now.
  /// @cost O(1) a pick.
  result<> sample_evenly(std::span<replay_pick> out, rng& random);

  /// By priority: the sum of all in as many strata as picks, one of each.
  /// @param exponent Of the weights, [0, 1]: 1 undoes the priorities wholly.
  /// @returns As `sample_evenly`.
  /// @cost O(log size) a pick.
  result<> sample_by_priority(std::span<replay_pick> out, double exponent,
                              rng& random);

  /// What the item is worth looking at, for example its TD error. Taken from
  /// within 1e-6 and 1e6, and 1e6 where it is no number, so that no value makes
  /// an item invisible or the only one.
  /// @returns Whether the item is still there.
  bool set_priority(std::uint64_t key, double priority);

private:
  std::uint64_t oldest() const;
  result<> spend(std::size_t samples);

  replay_options options_;
  sum_tree masses_; ///< priority^exponent, by slot.
  double largest_;  ///< Mass.
  std::uint64_t inserted_ = 0;
  std::uint64_t sampled_ = 0;
  double credit_ = 0; ///< Samples that inserts have allowed.
};

} // namespace skerry
