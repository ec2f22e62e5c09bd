#pragma once

#include "evolution/queue_machine.hpp"
#include "evolution/run_time_model.hpp"
#include "scheduling/queue_order.hpp"
#include "scheduling/rng.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace skerry {

struct recorded_job {
  queued_job job;
  std::int64_t run_seconds = 0; ///< 0 as long as it has not ended.
};

/// What a queue has seen: the latest jobs in order of submission, how long
/// those ran that have ended, and what follows from both.
class queue_record {
public:
  /// @pre With a number above those before it, and not submitted before them.
  void submitted(const queued_job& job);
  /// A job that the record no longer holds is left out.
  /// @cost O(log n) and that of `run_time_model::learn`.
  void ended(const queued_job& job, std::int64_t run_seconds);

  std::span<const recorded_job> jobs() const { return jobs_; }
  const run_time_model& run_times() const { return run_times_; }
  /// How many have ever ended.
  std::uint64_t ends() const { return ends_; }

  /// A possible future: what was submitted after some moment of the past, as if
  /// that moment were now. The moment is a whole number of days ago, give or
  /// take an hour, because arrivals keep the hours of the day; any moment while
  /// the record is shorter than two days. A job that has not ended gets a run
  /// time drawn.
  /// @returns At most `count` jobs, fewer where the record ends before; into
  ///          `jobs`, behind what is there.
  void cut_future(std::int64_t now_seconds, std::size_t count,
                  std::vector<machine_job>& jobs, rng& random) const;

  /// The latest `length` jobs, behind those before them of which more than one
  /// in twenty has not ended: what can be played again with what really
  /// happened.
  /// @returns Fewer where the record is shorter.
  std::span<const recorded_job> latest_ended(std::size_t length) const;

private:
  std::vector<recorded_job> jobs_;
  run_time_model run_times_;
  std::uint64_t ends_ = 0;
};

} // namespace skerry
