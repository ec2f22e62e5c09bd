#pragma once

#include "evolution/queue_planner.hpp"
#include "scheduling/backfill.hpp"
#include "scheduling/queue_order.hpp"
#include "scheduling/queue_scorer.hpp"
#include "scheduling/result.hpp"
#include "scheduling/slowdown.hpp"
#include "simulation/swf_reader.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace skerry {

/// Replays windows of a batch log through a queue order, by the published
/// protocol of RLScheduler:
///
/// Each window starts on an empty machine at its first submission, and every
/// job runs to its end. Whenever the queue has a job and none is chosen, the
/// order chooses one, the head, and it is not chosen anew before it has
/// started. If the head does not fit, then
///  - without backfilling everything waits for it;
///  - with EASY its earliest start is computed once, from requested times, and
///    other jobs, first come first served, start if they fit and end before it.
///
/// Arrivals and completions are seen one by one, arrivals before completions
/// of the same second, completions in the order of starting; the queue acts
/// after each; jobs submitted in the same second keep their order in the log.
/// (Acting once a second makes FCFS with EASY 235.55 on Lublin-1;
/// published are 235.82.)
///
/// @source Zhang, Dai, He, Bao and Xie, "RLScheduler: An Automated HPC Batch
///         Job Scheduler Using Reinforcement Learning", SC'20.

/// Consecutive jobs of a log.
struct swf_window {
  std::size_t first = 0; ///< 0-based position.
  std::size_t length = 0;

  friend bool operator==(const swf_window&, const swf_window&) = default;
};

/// Reads "START:LEN,START:LEN,...".
/// @returns `invalid_argument` with the part that is wrong.
result<std::vector<swf_window>> parse_windows(std::string_view text);

/// What chooses heads. A planner gets the machine and the backfilling from the
/// track, a seed of its own for each window, and a record: the jobs of the log
/// before the window, as if they had ended by then.
using swf_policy
    = std::variant<queue_order, queue_weights, queue_planner_options>;

struct swf_options {
  std::int64_t processors = 0; ///< Of the machine.
  swf_policy policy = queue_order::fcfs;
  backfilling backfill = backfilling::none;
  std::vector<swf_window> windows = {}; ///< Empty: the whole log.
};

struct swf_start {
  std::uint32_t window = 0; ///< Position in the options.
  std::int64_t job = 0;     ///< Its number in the log.
  std::int64_t start_seconds = 0;

  friend bool operator==(const swf_start&, const swf_start&) = default;
};

struct swf_report {
  /// Mean over jobs, then over windows.
  double average_bounded_slowdown = 0;
  std::vector<double> per_window;
  /// Processor-seconds run / (processors * seconds from a window's first
  /// submission to its last end), over all windows, in [0, 1].
  double utilisation = 0;
  std::vector<swf_start> schedule; ///< Window by window, in order of starting.
  queue_planner_report planner; ///< Sums over the windows; zeros without one.
};

/// @returns `invalid_argument`, naming all faults, for options that do not go
///          with the log or the policy; `infeasible` for a job wider than the
///          machine.
/// @cost    O(jobs * queue length). The ten windows of the published table
///          take 10 to 20 ms under an order.
result<swf_report> run_swf_track(std::span<const swf_job> log,
                                 const swf_options& options);

/// The schedule as CSV with the header `window,job,start`.
std::string schedule_csv(const swf_report& report);

} // namespace skerry
