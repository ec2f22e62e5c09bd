#include "evolution/run_time_model.hpp"

#include <algorithm>
#include <cmath>

namespace skerry {
namespace {

/// Enough for percentiles; users change within a thousand jobs.
constexpr std::size_t ratios_kept = 512;
/// With fewer a class says less than all jobs together.
constexpr std::size_t fewest_of_a_class = 20;

double requested(const queued_job& job) {
  return static_cast<double>(std::max<std::int64_t>(job.requested_seconds, 1));
}

} // namespace

void run_time_model::ratios::add(double ratio) {
  if (latest_.size() < ratios_kept) {
    latest_.push_back(ratio);
  } else {
    sorted_.erase(std::ranges::lower_bound(sorted_, latest_[oldest_]));
    latest_[oldest_] = ratio;
    oldest_ = (oldest_ + 1) % ratios_kept;
  }
  sorted_.insert(std::ranges::upper_bound(sorted_, ratio), ratio);
}

std::size_t run_time_model::class_of(const queued_job& job) {
  std::size_t found = 0;
  for (std::int64_t limit = 4;
       limit < job.requested_seconds && found + 1 < classes; limit *= 4)
    ++found;
  return found;
}

void run_time_model::learn(const queued_job& job, std::int64_t run_seconds) {
  const auto ratio = static_cast<double>(run_seconds) / requested(job);
  all_.add(ratio);
  by_class_[class_of(job)].add(ratio);
}

std::int64_t run_time_model::draw(const queued_job& job,
                                  std::int64_t elapsed_seconds,
                                  rng& random) const {
  const auto& own = by_class_[class_of(job)];
  const auto& sorted = (own.size() >= fewest_of_a_class ? own : all_).sorted();
  const auto least = std::max<std::int64_t>(elapsed_seconds, 1);
  if (sorted.empty())
    return std::max(job.requested_seconds, least);
  const auto first = std::ranges::lower_bound(
      sorted, static_cast<double>(elapsed_seconds) / requested(job));
  const auto left = static_cast<std::uint64_t>(sorted.end() - first);
  if (left == 0)
    return least
           + static_cast<std::int64_t>(random.uniform()
                                       * static_cast<double>(least));
  const auto ratio = first[static_cast<std::ptrdiff_t>(random.below(left))];
  return std::max(std::llround(ratio * requested(job)),
                  static_cast<long long>(least));
}

} // namespace skerry
