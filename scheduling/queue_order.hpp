#pragma once

#include "scheduling/result.hpp"

#include <cstdint>
#include <span>
#include <string_view>

namespace skerry {

/// Which waiting job goes next. Orders are pure functions of the job and the
/// time, so that a queue can be sorted, explained and replayed alike.
///
/// fcfs    First come, first served: by submit time.
/// sjf     Shortest job first: by requested time.
/// f1      log10(requested) * processors + 870 * log10(submit), found by
///         regression on simulated schedules.
///         @source Carastan-Santos and de Camargo, "Obtaining Dynamic
///         Scheduling Policies with Simulation and Machine Learning", SC'17.
/// wfp3    -(wait / requested)^3 * processors: favours jobs that have waited
///         long for their length, and wide ones among them.
///         @source Tang, Lan, Desai and Buettner, "Fault-aware, Utility-based
///         Job Scheduling on Blue Gene/P Systems", CLUSTER 2009.
/// unicep  -wait / (log2(processors) * requested): favours long waits and
///         small jobs.
///         @source As wfp3.
/// las     Least attained service: by the processor-seconds that the job has
///         already received. A job of a non-preemptive queue runs once, so
///         there this is what its earlier attempts received, or its tenant,
///         as the caller decides; all zero, it is fcfs.
///         @source Nuyens and Wierman, "The Foreground-Background queue: A
///         survey", 2008; for clusters Gu et al., "Tiresias", NSDI'19.
/// saf     Smallest area first: processors * requested.
///         @source Carastan-Santos, de Camargo, Trystram and Zrigui, "One can
///         only gain by replacing EASY Backfilling", CCGRID 2019.
/// sqrt-area  sqrt(processors) * requested: between sjf and saf, as f4 of the
///         paper above is without its term of the submit time.
enum class queue_order : std::uint8_t {
  fcfs,
  sjf,
  f1,
  wfp3,
  unicep,
  las,
  saf,
  sqrt_area
};

/// What the orders look at.
struct queued_job {
  std::int64_t number = 0; ///< Of acceptance; breaks the last ties.
  /// Since the start of the record (f1 takes its logarithm), at least 0.
  std::int64_t submit_seconds = 0;
  std::int64_t requested_seconds = 0; ///< The user's estimate, at least 0.
  std::int64_t processors = 1;        ///< At least 1.
  double attained_processor_seconds = 0;
};

/// The smallest goes first.
/// @pre     `now_seconds` is not before the submit time.
/// @returns A finite number. Logarithms of zero seconds are taken at 0.1 s, as
///          in the published code for f1; quotients by zero seconds at 1 s.
/// @cost    O(1), at most two logarithms.
double priority(queue_order order, const queued_job& job,
                std::int64_t now_seconds);

/// Whether `priority` depends on the time; otherwise it may be kept.
bool changes_with_time(queue_order order);

/// Breaks ties of priority: by submit time, then by number.
bool submitted_before(const queued_job& a, const queued_job& b);

/// Every order, in the order of the enum.
std::span<const queue_order> all_queue_orders();
std::string_view to_string(queue_order order);
/// @returns `invalid_argument` listing the known names.
result<queue_order> find_queue_order(std::string_view name);

} // namespace skerry
