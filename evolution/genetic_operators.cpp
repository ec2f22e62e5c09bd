#include "evolution/genetic_operators.hpp"

#include "evolution/deviates.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace skerry {

std::size_t tournament_winner(std::size_t count, std::size_t size,
                              rng& random) {
  auto winner = random.below(count);
  for (std::size_t round = 1; round < size; ++round)
    winner = std::min(winner, random.below(count));
  return static_cast<std::size_t>(winner);
}

genome blx_child(const search_space& space, const genome& a, const genome& b,
                 double alpha, rng& random) {
  genome out(a.size());
  for (std::size_t gene = 0; gene < out.size(); ++gene) {
    const auto [low, high] = std::minmax(a[gene], b[gene]);
    const auto reach = alpha * (high - low);
    const auto from = low - reach;
    out[gene] = mirrored(from + random.uniform() * (high + reach - from),
                         space.lower[gene], space.upper[gene]);
  }
  return out;
}

genome sbx_child(const search_space& space, const genome& a, const genome& b,
                 double index, rng& random) {
  genome out(a.size());
  for (std::size_t gene = 0; gene < out.size(); ++gene) {
    const auto u = random.uniform();
    // In (0, 1]: the logarithm's.
    const auto quantile = u < 0.5 ? 1 - 2 * u : 1 / (2 * (1 - u));
    const auto beta = portable_exp(portable_log(quantile) / (index + 1));
    const auto side = random.bits() % 2 == 0 ? beta : -beta;
    out[gene] = mirrored(((a[gene] + b[gene]) + side * (a[gene] - b[gene])) / 2,
                         space.lower[gene], space.upper[gene]);
  }
  return out;
}

void mutate(const search_space& space, genome& genes, double probability,
            double sigma, rng& random) {
  const auto certain = random.below(genes.size());
  for (std::size_t gene = 0; gene < genes.size(); ++gene) {
    if (gene != certain && random.uniform() >= probability)
      continue;
    std::array<double, 1> deviate{};
    draw_normals(deviate, random);
    genes[gene] = mirrored(genes[gene] + sigma * space.scale[gene] * deviate[0],
                           space.lower[gene], space.upper[gene]);
  }
}

} // namespace skerry
