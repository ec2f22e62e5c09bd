#include "simulation/arrival_process.hpp"

#include <algorithm>

#include <doctest/doctest.h>

using namespace skerry;

namespace {

constexpr arrival_options steady{.diurnal = 0, .burst = 1, .drift = 0};

/// Mean over the run, sampled every 1/1000.
double mean_rate(const arrival_options& options, double hours,
                 drift_direction direction, std::uint64_t seed = 1) {
  arrival_process process{options, hours, seed};
  double sum = 0;
  double highest = 0;
  for (int i = 0; i < 1000; ++i) {
    const auto rate = process.rate((i + 0.5) / 1000 * hours, direction);
    highest = std::max(highest, rate);
    sum += rate;
  }
  CHECK(highest <= process.peak());
  return sum / 1000;
}

} // namespace

TEST_SUITE_BEGIN("simulation/arrival_process");

TEST_CASE("switched off, the rate is steady") {
  arrival_process process{steady, 24, 1};
  CHECK(process.peak() == 1);
  for (int hour = 0; hour < 24; ++hour)
    CHECK(process.rate(hour, drift_direction::rises) == 1);
}

TEST_CASE("the daily wave is lowest at midnight and highest at noon") {
  auto options = steady;
  options.diurnal = 0.4;
  arrival_process process{options, 48, 1};
  CHECK(process.rate(0, drift_direction::falls) == doctest::Approx(0.6));
  CHECK(process.rate(6, drift_direction::falls) == doctest::Approx(1.0));
  CHECK(process.rate(12, drift_direction::falls) == doctest::Approx(1.4));
  CHECK(process.rate(36, drift_direction::falls) == doctest::Approx(1.4));
}

TEST_CASE("drift moves the mix from one end of the run to the other") {
  auto options = steady;
  options.drift = 0.2;
  arrival_process process{options, 10, 1};
  CHECK(process.rate(0, drift_direction::rises) == doctest::Approx(0.8));
  CHECK(process.rate(0, drift_direction::falls) == doctest::Approx(1.2));
  CHECK(process.rate(5, drift_direction::rises) == doctest::Approx(1.0));
  CHECK(process.rate(10, drift_direction::rises) == doctest::Approx(1.2));
}

TEST_CASE("part of a day still has a mean of one") {
  const arrival_options options{.diurnal = 1, .burst = 1, .drift = 0.5};
  for (const auto direction : {drift_direction::falls, drift_direction::rises})
    CHECK(mean_rate(options, 7, direction)
          == doctest::Approx(1).epsilon(0.001));
}

TEST_CASE("bursts have their rate, and their share of the time") {
  auto options = steady;
  options.burst = 3;
  options.burst_share = 0.2;
  options.burst_seconds = 36;
  // Between bursts (1 - 0.2 * 3) / 0.8 = 0.5. 1000 hours have some 20 000
  // bursts, so that the share is met to a few per cent.
  arrival_process process{options, 1000, 7};
  int in_burst = 0;
  constexpr int samples = 100'000;
  for (int i = 0; i < samples; ++i) {
    const auto rate = process.rate(i * 0.01, drift_direction::rises);
    CHECK((rate == doctest::Approx(3) || rate == doctest::Approx(0.5)));
    in_burst += rate > 1 ? 1 : 0;
  }
  CHECK(in_burst / double{samples} == doctest::Approx(0.2).epsilon(0.05));
}

TEST_CASE("all three together stay below the peak") {
  for (std::uint64_t seed = 1; seed <= 5; ++seed)
    (void)mean_rate({}, 24, drift_direction::rises, seed); // Checks the peak.
}

TEST_SUITE_END();
