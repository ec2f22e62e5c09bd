#include "evolution/problem.hpp"

#include <fmt/format.h>

#include <cmath>

namespace skerry {
namespace {

error invalid(std::string message) {
  return {error_code::invalid_argument, std::move(message)};
}

result<> validate_gene(const search_space& space, std::size_t gene) {
  const auto lower = space.lower[gene];
  const auto upper = space.upper[gene];
  const auto scale = space.scale[gene];
  if (!std::isfinite(lower) || !std::isfinite(upper) || lower >= upper
      || !std::isfinite(upper - lower))
    return invalid(fmt::format("gene {}: bounds {} and {} are no finite range",
                               gene, lower, upper));
  if (!(scale > 0 && scale <= upper - lower))
    return invalid(fmt::format("gene {}: scale {} is not in 0 to {}", gene,
                               scale, upper - lower));
  return done{};
}

} // namespace

search_space cube(std::size_t dimension, double lower, double upper) {
  return {.lower = std::vector<double>(dimension, lower),
          .upper = std::vector<double>(dimension, upper),
          .scale = std::vector<double>(dimension, (upper - lower) / 5)};
}

result<> validate(const search_space& space) {
  const auto dimension = space.dimension();
  if (dimension == 0 || dimension > max_dimension)
    return invalid(
        fmt::format("{} genes, must be 1 to {}", dimension, max_dimension));
  if (space.upper.size() != dimension || space.scale.size() != dimension)
    return invalid(fmt::format("{} lower bounds, {} upper bounds and {} scales "
                               "are not of one length",
                               dimension, space.upper.size(),
                               space.scale.size()));
  for (std::size_t gene = 0; gene < dimension; ++gene)
    if (auto ok = validate_gene(space, gene); !ok)
      return ok;
  for (std::size_t i = 0; i < space.starting_points.size(); ++i)
    if (auto ok = check_genome(space, space.starting_points[i]); !ok)
      return invalid(
          fmt::format("starting point {}: {}", i, ok.failure().message));
  return done{};
}

result<> check_genome(const search_space& space,
                      std::span<const double> genes) {
  if (genes.size() != space.dimension())
    return invalid(
        fmt::format("{} genes instead of {}", genes.size(), space.dimension()));
  for (std::size_t gene = 0; gene < genes.size(); ++gene) {
    if (!std::isfinite(genes[gene]))
      return invalid(fmt::format("gene {} is {}", gene, genes[gene]));
    if (genes[gene] < space.lower[gene] || genes[gene] > space.upper[gene])
      return invalid(fmt::format("gene {} is {}, not in {} to {}", gene,
                                 genes[gene], space.lower[gene],
                                 space.upper[gene]));
  }
  return done{};
}

double mirrored(double gene, double lower, double upper) {
  if (gene >= lower && gene <= upper)
    return gene;
  const auto width = upper - lower;
  auto offset = (gene - lower) / (2 * width);
  offset = (offset - std::floor(offset)) * 2 * width; // In [0, 2 width].
  if (offset > width)
    offset = 2 * width - offset;
  const auto inside = lower + offset;
  return inside < lower ? lower : inside > upper ? upper : inside;
}

} // namespace skerry
