#include "simulation/arrival_process.hpp"

#include <algorithm>
#include <cmath>

namespace skerry {
namespace {

constexpr double day_hours = 24;
constexpr double two_pi = 6.283185307179586;
constexpr int integration_steps = 10'000;

} // namespace

arrival_process::arrival_process(const arrival_options& options, double hours,
                                 std::uint64_t seed)
    : options_{options}, hours_{hours}, rng_{seed} {
  for (const auto direction :
       {drift_direction::falls, drift_direction::rises}) {
    double sum = 0;
    for (int i = 0; i < integration_steps; ++i)
      sum += smooth((i + 0.5) / integration_steps * hours_, direction);
    means_[static_cast<std::size_t>(direction)] = sum / integration_steps;
  }
  peak_ = (1 + options_.diurnal) * (1 + options_.drift) * options_.burst
          / std::min(means_[0], means_[1]);
  // Bursts have gone on and off for ever.
  bursting_ = rng_.uniform() < options_.burst_share;
  end_state();
}

double arrival_process::rate(double at_hours, drift_direction direction) {
  while (at_hours >= state_ends_hours_) {
    bursting_ = !bursting_;
    end_state();
  }
  const auto share = options_.burst_share;
  const auto between = (1 - share * options_.burst) / (1 - share);
  return smooth(at_hours, direction)
         / means_[static_cast<std::size_t>(direction)]
         * (bursting_ ? options_.burst : between);
}

double arrival_process::smooth(double at_hours,
                               drift_direction direction) const {
  const auto wave
      = 1 - options_.diurnal * std::cos(two_pi * at_hours / day_hours);
  const auto shift = options_.drift * (2 * at_hours / hours_ - 1);
  return wave * (direction == drift_direction::rises ? 1 + shift : 1 - shift);
}

void arrival_process::end_state() {
  const auto share = options_.burst_share;
  const auto mean_seconds = bursting_
                                ? options_.burst_seconds
                                : options_.burst_seconds * (1 - share) / share;
  state_ends_hours_ += rng_.exponential(mean_seconds / 3600);
}

} // namespace skerry
