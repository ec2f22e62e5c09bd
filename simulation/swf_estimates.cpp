#include "simulation/swf_estimates.hpp"

#include "scheduling/rng.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace skerry {
namespace {

constexpr std::int64_t minute = 60;
constexpr std::int64_t hour = 60 * minute;
constexpr std::int64_t day = 24 * hour;
constexpr std::array<std::int64_t, 15> typed{
    minute,      2 * minute, 5 * minute, 10 * minute, 15 * minute,
    30 * minute, hour,       2 * hour,   4 * hour,    8 * hour,
    12 * hour,   18 * hour,  day,        36 * hour,   2 * day};

constexpr double widest_factor = 5;
constexpr double lognormal_sigma = 0.8;

std::int64_t rounded_up(std::int64_t seconds) {
  const auto found = std::ranges::lower_bound(typed, seconds);
  return found != typed.end() ? *found : (seconds + day - 1) / day * day;
}

std::int64_t times(std::int64_t seconds, double factor) {
  return std::llround(static_cast<double>(seconds) * factor);
}

} // namespace

std::vector<swf_job> with_estimates(std::span<const swf_job> log,
                                    swf_estimates estimates,
                                    std::uint64_t seed) {
  std::vector<swf_job> jobs{log.begin(), log.end()};
  if (estimates == swf_estimates::exact)
    return jobs;
  rng random{seed};
  for (auto& job : jobs)
    if (estimates == swf_estimates::users)
      job.requested_seconds = rounded_up(
          times(job.run_seconds, 1 + (widest_factor - 1) * random.uniform()));
    else
      job.requested_seconds = std::clamp(
          times(job.run_seconds, std::exp(lognormal_sigma * random.normal())),
          std::int64_t{1}, max_swf_seconds);
  return jobs;
}

} // namespace skerry
