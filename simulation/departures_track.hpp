#pragma once

#include "scheduling/task_class.hpp"
#include "simulation/openb_reader.hpp"
#include "simulation/queueing_cluster.hpp"

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace skerry {

/// The openb trace with departures: pods come at random at an offered load, run
/// for as long as they did in the trace, and leave; those that do not fit wait.
/// Nothing is published on it.
///
/// Pool: (shape, run time) pairs of the list, run time = deletion_time -
/// scheduled_time. A run time below 1 s counts as 1 s, one above a day as a
/// day, so that no pod occupies the cluster for the whole run. Left out are
/// pods without these times (they never ran), and pods that fit no node of the
/// cluster even when it is empty: they would wait for ever under any policy.
/// Cluster: every third node of the node list sorted by model, device count and
/// CPU (equals as listed), or all.
/// Arrivals: Poisson with a rate of offered load * GPU capacity / mean
/// GPU-seconds of the pool, pairs drawn with replacement.
/// Waiting: in order of arrival, skipping those that do not fit; no preemption.
///
/// Start: with residents, pods that came before and still run. They are drawn
/// from the pool in proportion to run time, which is how a moment finds those
/// that run, until they ask for the offered load (at most the capacity); each
/// has a uniform share of its run time left, and they are placed by the policy
/// at time 0, in the order drawn. An empty start is an option: but run times
/// are so uneven that pods of more than 12 h are half of the load, so that
/// twelve hours from empty fill only 58 % of the GPUs, nothing waits under any
/// sensible policy, and there is nothing to compare.
///
/// From the seed come residents, arrivals and the order of nodes that settles
/// ties, both the same for every policy: compare policies by
/// `paired_difference`.
enum class departures_start : std::uint8_t { residents, empty };

struct departures_options {
  double offered_load = 0.95; ///< Of the GPU capacity; above 0, at most 10.
  int cluster_divisor = 3;    ///< Every n-th node; 1 for all.
  std::int64_t warm_up_seconds = 10'800;
  std::int64_t measured_seconds = 32'400; ///< Each at most 30 days.
  departures_start start = departures_start::residents;
};

/// @returns `invalid_argument` with every fault.
result<> validate(const departures_options& options);

/// The class of the pod's task; those of the statistics below.
task_class class_of(const openb_pod& pod);

/// What all policies are given for a seed.
struct departures_workload {
  queueing_workload queue;     ///< Classes as in `task_class`.
  std::size_t residents = 0;   ///< The first of the arrivals.
  std::size_t pool = 0;        ///< Pairs that are drawn from.
  std::size_t never_ran = 0;   ///< Pods without times.
  std::size_t never_fit = 0;   ///< Pods that fit no node of the cluster.
  double mean_gpu_seconds = 0; ///< Of the pool.
};

/// @returns `invalid_argument` for bad options, a cluster without GPU, a pool
///          that is empty or asks for no GPU, and more than `max_arrivals`
///          residents or arrivals after them.
result<departures_workload>
make_departures_workload(std::span<const openb_node> nodes,
                         std::span<const openb_pod> pods, std::uint64_t seed,
                         const departures_options& options);

struct departures_report {
  double allocated_gpu_percent = 0; ///< Mean over the time measured.
  double pending_gpu_percent = 0;   ///< Of the capacity, mean likewise.
  std::array<queueing_statistics, task_classes> classes; ///< By `task_class`.
  queueing_statistics all;
  std::size_t nodes = 0;
  std::int64_t gpu_capacity_milli = 0;
  std::size_t residents = 0;
  std::size_t pool = 0;
  std::size_t never_ran = 0;
  std::size_t never_fit = 0;
  std::vector<task_outcome> outcomes; ///< By arrival.
  timing decision_times;
};

/// @param policy `fgd` is told the pool.
/// @returns What `make_departures_workload` returns, and `invalid_argument`
///          for an unknown policy.
/// @cost    The default protocol is 24 000 arrivals: some 0.1 s.
result<departures_report> run_departures_track(
    std::span<const openb_node> nodes, std::span<const openb_pod> pods,
    const policy_choice& policy, std::uint64_t seed,
    const departures_options& options, placement_search search, clock_ns now);

/// The same on a workload made before.
result<departures_report>
run_departures_track(const departures_workload& workload,
                     const policy_choice& policy, std::uint64_t seed,
                     placement_search search, clock_ns now,
                     experience_tap* tap = nullptr);

} // namespace skerry
