#include "simulation/pressure.hpp"

#include <algorithm>

namespace skerry {

pressure::pressure(const std::array<double, metered_kinds>& asked,
                   const metered_amounts& capacity) {
  for (std::size_t kind = 0; kind < metered_kinds; ++kind)
    if (capacity[kind] > 0)
      of_[kind] = asked[kind] / static_cast<double>(capacity[kind]);
}

double pressure::highest() const {
  return *std::ranges::max_element(of_);
}

metered pressure::scarcest() const {
  return static_cast<metered>(std::ranges::max_element(of_) - of_.begin());
}

double pressure::mean() const {
  double sum = 0;
  double squares = 0;
  for (const auto each : of_) {
    sum += each;
    squares += each * each;
  }
  return sum > 0 ? squares / sum : 0;
}

double pressure::share_of(const std::array<double, metered_kinds>& amounts,
                          const metered_amounts& capacity) const {
  double sum = 0;
  double weights = 0;
  for (std::size_t kind = 0; kind < metered_kinds; ++kind)
    if (capacity[kind] > 0) {
      sum += of_[kind] * amounts[kind] / static_cast<double>(capacity[kind]);
      weights += of_[kind];
    }
  return weights > 0 ? sum / weights : 0;
}

std::array<double, metered_kinds> as_doubles(const metered_amounts& amounts) {
  std::array<double, metered_kinds> out{};
  std::ranges::transform(amounts, out.begin(), [](std::int64_t amount) {
    return static_cast<double>(amount);
  });
  return out;
}

} // namespace skerry
