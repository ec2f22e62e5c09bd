#pragma once

#include "simulation/queueing_meter.hpp"

#include <array>

namespace skerry {

/// How much is asked of each kind of resource relative to what there is, over
/// a time.
///
/// What a cluster carries is judged by all kinds together, each weighed by its
/// pressure: by the scarcest alone, a policy that wastes the next scarcest
/// looks good, and which one is the scarcest is soon another.
class pressure {
public:
  pressure() = default;
  /// @param asked    Amounts in use on average if all that was asked for ran.
  /// @param capacity Kinds without any count nothing.
  pressure(const std::array<double, metered_kinds>& asked,
           const metered_amounts& capacity);

  /// Of the kind that is asked for most: 1 is all that there is.
  double highest() const;
  metered scarcest() const;
  /// Of all kinds, weighed by themselves: what `share_of` gives where
  /// everything that was asked for is in use.
  double mean() const;
  /// Of amounts in the capacity, each kind weighed by its pressure; 1 is all.
  /// Kinds that the capacity lacks count nothing.
  double share_of(const std::array<double, metered_kinds>& amounts,
                  const metered_amounts& capacity) const;

private:
  std::array<double, metered_kinds> of_{};
};

std::array<double, metered_kinds> as_doubles(const metered_amounts& amounts);

} // namespace skerry
