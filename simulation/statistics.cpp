#include "simulation/statistics.hpp"

#include "scheduling/assert.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

namespace skerry {
namespace {

/// 97.5 % quantiles of Student's t for 1, 2, ... degrees of freedom.
constexpr std::array<double, 30> t_quantiles{
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
    2.201,  2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
    2.080,  2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042};

double t_quantile(std::size_t degrees) {
  if (degrees <= t_quantiles.size())
    return t_quantiles[degrees - 1];
  // First terms of the expansion around the normal quantile z, (z^3 + z) / 4
  // each degree: within 0.001 from here on.
  return 1.960 + 2.372 / static_cast<double>(degrees);
}

double mean_of(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0)
         / static_cast<double>(values.size());
}

} // namespace

distribution distribution_of(std::vector<double> values) {
  if (values.empty())
    return {};
  std::ranges::sort(values);
  const auto quantile = [&values](std::size_t percent) {
    return values[(percent * values.size() + 99) / 100 - 1];
  };
  return {.count = values.size(),
          .mean = mean_of(values),
          .p50 = quantile(50),
          .p99 = quantile(99),
          .max = values.back()};
}

mean_interval mean_interval_of(std::span<const double> values) {
  if (values.empty())
    return {};
  const auto mean = mean_of(values);
  if (values.size() == 1)
    return {1, mean, std::numeric_limits<double>::infinity()};
  double squares = 0;
  for (const auto value : values)
    squares += (value - mean) * (value - mean);
  const auto degrees = values.size() - 1;
  const auto variance = squares / static_cast<double>(degrees);
  return {values.size(), mean,
          t_quantile(degrees)
              * std::sqrt(variance / static_cast<double>(values.size()))};
}

mean_interval paired_difference(std::span<const double> of,
                                std::span<const double> against) {
  SKERRY_ASSERT(of.size() == against.size());
  std::vector<double> differences(of.size());
  std::ranges::transform(of, against, differences.begin(), std::minus{});
  return mean_interval_of(differences);
}

} // namespace skerry
