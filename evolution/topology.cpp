#include "evolution/topology.hpp"

#include "evolution/deviates.hpp"
#include "scheduling/assert.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <numeric>
#include <utility>

namespace skerry {
namespace {

/// More than this, and `full` says it better.
constexpr std::uint32_t most_receivers = 64;

constexpr std::array names{
    std::pair{std::string_view{"isolated"}, topology_kind::isolated},
    std::pair{std::string_view{"ring"}, topology_kind::ring},
    std::pair{std::string_view{"torus"}, topology_kind::torus},
    std::pair{std::string_view{"full"}, topology_kind::full},
    std::pair{std::string_view{"random"}, topology_kind::random}};

/// The largest divisor of `islands` that is at most its square root.
std::size_t rows_of(std::size_t islands) {
  std::size_t rows = 1;
  for (std::size_t divisor = 2; divisor * divisor <= islands; ++divisor)
    if (islands % divisor == 0)
      rows = divisor;
  return rows;
}

std::vector<std::size_t> drawn(const topology& of, std::size_t islands,
                               std::size_t island) {
  std::vector<std::size_t> others(islands);
  std::iota(others.begin(), others.end(), std::size_t{0});
  others.erase(others.begin() + static_cast<std::ptrdiff_t>(island));
  const auto count = std::min<std::size_t>(of.degree, others.size());
  rng random{derive_seed(of.seed, island)};
  for (std::size_t i = 0; i < count; ++i)
    std::swap(others[i], others[i + random.below(others.size() - i)]);
  others.resize(count);
  return others;
}

} // namespace

std::vector<std::size_t> receivers(const topology& of, std::size_t islands,
                                   std::size_t island) {
  SKERRY_ASSERT(island < islands);
  std::vector<std::size_t> out;
  switch (of.kind) {
  case topology_kind::isolated:
    break;
  case topology_kind::ring:
    out = {(island + 1) % islands};
    break;
  case topology_kind::torus: {
    const auto columns = islands / rows_of(islands);
    const auto row = island / columns * columns;
    out = {row + (island - row + 1) % columns, (island + columns) % islands};
    break;
  }
  case topology_kind::full:
    out.resize(islands);
    std::iota(out.begin(), out.end(), std::size_t{0});
    break;
  case topology_kind::random:
    out = drawn(of, islands, island);
    break;
  }
  std::erase(out, island);
  std::ranges::sort(out);
  const auto [first, last] = std::ranges::unique(out);
  out.erase(first, last);
  return out;
}

result<topology> parse_topology(std::string_view text) {
  const auto colon = text.find(':');
  std::string known;
  for (const auto& [name, kind] : names) {
    known += fmt::format("{}{}", known.empty() ? "" : ", ", name);
    if (name != text.substr(0, colon))
      continue;
    topology out{.kind = kind};
    if (colon == text.npos)
      return out;
    const auto* end = text.data() + text.size();
    const auto [read_to, fault]
        = std::from_chars(text.data() + colon + 1, end, out.degree);
    if (kind != topology_kind::random || fault != std::errc{} || read_to != end
        || out.degree < 1 || out.degree > most_receivers)
      break;
    return out;
  }
  return {error_code::invalid_argument,
          fmt::format("no topology is called \"{}\" (known: {}, random:N with "
                      "N in 1 to {})",
                      text, known, most_receivers)};
}

std::string to_string(const topology& of) {
  const auto* named = std::ranges::find(
      names, of.kind, [](const auto& entry) { return entry.second; });
  return of.kind == topology_kind::random
             ? fmt::format("{}:{}", named->first, of.degree)
             : std::string{named->first};
}

} // namespace skerry
