#pragma once

#include "cli/report.hpp"
#include "simulation/queueing_meter.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace skerry {

/// A run of a cluster with a queue, whichever track it is of.
struct queueing_run {
  std::string policy;
  std::uint64_t seed = 0;
  /// Means over the time measured, in % of the capacity, by name in JSON and in
  /// the order of tables, for example "allocated_gpu_percent".
  std::vector<std::pair<std::string, double>> percents;
  std::vector<std::pair<std::string, queueing_statistics>> classes
      = {}; ///< By name.
  queueing_statistics all = {};
  timing decision_times = {};
};

/// The run by the names that every such track has in common.
json json_of(const std::string& workload, const queueing_run& run);

/// Means and standard deviations over seeds, waits by class, and with several
/// seeds the paired differences to the first policy.
/// @param runs At least one; policy by policy, each with the same seeds.
std::string table_of(const std::string& title,
                     std::span<const std::uint64_t> seeds,
                     std::span<const queueing_run> runs);

} // namespace skerry
