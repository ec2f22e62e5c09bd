#pragma once

#include "scheduling/resize_policy.hpp"

#include <memory>
#include <span>

namespace skerry {

/// What the demand of the next interval may be, from the uses so far.
class usage_estimate {
public:
  usage_estimate() = default;
  usage_estimate(const usage_estimate&) = delete;
  usage_estimate& operator=(const usage_estimate&) = delete;
  virtual ~usage_estimate() = default;

  virtual void see(double used_percent) = 0;
  /// In percent of the flavour; may lie outside of [0, 100].
  /// @pre Something was seen.
  virtual double demand() const = 0;
};

/// @param parameters Begin with the method's own.
/// @pre `method` estimates at all.
std::unique_ptr<usage_estimate>
make_estimate(resize_method method, std::span<const double> parameters);

} // namespace skerry
