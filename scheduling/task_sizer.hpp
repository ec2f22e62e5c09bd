#pragma once

#include "scheduling/resize_policy.hpp"

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace skerry {

/// What of a running task can be made larger and smaller; 0 has no limit.
struct task_size {
  std::int64_t cpu_millicores = 0;
  std::int64_t memory_bytes = 0;

  friend bool operator==(const task_size&, const task_size&) = default;
};

/// What a machine has seen of a task since it was looked at last.
struct task_use {
  std::int64_t milliseconds = 0;
  std::int64_t cpu_millicores = 0; ///< In the mean.
  /// Of the kernel's scheduling periods in which it wanted to run, the share in
  /// which it came to the end of its CPU; in [0, 1].
  double throttled = 0;
  std::int64_t memory_bytes = 0;
  std::int64_t peak_memory_bytes = 0; ///< Since it began; 0: not known.
  double memory_pressure = 0;         ///< Share of time; 0: none, or not known.
  std::uint64_t out_of_memory_kills = 0; ///< Since it began.
};

/// A policy by its method, with parameters found by tuning it on PlanetLab's
/// days for p99 of the stretch within 5 where that was done (docs/results.md,
/// section 16), by hand otherwise.
resize_policy shipped_resize_policy(resize_method method
                                    = resize_method::window_sigma);

/// How sizes follow use.
struct sizing_rules {
  resize_policy cpu; ///< Of intervals of any length: its windows are counts.
  /// Throttled in more than this share of the periods of an interval, a task
  /// counts as throttled: bursts of a tenth of a second are none of its size.
  double throttled_above = 0.1;
  /// CPU is not made smaller before this many intervals were seen.
  std::uint32_t warm_up = 12;
  /// Memory is the maximum of so many intervals, and this share more, which
  /// is at least so much. Never a quantile, and not smaller before the window
  /// is full: what is missing kills.
  std::uint32_t memory_window = 288;
  double memory_headroom = 0.25;
  std::int64_t least_headroom_bytes = std::int64_t{16} << 20;
  /// Memory shrinks only by more than this share.
  double memory_dead_band = 0.1;
  /// It waits for memory longer than this share of time: it needs more.
  double memory_pressure_above = 0.1;
  /// What was missing, after a kill for want of memory: this many times as
  /// much.
  double after_kill = 1.5;
  /// Intervals for which a refused shrink is not tried again; doubles.
  std::uint32_t first_back_off = 4;
  std::uint32_t last_back_off = 512;
};

/// The size that a task ought to have, and why.
struct size_proposal {
  enum class why : std::uint8_t {
    fits,      ///< It is about right.
    use,       ///< More or less is used than it was made for.
    throttled, ///< Its CPU came to an end.
    pressure,  ///< It waits for memory.
    killed,    ///< For want of memory.
    warm_up,   ///< It might be smaller; too little was seen yet.
    back_off,  ///< It might be smaller, which its machine has refused.
  };

  task_size size;
  why cpu = why::fits;
  why memory = why::fits;
  double used_millicores = 0;     ///< In the last interval.
  double throttled = 0;           ///< Likewise; share of periods.
  std::int64_t maximum_bytes = 0; ///< In the window.
};

/// For people, for example "cpu: 0.42 cores used; memory: 210 MiB at most".
std::string to_string(const size_proposal& proposal);

/// Chooses the sizes of one task, interval by interval, between its least and
/// its most. CPU follows a `resize_policy` in hundredths of the most; memory
/// follows maxima.
///
/// A size is never below what was just used. Bounded memory: some kilobytes.
class task_sizer {
public:
  /// @param rules Outlive it.
  /// @pre `least` is within `most`.
  task_sizer(const sizing_rules& rules, task_size least, task_size most);

  /// Between two proposals, any number of times.
  void see(const task_use& use);

  /// An interval is over.
  /// @returns Nothing when nothing was seen in it: that is not a sign of
  ///          idleness.
  std::optional<size_proposal> propose(const task_size& in_force);

  /// Its machine did not make it smaller: it knows what we do not.
  void shrink_refused();

private:
  std::int64_t next_cpu(std::int64_t in_force, size_proposal& out);
  std::int64_t next_memory(std::int64_t in_force, size_proposal& out);
  void remember(std::int64_t memory_bytes);

  const sizing_rules* rules_;
  task_size least_;
  task_size most_;
  std::unique_ptr<resizer> cpu_;
  std::uint32_t intervals_ = 0;

  // Of this interval.
  double milliseconds_ = 0;
  double used_ = 0; ///< Millicores times milliseconds.
  double throttled_ = 0;
  double pressure_ = 0;
  std::int64_t memory_ = 0;

  // Of all.
  std::int64_t peak_ = 0;
  std::uint64_t kills_ = 0;
  std::uint64_t new_kills_ = 0;
  /// Maxima of memory, the largest first, each with the interval from which on
  /// it does not count.
  std::deque<std::pair<std::int64_t, std::uint32_t>> maxima_;
  std::uint32_t back_off_ = 0;
  std::uint32_t no_shrink_until_ = 0; ///< Interval.
};

} // namespace skerry
