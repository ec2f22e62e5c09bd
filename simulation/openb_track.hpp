#pragma once

#include "scheduling/placement_policy.hpp"
#include "scheduling/specs.hpp"
#include "simulation/experience_tap.hpp"
#include "simulation/load_meter.hpp"
#include "simulation/openb_reader.hpp"
#include "simulation/stopwatch.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace skerry {

/// Replays arrivals of the openb trace by the published protocol: pods come one
/// at a time, each is placed at once or dropped for good, nothing leaves.
///
/// @source Weng et al., "Beware of Fragmentation", USENIX ATC 2023.

struct openb_workload {
  std::vector<openb_node> nodes;
  std::vector<openb_pod> pods;
  std::vector<std::uint32_t> arrivals; ///< Positions in `pods`, in order.
  /// Rank of each node; the smaller wins among equal scores.
  std::vector<std::uint32_t> tie_order;
};

struct openb_decision {
  std::optional<std::uint32_t> node; ///< Position in `nodes`; empty: dropped.
  device_mask devices = 0;
};

struct openb_report {
  /// By `openb_loads`; empty where the arrivals end before.
  load_figures allocated_gpu_percent;
  std::uint64_t placed = 0;
  std::uint64_t failed = 0;
  std::vector<openb_decision> decisions; ///< One for each arrival.
  timing decision_times;
};

/// A node as the cluster knows it. Pods are limited to 1001 a node, as in the
/// published simulator.
node_spec node_spec_of(const openb_node& node);

/// A pod as the scheduler knows it: one GPU of all 1000 milli is a whole one.
task_shape task_shape_of(const openb_pod& pod);

/// @param policy Name of a policy; `fgd` is told the pod list as a whole, as
///               published.
/// @param tap    Told what is decided, an arrival a second.
/// @returns `invalid_argument` for an unknown policy and a workload that the
///          ledger refuses.
result<openb_report> run_openb_track(const openb_workload& workload,
                                     const policy_choice& policy,
                                     std::uint64_t seed,
                                     placement_search search, clock_ns now,
                                     experience_tap* tap = nullptr);

/// The decisions as CSV with the header `arrival,pod,node,devices`.
std::string decisions_csv(const openb_workload& workload,
                          const openb_report& report);

} // namespace skerry
