#pragma once

#include "simulation/arrival_process.hpp"
#include "simulation/queueing_cluster.hpp"

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace skerry {

/// Mixed clusters and workloads, with no data at hand. Sizes and durations are
/// invented, with the features that make real ones hard: few shapes are common
/// and many are rare, durations are lognormal (a few tasks are most of the
/// work), tasks compete for nodes that only some of them need, and the rate of
/// arrivals and their mix change.

enum class node_kind : std::uint8_t {
  cpu = 0,       ///< 64 cores, 256 GiB.
  memory = 1,    ///< 64 cores, 2 TiB.
  gpu_large = 2, ///< 96 cores, 1 TiB, 8 A100.
  gpu_small = 3, ///< 64 cores, 256 GiB, 4 T4.
  fpga = 4,      ///< 32 cores, 128 GiB, 2 U250.
  edge = 5,      ///< 4 cores, 8 GiB, at the site "edge".
};

inline constexpr std::size_t node_kinds = 6;
inline constexpr std::array<std::string_view, node_kinds> node_kind_names{
    "cpu", "memory", "gpu-large", "gpu-small", "fpga", "edge"};

enum class workload_class : std::uint8_t {
  service = 0,   ///< Elastic, some bound to a zone.
  batch = 1,     ///< Big data: up to 16 cores.
  training = 2,  ///< 1, 2, 4 or 8 whole GPUs, most of one model.
  inference = 3, ///< A share of a GPU.
  fpga = 4,
  memory = 5, ///< 128 to 512 GiB.
  iot = 6,    ///< Small and short, at the edge.
};

inline constexpr std::size_t workload_classes = 7;
inline constexpr std::array<std::string_view, workload_classes>
    workload_class_names{"service", "batch",  "training", "inference",
                         "fpga",    "memory", "iot"};

struct synthetic_options {
  std::int64_t nodes = 200; ///< 1 to 100 000.
  double hours = 24;        ///< In all, at most 744 (31 days).
  double warm_up_hours = 3; ///< Of these, not measured.
  /// Expected demand relative to capacity where it is tightest; see
  /// `synthetic_workload::tightest`. Above 0, at most 10.
  double load = 0.9;
  /// Relative, by `node_kind`; rounded to whole nodes.
  std::array<double, node_kinds> node_shares{0.35, 0.08, 0.15,
                                             0.15, 0.07, 0.20};
  /// Of arrivals, relative, by `workload_class`.
  std::array<double, workload_classes> task_shares{0.17,  0.27,  0.018, 0.056,
                                                   0.016, 0.028, 0.442};
  arrival_options arrivals = {};
  /// Of arrivals: tasks that ask for a GPU model that no node has.
  double impossible_share = 0.0005;

  friend bool operator==(const synthetic_options&, const synthetic_options&)
      = default;
};

/// @returns `invalid_argument` with every fault.
result<> validate(const synthetic_options& options);

/// A resource of the nodes of some kinds.
struct bottleneck {
  std::uint32_t kinds = 0; ///< A bit for each `node_kind`.
  metered resource = metered::cpu;
  double load = 0; ///< Expected demand / capacity.
};

struct synthetic_workload {
  queueing_workload queue; ///< Classes as in `workload_class`.
  /// Of all sets of kinds S and resources r, where the demand for r of tasks
  /// that fit only on kinds in S is largest relative to what S has: by Hall's
  /// condition it bounds what can be carried. Its load is the offered one.
  bottleneck tightest;
  double tasks_per_hour = 0; ///< Mean over the run.
};

/// Everything from the seed, nothing from the policy.
/// @returns `invalid_argument` for bad options, for a mix of which no task fits
///          the nodes, and for more than `max_arrivals`.
/// @cost    The defaults are 90 000 tasks: some 40 ms.
result<synthetic_workload> generate_synthetic(const synthetic_options& options,
                                              std::uint64_t seed);

} // namespace skerry
