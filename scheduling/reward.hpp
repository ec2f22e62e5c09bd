#pragma once

#include "scheduling/result.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
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
