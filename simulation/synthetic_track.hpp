#pragma once

#include "simulation/synthetic.hpp"

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace skerry {

struct synthetic_report {
  /// Means over the time measured, relative to the capacity, by `metered`.
  std::array<double, metered_kinds> utilisation{};
  std::array<double, metered_kinds> pending{};
  std::array<queueing_statistics, workload_classes> classes; ///< By class.
  queueing_statistics all;
  metered_amounts capacity{};
  std::vector<task_outcome> outcomes; ///< By arrival.
  timing decision_times;
};

/// Queues a synthetic workload before its cluster.
/// @param policy `fgd` is told the mix.
/// @param seed   Of policies that draw.
/// @returns `invalid_argument` for an unknown policy.
/// @cost    The defaults are 90 000 tasks: 0.1 to 0.2 s.
result<synthetic_report> run_synthetic_track(const synthetic_workload& workload,
                                             const policy_choice& policy,
                                             std::uint64_t seed,
                                             placement_search search,
                                             clock_ns now,
                                             experience_tap* tap = nullptr);

/// Generates it first.
/// @returns What `generate_synthetic` returns, too.
result<synthetic_report> run_synthetic_track(const synthetic_options& options,
                                             const policy_choice& policy,
                                             std::uint64_t seed,
                                             placement_search search,
                                             clock_ns now);

} // namespace skerry
