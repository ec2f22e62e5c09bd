#include "simulation/stopwatch.hpp"

#include <algorithm>

namespace skerry {

timing stopwatch::stop() {
  if (!now_ || laps_.empty())
    return {};
  const auto elapsed_ns = static_cast<double>(now_() - started_);
  std::ranges::sort(laps_);
  const auto quantile_us = [this](double q) {
    const auto rank = q * static_cast<double>(laps_.size() - 1);
    return static_cast<double>(laps_[static_cast<std::size_t>(rank)]) / 1e3;
  };
  return {.per_second = static_cast<double>(laps_.size()) / elapsed_ns * 1e9,
          .p50_us = quantile_us(0.50),
          .p99_us = quantile_us(0.99)};
}

} // namespace skerry
