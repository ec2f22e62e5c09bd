#pragma once

#include "scheduling/assert.hpp"
#include "scheduling/backfill.hpp"
#include "scheduling/slowdown.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace skerry {

/// A job as the machine of a plan sees it: with a run time, which in a plan is
/// a guess.
struct machine_job {
  std::int64_t submit_seconds = 0;
  std::int64_t requested_seconds = 0;
  std::int64_t run_seconds = 1; ///< At least 1.
  std::int64_t processors = 1;
};

/// A job that runs when a plan begins.
struct machine_claim {
  std::int64_t expected_end_seconds = 0; ///< As requested.
  std::int64_t end_seconds = 0;          ///< As guessed; not in the past.
  std::int64_t processors = 0;
};

/// Where a plan begins.
struct machine_start {
  std::int64_t now_seconds = 0;
  std::int64_t free_processors = 0;
  std::span<const machine_claim> running = {};
  std::size_t waiting = 0; ///< So many of the jobs have been submitted.
};

/// Plays a batch queue out, fast: the rules of `run_swf_track`, which places
/// through the ledger and is the authority (a test holds the schedules against
/// each other), on two sorted lists.
///
/// A chooser is asked for heads. It has
///   void arrived(std::uint32_t job);         // a job has been submitted
///   std::uint32_t choose(queue_machine&);    // the head, among those waiting
///   void ended(std::uint32_t job);           // one of `jobs` has ended
///   void started(std::uint32_t job, std::int64_t now_seconds);
/// `arrived` is not called for those that wait at the beginning.
///
/// @cost A job O(log n + running jobs moved in a list); with EASY also a scan
///       of those waiting for each end. Allocates only when a run is larger
///       than every run before it.
class queue_machine {
public:
  explicit queue_machine(backfilling backfill) : backfill_{backfill} {}

  /// @param jobs  In order of submission, those waiting first; none wider than
  ///              the machine.
  /// @param bound Gives up when the cost is above it.
  /// @returns The sum of bounded slowdowns over `jobs`; something above
  ///          `bound` after giving up.
  template <class Chooser>
  double play(const machine_start& start, std::span<const machine_job> jobs,
              Chooser& chooser,
              double bound = std::numeric_limits<double>::infinity()) {
    begin(start, jobs);
    act(chooser, false);
    while (to_start_ > 0 && cost_ <= bound) {
      if (next_ < jobs_.size()
          && (running_.empty()
              || jobs_[next_].submit_seconds <= running_.back().end_seconds)) {
        now_ = jobs_[next_].submit_seconds;
        const auto job = static_cast<std::uint32_t>(next_++);
        add_waiting(job);
        chooser.arrived(job);
        act(chooser, true);
      } else {
        const auto job = finish();
        if (job != foreign)
          chooser.ended(job);
        act(chooser, false);
      }
    }
    return cost_;
  }

  std::int64_t now_seconds() const { return now_; }
  std::int64_t free_processors() const { return free_; }
  /// What runs, as requested; falling by expected end.
  std::span<const processor_claim> claims() const { return claims_; }
  bool has_started(std::uint32_t job) const { return started_[job] != 0; }
  /// Those that have been submitted and not started, in order of submission.
  std::span<const std::uint32_t> waiting();

private:
  /// Of a job that ran at the beginning.
  static constexpr auto foreign = std::numeric_limits<std::uint32_t>::max();

  struct run {
    std::int64_t end_seconds = 0;
    std::int64_t expected_end_seconds = 0;
    std::int64_t processors = 0;
    std::uint32_t job = foreign;
  };

  void begin(const machine_start& start, std::span<const machine_job> jobs);
  void add_waiting(std::uint32_t job);
  void occupy(const run& occupied);
  std::uint32_t finish(); ///< The next end; @returns the job.
  void start(std::uint32_t job);
  std::int64_t shadow_of(std::int64_t processors) const;

  template <class Chooser>
  void launch(Chooser& chooser, std::uint32_t job) {
    start(job);
    chooser.started(job, now_);
  }

  /// @param only_newest Nothing has changed for those that were waiting when
  ///                    the queue last acted.
  template <class Chooser>
  void act(Chooser& chooser, bool only_newest) {
    while (true) {
      if (head_ == foreign) {
        if (waiting_count_ == 0)
          return;
        head_ = chooser.choose(*this);
        started_[head_] = 1; // No longer waits.
        --waiting_count_;
        shadow_ = unknown;
        only_newest = false;
      }
      if (jobs_[head_].processors > free_) {
        if (backfill_ == backfilling::easy)
          fill(chooser, only_newest);
        return;
      }
      launch(chooser, head_);
      head_ = foreign;
    }
  }

  bool may_pass(const machine_job& job) const {
    return job.processors <= free_
           && ends_before(now_, job.requested_seconds, shadow_);
  }

  template <class Chooser>
  void fill(Chooser& chooser, bool only_newest) {
    if (shadow_ == unknown)
      shadow_ = shadow_of(jobs_[head_].processors);
    if (only_newest) {
      const auto job = static_cast<std::uint32_t>(next_ - 1);
      if (started_[job] == 0 && may_pass(jobs_[job]))
        pass(chooser, job);
      return;
    }
    if (free_ < narrowest_)
      return;
    auto narrowest = no_job;
    std::size_t kept = 0;
    for (std::size_t i = 0; i < waiting_.size(); ++i) {
      const auto job = waiting_[i];
      if (started_[job] != 0)
        continue;
      if (may_pass(jobs_[job])) {
        pass(chooser, job);
        continue;
      }
      waiting_[kept++] = job;
      narrowest = std::min(narrowest, jobs_[job].processors);
    }
    waiting_.resize(kept);
    narrowest_ = narrowest;
  }

  template <class Chooser>
  void pass(Chooser& chooser, std::uint32_t job) {
    launch(chooser, job);
    started_[job] = 1;
    --waiting_count_;
  }

  static constexpr auto unknown = std::numeric_limits<std::int64_t>::min();
  static constexpr auto no_job = std::numeric_limits<std::int64_t>::max();

  backfilling backfill_;
  std::span<const machine_job> jobs_;
  std::int64_t now_ = 0;
  std::int64_t free_ = 0;
  std::size_t next_ = 0;     ///< To be submitted.
  std::size_t to_start_ = 0; ///< Of all jobs.
  double cost_ = 0;
  std::uint32_t head_ = foreign;       ///< Chosen, not started.
  std::int64_t shadow_ = unknown;      ///< Of the head.
  std::size_t waiting_count_ = 0;      ///< Without the head.
  std::int64_t narrowest_ = 0;         ///< At most the narrowest that waits.
  std::vector<std::uint32_t> waiting_; ///< And some that have started.
  std::vector<std::uint8_t> started_;  ///< By job; the head counts.
  std::vector<run> running_; ///< Falling by end, then last started first.
  std::vector<processor_claim> claims_; ///< Of those, falling by expected end.
};

} // namespace skerry
