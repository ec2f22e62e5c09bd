#include "evolution/queue_record.hpp"

#include <algorithm>

namespace skerry {
namespace {

/// Some weeks of a busy machine. The older half goes when it is reached.
constexpr std::size_t most_jobs = 16'384;

constexpr std::int64_t day_seconds = 86'400;
constexpr std::int64_t hour_seconds = 3'600;

std::int64_t below(std::int64_t bound, rng& random) {
  return static_cast<std::int64_t>(
      random.below(static_cast<std::uint64_t>(bound)));
}

} // namespace

void queue_record::submitted(const queued_job& job) {
  SKERRY_ASSERT(jobs_.empty() || jobs_.back().job.number < job.number);
  if (jobs_.size() == most_jobs)
    jobs_.erase(jobs_.begin(), jobs_.begin() + most_jobs / 2);
  jobs_.push_back({job, 0});
}

void queue_record::ended(const queued_job& job, std::int64_t run_seconds) {
  ++ends_;
  run_times_.learn(job, run_seconds);
  const auto found = std::ranges::lower_bound(
      jobs_, job.number, {}, [](const auto& kept) { return kept.job.number; });
  if (found != jobs_.end() && found->job.number == job.number)
    found->run_seconds = run_seconds;
}

void queue_record::cut_future(std::int64_t now_seconds, std::size_t count,
                              std::vector<machine_job>& jobs,
                              rng& random) const {
  if (jobs_.empty())
    return;
  const auto span = now_seconds - jobs_.front().job.submit_seconds;
  const auto days = span / day_seconds;
  std::int64_t back = 0;
  if (days >= 2)
    back = (1 + below(days - 1, random)) * day_seconds - hour_seconds
           + below(2 * hour_seconds, random);
  else if (span > 0)
    back = 1 + below(span, random);
  const auto moment = now_seconds - back;
  auto next = std::ranges::upper_bound(jobs_, moment, {}, [](const auto& kept) {
    return kept.job.submit_seconds;
  });
  for (std::size_t i = 0; i < count && next != jobs_.end(); ++i, ++next) {
    const auto& [job, run_seconds] = *next;
    jobs.push_back(
        {job.submit_seconds + back, job.requested_seconds,
         run_seconds > 0 ? run_seconds : run_times_.draw(job, 0, random),
         job.processors});
  }
}

std::span<const recorded_job>
queue_record::latest_ended(std::size_t length) const {
  constexpr std::size_t one_in = 20;
  std::size_t running = 0;
  auto end = jobs_.size();
  auto first = end;
  // Grows to the left; drops the end where too many have not ended.
  while (first > 0) {
    if (end - first == length)
      break;
    running += jobs_[--first].run_seconds == 0 ? 1 : 0;
    while (end > first && running * one_in > end - first)
      running -= jobs_[--end].run_seconds == 0 ? 1 : 0;
  }
  return {jobs_.data() + first, end - first};
}

} // namespace skerry
