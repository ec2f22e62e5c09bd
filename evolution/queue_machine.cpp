#include "evolution/queue_machine.hpp"

namespace skerry {

void queue_machine::begin(const machine_start& start,
                          std::span<const machine_job> jobs) {
  jobs_ = jobs;
  now_ = start.now_seconds;
  free_ = start.free_processors;
  next_ = start.waiting;
  to_start_ = jobs.size();
  cost_ = 0;
  head_ = foreign;
  waiting_count_ = start.waiting;
  narrowest_ = 0;
  waiting_.resize(start.waiting);
  for (std::uint32_t job = 0; job < start.waiting; ++job)
    waiting_[job] = job;
  started_.assign(jobs.size(), 0);
  running_.clear();
  claims_.clear();
  for (const auto& claim : start.running)
    occupy({claim.end_seconds, claim.expected_end_seconds, claim.processors,
            foreign});
}

std::span<const std::uint32_t> queue_machine::waiting() {
  std::erase_if(waiting_,
                [this](std::uint32_t job) { return started_[job] != 0; });
  return waiting_;
}

void queue_machine::add_waiting(std::uint32_t job) {
  waiting_.push_back(job);
  ++waiting_count_;
  narrowest_ = std::min(narrowest_, jobs_[job].processors);
}

void queue_machine::occupy(const run& occupied) {
  // In front of those that end in the same second: they have started before.
  const auto place
      = std::ranges::lower_bound(running_, occupied.end_seconds,
                                 std::ranges::greater{}, &run::end_seconds);
  running_.insert(place, occupied);
  const auto claim = std::ranges::lower_bound(
      claims_, occupied.expected_end_seconds, std::ranges::greater{},
      &processor_claim::expected_end_seconds);
  claims_.insert(claim, {occupied.expected_end_seconds, occupied.processors});
}

std::uint32_t queue_machine::finish() {
  SKERRY_ASSERT(!running_.empty());
  const auto done = running_.back();
  running_.pop_back();
  now_ = done.end_seconds;
  free_ += done.processors;
  const auto claim
      = std::find(claims_.rbegin(), claims_.rend(),
                  processor_claim{done.expected_end_seconds, done.processors});
  SKERRY_ASSERT(claim != claims_.rend());
  claims_.erase(std::next(claim).base());
  return done.job;
}

void queue_machine::start(std::uint32_t job) {
  const auto& [submit, requested, run_seconds, processors] = jobs_[job];
  free_ -= processors;
  occupy({now_ + run_seconds, now_ + requested, processors, job});
  cost_ += bounded_slowdown(now_ - submit, run_seconds);
  --to_start_;
}

std::int64_t queue_machine::shadow_of(std::int64_t processors) const {
  auto available = free_;
  for (auto claim = claims_.rbegin(); claim != claims_.rend(); ++claim) {
    available += claim->processors;
    if (processors <= available)
      return std::max(now_, claim->expected_end_seconds);
  }
  SKERRY_ASSERT(!"no job is wider than the machine");
  return now_;
}

} // namespace skerry
