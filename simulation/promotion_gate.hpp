#pragma once

#include "simulation/shadow_evaluation.hpp"
#include "simulation/statistics.hpp"

#include <cstddef>
#include <string>

namespace skerry {

/// What a policy may cost while it gains on the objective.
struct gate_limits {
  /// Fewer say nothing: intervals by Student's t want the means to be normal.
  std::size_t fewest_episodes = 20;
  /// How much longer the p99 wait may be than that of the policy it replaces,
  /// of all tasks and of each group, and the mean of each group: a share of it,
  /// and a part of an episode, in percent, below which nobody notices.
  double wait_share = 0.10;
  double wait_points = 1.0;
  /// Tasks that do not start, in percentage points.
  double unstarted_points = 0.5;
  /// Points of the objective behind the best heuristic.
  double behind_heuristic_points = 0.5;
  /// p99 of a decision. A placement of the live cell waits for it.
  double decision_us = 2'000;
};

/// @returns `invalid_argument` naming the field.
result<> validate(const gate_limits& limits);

struct gate_verdict {
  bool passes = false;
  /// Over the ruling policy, in points of the objective.
  mean_interval gain;
  std::string reason; ///< With the numbers that decided.
};

/// Whether a candidate is better than the ruling policy and hurts nobody:
/// the lower bound of the paired difference on the objective is above 0 (of the
/// two-sided 95 % interval, so wrong in 2.5 of 100 cases), no guard is worse
/// than its limit, and the best heuristic is not ahead.
gate_verdict judge(const shadow_series& candidate, const shadow_series& ruling,
                   const shadow_series& heuristic, const gate_limits& limits);

/// Why a policy may not decide at all, whatever the others do: it cannot be
/// run, its figures are none, or it is too slow; empty when it may.
std::string unfit(const shadow_series& policy, const gate_limits& limits);

/// Whether who rules is behind another for sure, by more than
/// `behind_heuristic_points`.
/// @returns The reason, with the numbers; empty when it is not.
std::string behind(const shadow_series& ruling, const shadow_series& other,
                   const gate_limits& limits);

} // namespace skerry
