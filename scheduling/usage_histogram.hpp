#pragma once

#include <array>
#include <cstddef>

namespace skerry {

/// Uses in whole percent of the flavour, 0 to 100.
inline constexpr std::size_t usage_bins = 101;

/// The bin of a use: rounded up, so that it never looks smaller than it was.
std::size_t usage_bin(double used_percent);

/// Weight of each bin; any scale.
using usage_weights = std::array<double, usage_bins>;

/// The smallest bin that at least `share` of the weight does not exceed; 0
/// without any weight.
/// @param share In [0, 1].
/// @cost  O(bins).
std::size_t quantile_of(const usage_weights& weights, double share);

/// How often each use was seen, where an observation counts half after each
/// half-life.
/// @source The decaying histogram of Kubernetes' Vertical Pod Autoscaler: the
///         newest weigh more instead of the old ones less, so that an addition
///         touches one bin.
class usage_histogram {
public:
  /// @param half_life_intervals Positive.
  explicit usage_histogram(double half_life_intervals);

  /// @cost Amortised O(1).
  void add(double used_percent);

  /// Of the newest observation; its share of `weights()` is its influence.
  double newest_weight() const { return newest_; }
  /// Sum of the bins, in units of the newest observation: the number of
  /// observations, as it were.
  double observations() const { return total_ / newest_; }
  const usage_weights& weights() const { return weights_; }
  /// As `quantile_of`, without a sum.
  std::size_t quantile(double share) const;

private:
  double growth_; ///< Of the weight from one observation to the next.
  double newest_ = 1;
  double total_ = 0;
  std::size_t top_ = 0; ///< The highest bin with any weight.
  usage_weights weights_{};
};

} // namespace skerry
