#pragma once

#include <algorithm>
#include <cstdint>

namespace skerry {

/// Jobs that run for less than this count as if they ran so long: else the
/// slowdown of the shortest would drown all others.
inline constexpr std::int64_t slowdown_bound_seconds = 10;

/// max(1, (wait + run) / max(run, bound)): what a queue is measured by.
/// @source Feitelson, Rudolph, Schwiegelshohn, Sevcik and Wong, "Theory and
///         practice in parallel job scheduling", JSSPP 1997.
constexpr double bounded_slowdown(std::int64_t wait_seconds,
                                  std::int64_t run_seconds) {
  const auto turnaround = static_cast<double>(wait_seconds + run_seconds);
  const auto bound = std::max(run_seconds, slowdown_bound_seconds);
  return std::max(1.0, turnaround / static_cast<double>(bound));
}

} // namespace skerry
