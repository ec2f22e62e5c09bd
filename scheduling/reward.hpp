#pragma once

#include "scheduling/result.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace skerry {

/// What a decision is rewarded or blamed for; meanings, units and ranges:
/// `reward_term_table`. Numbered for disk and wire: only append.
enum class reward_term : std::uint8_t {
  allocated_share,
  fragmentation,
  wait,
  slowdown,
  response,
  refusals,
  churn,
  fairness,
};

inline constexpr std::size_t reward_terms = 8;

constexpr std::size_t index_of(reward_term term) {
  return static_cast<std::size_t>(term);
}

struct reward_term_row {
  std::string_view name;
  std::string_view meaning;
  double weight; ///< The default: above 0 rewards, below 0 blames.
};

/// By `reward_term`.
const std::array<reward_term_row, reward_terms>& reward_term_table();

/// One number for each term, all within [-1, 1].
using reward_values = std::array<float, reward_terms>;

/// What is known of a decision when it has been taken.
struct decision_facts {
  /// Of the cell's capacity, with the task placed, [0, 1].
  double allocated_share = 0;
  double fragmentation_gpus = 0; ///< By which its expectation has grown.
  double wait_seconds = 0;       ///< Since the task was submitted.
  std::uint32_t attempt = 1;     ///< Of the task, the first is 1.
  bool refused = false;          ///< It found no node.
  double tenant_share = 0;       ///< Of what is allocated, [0, 1].
  std::uint32_t tenants = 1;     ///< That have something allocated.
};

/// What is known of a task that has ended.
struct ending_facts {
  double wait_seconds = 0;
  double run_seconds = 0;
  /// How long it was to take at most, wait and all; none if nobody said so.
  std::optional<double> target_seconds = {};
};

/// The terms that are known with the decision; the others stay 0.
reward_values reward_of_decision(const decision_facts& facts);
/// Those that are known with the end of the task; the others stay 0.
reward_values reward_of_ending(const ending_facts& facts);

/// What each term counts. Sums of terms with different weights compare no
/// more, so the terms are kept beside the sum.
struct reward_weights {
  reward_weights();
  std::array<double, reward_terms> of;

  friend bool operator==(const reward_weights&, const reward_weights&)
      = default;
};

/// Keeps rewards, and with them the values that are learned, within +-80.
inline constexpr double max_reward_weight = 10;

/// @returns `invalid_argument` naming the first weight that is not finite or
///          too large.
result<> validate(const reward_weights& weights);

/// The sum of the terms, each times its weight.
double total_reward(const reward_values& terms, const reward_weights& weights);

} // namespace skerry
