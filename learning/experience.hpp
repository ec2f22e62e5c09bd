#pragma once

#include "learning/state_features.hpp"
#include "scheduling/placement_features.hpp"
#include "scheduling/result.hpp"
#include "scheduling/reward.hpp"
#include "scheduling/task_class.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace skerry {

/// Placements that are kept of a decision: the chosen one, what the heuristics
/// would have chosen, and some at random.
inline constexpr std::size_t max_candidates = 16;

using candidate_values = std::array<float, placement_features>;

/// How a task went, known when it has ended.
struct task_ending {
  float wait_seconds = 0; ///< From its submission to its start.
  float run_seconds = 0;
  bool finished = false; ///< By itself and well; else failed, lost, cancelled.

  friend bool operator==(const task_ending&, const task_ending&) = default;
};

/// One placement decision, and what came of it.
///
/// `reward` and `next_state` are of n steps: a step is a decision of the same
/// cell, and
///
///     value(state) ~ reward + (terminal ? 0 : discount x value(next_state))
struct experience {
  state_values state{};
  /// At least one, at most `max_candidates`; [candidate][feature].
  std::vector<candidate_values> candidates;
  std::uint32_t chosen = 0; ///< Of `candidates`.
  /// With which probability it was chosen among all that were feasible, by the
  /// policy of `policy_version`: 1 where that one does not draw.
  float propensity = 1;
  task_class of = task_class::cpu_only;

  /// Of this decision alone, not discounted, before the weights.
  reward_values terms{};
  /// Weighted, summed over `steps` steps, each discounted.
  float reward = 0;
  std::uint32_t steps = 1; ///< From `state` to `next_state`, at least 1.
  float discount = 0;      ///< Of the value of `next_state`, [0, 1].
  bool terminal = false;   ///< Nothing came after; `next_state` means nothing.
  state_values next_state{};

  std::uint64_t policy_version = 0; ///< Hash of the policy that chose.
  std::int64_t decided_at_ms = 0;   ///< Unix time, or simulated time.
  std::optional<task_ending> outcome = {};

  friend bool operator==(const experience&, const experience&) = default;
};

/// Identifies what the numbers of an experience mean: features of states and
/// placements, terms of the reward. Those of another schema are of no use.
std::uint64_t experience_schema();

/// No number of an experience is larger, whatever its sender says.
inline constexpr float max_feature = 4;
inline constexpr float max_reward = 1000;
inline constexpr std::uint32_t max_steps = 4096;

/// @returns `invalid_argument` naming the first field that is not finite or out
///          of its range: a network must never see it.
result<> validate(const experience& of);

} // namespace skerry
