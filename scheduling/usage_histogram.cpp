#include "scheduling/usage_histogram.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace skerry {
namespace {

/// Far from where doubles lose the old weights beside the new ones.
constexpr double most_weight = 1e12;

/// The first bin, down from `top`, at which more than `above` has been passed:
/// the tail is what reserves are about, and it is short.
std::size_t from_above(const usage_weights& weights, std::size_t top,
                       double above) {
  for (auto bin = top; bin > 0; --bin) {
    above -= weights[bin];
    if (above < 0)
      return bin;
  }
  return 0;
}

} // namespace

std::size_t usage_bin(double used_percent) {
  return static_cast<std::size_t>(
      std::ceil(std::clamp(used_percent, 0.0, 100.0)));
}

std::size_t quantile_of(const usage_weights& weights, double share) {
  const auto total = std::reduce(weights.begin(), weights.end());
  return from_above(weights, usage_bins - 1, (1 - share) * total);
}

usage_histogram::usage_histogram(double half_life_intervals)
    : growth_{std::exp2(1 / half_life_intervals)} {}

void usage_histogram::add(double used_percent) {
  newest_ *= growth_;
  if (newest_ > most_weight) {
    for (auto& weight : weights_)
      weight /= newest_;
    total_ /= newest_;
    newest_ = 1;
  }
  const auto bin = usage_bin(used_percent);
  weights_[bin] += newest_;
  total_ += newest_;
  top_ = std::max(top_, bin);
}

std::size_t usage_histogram::quantile(double share) const {
  return from_above(weights_, top_, (1 - share) * total_);
}

} // namespace skerry
