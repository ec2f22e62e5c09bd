#include "config/suggestion.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace skerry {
namespace {

/// Damerau's distance with adjacent swaps ("optimal string alignment"): a swap
/// is the slip of typing.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> d(
      a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i)
    d[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); ++j)
    d[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i)
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t cost = a[i - 1] == b[j - 1] ? 0 : 1;
      d[i][j] = std::min(
          {d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + cost});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
    }
  return d[a.size()][b.size()];
}

} // namespace

std::string suggestion(std::string_view word,
                       std::span<const std::string_view> candidates) {
  constexpr std::size_t longest = 64; // The cost is bounded for any text.
  if (word.size() > longest)
    return {};
  auto best = std::max<std::size_t>(1, word.size() / 3) + 1;
  std::string_view nearest;
  for (const auto candidate : candidates)
    if (const auto apart = distance(word, candidate); apart < best) {
      best = apart;
      nearest = candidate;
    }
  if (nearest.empty())
    return {};
  return fmt::format(" (did you mean \"{}\"?)", nearest);
}

} // namespace skerry
