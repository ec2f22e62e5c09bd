#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace skerry {

/// Some values in a few numbers, in their unit; all 0 without any.
struct distribution {
  std::uint64_t count = 0;
  double mean = 0;
  double p50 = 0; ///< Nearest rank: the smallest that half do not exceed.
  double p99 = 0;
  double max = 0;

  friend bool operator==(const distribution&, const distribution&) = default;
};

/// @cost O(n log n).
distribution distribution_of(std::vector<double> values);

/// A mean over independent runs and how far it may be off.
struct mean_interval {
  std::uint64_t count = 0;
  double mean = 0;
  /// Of the two-sided 95 % interval by Student's t; infinite for a single run,
  /// which says nothing about the spread.
  double half_width = 0;
};

/// @param values One for each run (seed); the runs are independent.
mean_interval mean_interval_of(std::span<const double> values);

/// Mean of `of[i] - against[i]`: runs with the same seed see the same load, so
/// their difference varies far less than either.
/// @pre Of equal length, in the same order of seeds.
mean_interval paired_difference(std::span<const double> of,
                                std::span<const double> against);

} // namespace skerry
