#pragma once

#include "scheduling/rng.hpp"

#include <array>
#include <cstdint>

namespace skerry {

/// How arrivals differ from a steady Poisson stream. The defaults of all three
/// together are mild; 0, 1 and 0 switch them off.
struct arrival_options {
  /// Amplitude of the daily wave, 0 to 1: 0.3 is 30 % less than the mean at
  /// midnight, when a run starts, and 30 % more at noon.
  double diurnal = 0.3;
  /// Rate in a burst relative to the mean, at least 1. Two states, each left
  /// after an exponential time (a Markov-modulated Poisson process).
  double burst = 2;
  double burst_share = 0.1;   ///< Of the time, above 0, below 1 / `burst`.
  double burst_seconds = 900; ///< Mean length of a burst.
  /// How far the mix moves over the run, 0 to 1: with 0.2 classes that rise
  /// start at 80 % of their mean rate and end at 120 %, others fall likewise.
  double drift = 0.2;

  friend bool operator==(const arrival_options&, const arrival_options&)
      = default;
};

/// Whether a class of tasks becomes more or less frequent under drift.
enum class drift_direction : std::uint8_t { falls = 0, rises = 1 };

/// The rate of arrivals at a time relative to its mean over the run.
class arrival_process {
public:
  /// @param hours Length of the run.
  /// @param seed  Of the bursts.
  /// @pre `options` are valid, `hours > 0`.
  arrival_process(const arrival_options& options, double hours,
                  std::uint64_t seed);

  /// Mean 1 over the run, as an expectation over bursts.
  /// @pre Times do not fall from call to call.
  double rate(double at_hours, drift_direction direction);

  /// No rate is above.
  double peak() const { return peak_; }

private:
  double smooth(double at_hours, drift_direction direction) const;
  void end_state();

  arrival_options options_;
  double hours_;
  rng rng_;
  bool bursting_ = false;
  double state_ends_hours_ = 0;
  std::array<double, 2> means_{1, 1}; ///< Of `smooth`, by direction.
  double peak_ = 1;
};

} // namespace skerry
