#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace skerry {

/// The last thousand values of a figure, for its quantiles. Not thread-safe.
class recent_values {
public:
  void add(std::uint64_t value) {
    values_[added_ % values_.size()] = value;
    ++added_;
  }

  /// @param share In [0, 1]. @returns 0 before the first value.
  /// @cost A copy of all values.
  std::uint64_t quantile(double share) const {
    auto sorted = values_;
    const auto size = std::min(added_, sorted.size());
    if (size == 0)
      return 0;
    const auto at = std::min(
        size - 1, static_cast<std::size_t>(static_cast<double>(size) * share));
    const auto end = sorted.begin() + static_cast<std::ptrdiff_t>(size);
    const auto found = sorted.begin() + static_cast<std::ptrdiff_t>(at);
    std::nth_element(sorted.begin(), found, end);
    return *found;
  }

private:
  std::array<std::uint64_t, 1000> values_{};
  std::size_t added_ = 0;
};

} // namespace skerry
