#include "evolution/deviates.hpp"
#include "evolution/diagonal_cma_es.hpp"
#include "scheduling/assert.hpp"

#include <algorithm>
#include <cmath>

namespace skerry {
namespace {

/// Ratio of the longest to the shortest axis beyond which a search is lost.
constexpr double worst_axes = 1e7;

/// Generations whose costs are compared to see stagnation.
std::size_t history_of(std::size_t dimension, std::size_t population) {
  return 120 + 30 * dimension / population;
}

double median_of(std::span<const double> values) {
  std::vector<double> sorted(values.begin(), values.end());
  const auto middle
      = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2);
  std::ranges::nth_element(sorted, middle);
  return *middle;
}

/// Whether the newest third is no better than the oldest.
bool stagnates(std::span<const double> costs) {
  const auto third = costs.size() * 3 / 10;
  return median_of(costs.last(third)) >= median_of(costs.first(third));
}

} // namespace

diagonal_cma_es::constants
diagonal_cma_es::constants_of(std::size_t dimension, std::size_t population) {
  constants out;
  const auto n = static_cast<double>(dimension);
  const auto lambda = static_cast<double>(population);
  out.weights.resize(population / 2);
  double sum = 0;
  for (std::size_t i = 0; i < out.weights.size(); ++i) {
    out.weights[i] = portable_log((lambda + 1) / 2)
                     - portable_log(static_cast<double>(i) + 1);
    sum += out.weights[i];
  }
  double squares = 0;
  for (auto& weight : out.weights) {
    weight /= sum;
    squares += weight * weight;
  }
  const auto mass = 1 / squares;
  out.selection_mass = mass;
  out.step_rate = (mass + 2) / (n + mass + 5);
  out.step_damping = 1 + 2 * std::max(0.0, std::sqrt((mass - 1) / (n + 1)) - 1)
                     + out.step_rate;
  out.path_rate = (4 + mass / n) / (n + 4 + 2 * mass / n);
  const auto diagonal = (n + 2) / 3;
  out.rank_one_rate
      = std::min(1.0, diagonal * 2 / ((n + 1.3) * (n + 1.3) + mass));
  out.rank_mu_rate
      = std::min(1 - out.rank_one_rate, diagonal * 2 * (mass - 2 + 1 / mass)
                                            / ((n + 2) * (n + 2) + mass));
  out.expected_length = std::sqrt(n) * (1 - 1 / (4 * n) + 1 / (21 * n * n));
  return out;
}

std::vector<genome>
diagonal_cma_es::steps_of(std::span<const told> generation) const {
  const auto n = static_cast<double>(space().dimension());
  const auto longest = std::sqrt(n) + 2 * n / (n + 2);
  std::vector<genome> out;
  for (const auto& [of, slot] : generation.first(constants_.weights.size())) {
    auto step = of.genes;
    double square = 0;
    for (std::size_t gene = 0; gene < step.size(); ++gene) {
      step[gene] = (step[gene] - state_.mean[gene]) / state_.step;
      square += step[gene] * step[gene] / state_.variances[gene];
    }
    // A stranger from far away would make the covariance its own.
    if (slot >= drawn() && square > longest * longest)
      for (auto& gene : step)
        gene *= longest / std::sqrt(square);
    out.push_back(std::move(step));
  }
  return out;
}

void diagonal_cma_es::update(std::span<const told> generation, rng& random) {
  SKERRY_ASSERT(generation.size() == population());
  move_to(steps_of(generation));
  remember_costs(generation);
  ++state_.since_restart;
  if (!must_restart())
    return;
  ++search().restarts;
  const auto largest = std::min(static_cast<double>(max_population),
                                options_.largest_growth
                                    * static_cast<double>(first_population()));
  const auto grown
      = static_cast<double>(state_.population) * options_.restart_growth;
  restart(static_cast<std::uint64_t>(std::min(grown, largest)), random);
}

void diagonal_cma_es::move_to(const std::vector<genome>& steps) {
  const auto& [weights, mass, step_rate, damping, path_rate, rank_one, rank_mu,
               expected]
      = constants_;
  const auto dimension = space().dimension();
  genome shift(dimension);
  for (std::size_t i = 0; i < steps.size(); ++i)
    for (std::size_t gene = 0; gene < dimension; ++gene)
      shift[gene] += weights[i] * steps[i][gene];

  double square = 0;
  for (std::size_t gene = 0; gene < dimension; ++gene) {
    state_.mean[gene]
        = std::clamp(state_.mean[gene] + state_.step * shift[gene],
                     space().lower[gene], space().upper[gene]);
    auto& path = state_.step_path[gene];
    path = (1 - step_rate) * path
           + std::sqrt(step_rate * (2 - step_rate) * mass) * shift[gene]
                 / std::sqrt(state_.variances[gene]);
    square += path * path;
  }
  const auto length = std::sqrt(square);

  // p_c halts while the step grows fast, or C would grow in its stead. The
  // path is shorter at first, having begun at zero.
  const auto remembered
      = portable_exp(2 * static_cast<double>(state_.since_restart + 1)
                     * portable_log(1 - step_rate));
  const auto moves
      = length / std::sqrt(1 - remembered)
        < (1.4 + 2 / (static_cast<double>(dimension) + 1)) * expected;
  const auto lost = moves ? 0 : rank_one * path_rate * (2 - path_rate);
  for (std::size_t gene = 0; gene < dimension; ++gene) {
    auto& path = state_.path[gene];
    path *= 1 - path_rate;
    if (moves)
      path += std::sqrt(path_rate * (2 - path_rate) * mass) * shift[gene];
    double rank_mu_sum = 0;
    for (std::size_t i = 0; i < steps.size(); ++i)
      rank_mu_sum += weights[i] * steps[i][gene] * steps[i][gene];
    auto& variance = state_.variances[gene];
    variance = (1 - rank_one - rank_mu + lost) * variance
               + rank_one * path * path + rank_mu * rank_mu_sum;
  }
  state_.step *= portable_exp(
      std::min(1.0, step_rate / damping * (length / expected - 1)));
  hold_within_bounds();
}

/// A deviation wider than the bounds says no more than one as wide as they, and
/// one of zero would never move again.
void diagonal_cma_es::hold_within_bounds() {
  constexpr double smallest = 1e-250;
  for (std::size_t gene = 0; gene < state_.variances.size(); ++gene) {
    const auto widest
        = (space().upper[gene] - space().lower[gene]) / state_.step;
    state_.variances[gene]
        = std::clamp(state_.variances[gene], smallest, widest * widest);
  }
}

void diagonal_cma_es::remember_costs(std::span<const told> generation) {
  const auto best = generation.front().of.cost;
  const auto equal = generation.back().of.cost == best;
  state_.flat = equal ? state_.flat + 1 : 0;
  // On a plateau the next generation looks further away.
  if (equal)
    state_.step
        *= portable_exp(0.2 + constants_.step_rate / constants_.step_damping);
  const auto limit = history_of(space().dimension(), population());
  for (auto* costs : {&state_.best_costs, &state_.median_costs})
    if (costs->size() == limit)
      costs->erase(costs->begin());
  state_.best_costs.push_back(best);
  state_.median_costs.push_back(generation[generation.size() / 2].of.cost);
}

bool diagonal_cma_es::must_restart() const {
  double widest = 0;
  auto longest = 0.0;
  auto shortest = std::numeric_limits<double>::infinity();
  for (std::size_t gene = 0; gene < state_.variances.size(); ++gene) {
    const auto deviation = std::sqrt(state_.variances[gene]);
    const auto relative = deviation / space().scale[gene];
    widest = std::max(widest, state_.step * relative);
    longest = std::max(longest, relative);
    shortest = std::min(shortest, relative);
  }
  constexpr std::uint64_t long_flat = 20;
  return widest < options_.tolerance || longest > worst_axes * shortest
         || state_.flat >= long_flat
         || (state_.best_costs.size()
                 == history_of(space().dimension(), population())
             && stagnates(state_.best_costs) && stagnates(state_.median_costs));
}

} // namespace skerry
