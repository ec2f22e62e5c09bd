#pragma once

#include "scheduling/resize_policy.hpp"

#include <memory>
#include <span>
#include <string_view>

namespace skerry {

/// What the demand of the next interval may be, from the uses so far.
class usage_estimate {
public:
  usage_estimate() = default;
  usage_estimate(const usage_estimate&) = delete;
  usage_estimate& operator=(const usage_estimate&) = delete;
  virtual ~usage_estimate() = default;

  virtual void see(double used_percent) = 0;
  /// What to be prepared for, in percent of the flavour; may lie outside of
  /// [0, 100]. Does not fall as `safety` grows, if the parameters are sound.
  /// @pre Something was seen.
  virtual double demand(double safety) const = 0;
};

/// What `evolved` weighs:
///   ten             a constant, 10 %
///   last            the newest use
///   recent_mean     exponentially weighted, half-life a quarter of an hour
///   mean            likewise, three hours
///   deviation       around it
///   hour_max        and four_hours_max: the largest of 12, of 48 intervals
///   day_max         of all
///   quantile_95     of a histogram with a half-life of a day
std::span<const std::string_view> usage_feature_names();

/// @param policy Outlives the estimate.
/// @pre The policy has a method that estimates at all, and its parameters.
std::unique_ptr<usage_estimate> make_estimate(const resize_policy& policy,
                                              const usage_prior& prior);

} // namespace skerry
