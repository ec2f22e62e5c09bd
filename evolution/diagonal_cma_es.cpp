#include "evolution/diagonal_cma_es.hpp"

#include "evolution/deviates.hpp"
#include "evolution/optimisers.hpp"
#include "scheduling/assert.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

// Begin, draw, restart and restore; what a generation teaches is in
// cma_es_update.cpp.

namespace skerry {
namespace {

constexpr std::uint64_t smallest_population = 4;

/// The draws that begin a search, beside those of its generations.
constexpr std::uint64_t beginning = ~std::uint64_t{0};

std::uint64_t population_of(const diagonal_cma_es_options& options,
                            const search_space& space) {
  if (options.population > 0)
    return options.population;
  const auto dimension = static_cast<double>(space.dimension());
  return smallest_population
         + static_cast<std::uint64_t>(3 * portable_log(dimension));
}

bool all_finite(std::span<const double> values) {
  return std::ranges::all_of(values,
                             [](double each) { return std::isfinite(each); });
}

} // namespace

result<> validate(const diagonal_cma_es_options& options) {
  const auto invalid = [](std::string message) {
    return error{error_code::invalid_argument, "cma-es: " + message};
  };
  if (options.population != 0
      && (options.population < smallest_population
          || options.population > max_population))
    return invalid(fmt::format("population is {}, must be {} to {}, or 0",
                               options.population, smallest_population,
                               max_population));
  if (!(options.initial_step > 0 && options.initial_step <= 10))
    return invalid(fmt::format("initial_step is {}, must be in 0 to 10",
                               options.initial_step));
  if (!(options.restart_growth >= 1 && options.restart_growth <= 10))
    return invalid(fmt::format("restart_growth is {}, must be 1 to 10",
                               options.restart_growth));
  if (!(options.largest_growth >= 1 && options.largest_growth <= 1000))
    return invalid(fmt::format("largest_growth is {}, must be 1 to 1000",
                               options.largest_growth));
  if (!(options.tolerance >= 0 && options.tolerance < 1))
    return invalid(
        fmt::format("tolerance is {}, must be 0 to 1", options.tolerance));
  return done{};
}

diagonal_cma_es::diagonal_cma_es(const diagonal_cma_es_options& options,
                                 const search_space& space, std::uint64_t seed)
    : optimiser{space, {.seed = seed}}, options_{options} {
  SKERRY_ASSERT(validate(options));
  rng random{derive_seed(seed, beginning)};
  restart(first_population(), random);
  auto known = space.starting_points;
  // Where the search begins need not be asked again as a migrant.
  if (!known.empty())
    known.erase(
        known.begin()
        + static_cast<std::ptrdiff_t>(options.first_start % known.size()));
  known.resize(std::min(known.size(), population() / 2));
  inject(known, migrant_replacement::if_better);
}

diagonal_cma_es::diagonal_cma_es(const diagonal_cma_es_options& options,
                                 const search_space& space,
                                 diagonal_cma_es_state state)
    : optimiser{space, std::move(state.search)}, options_{options},
      state_{std::move(state)}, constants_{constants_of(space.dimension(),
                                                        population())} {}

std::uint64_t diagonal_cma_es::first_population() const {
  return population_of(options_, space());
}

std::vector<genome> diagonal_cma_es::draw(rng& random) {
  const auto dimension = space().dimension();
  std::vector<genome> out(population(), genome(dimension));
  std::vector<double> deviations(dimension);
  for (std::size_t gene = 0; gene < dimension; ++gene)
    deviations[gene] = state_.step * std::sqrt(state_.variances[gene]);
  for (auto& each : out) {
    // The trusted starting point is itself in the first generation.
    const auto is_start = &each == &out.front() && state_.since_restart == 0;
    draw_normals(each, random);
    for (std::size_t gene = 0; gene < dimension; ++gene)
      each[gene] = mirrored(
          state_.mean[gene] + (is_start ? 0 : deviations[gene] * each[gene]),
          space().lower[gene], space().upper[gene]);
  }
  return out;
}

void diagonal_cma_es::restart(std::uint64_t population, rng& random) {
  const auto& starts = space().starting_points;
  const auto dimension = space().dimension();
  const auto begun = search().restarts;
  if (begun < starts.size()) {
    state_.mean = starts[(options_.first_start + begun) % starts.size()];
  } else {
    state_.mean.resize(dimension);
    for (std::size_t gene = 0; gene < dimension; ++gene)
      state_.mean[gene]
          = space().lower[gene]
            + random.uniform() * (space().upper[gene] - space().lower[gene]);
  }
  state_.population = population;
  state_.variances.resize(dimension);
  for (std::size_t gene = 0; gene < dimension; ++gene)
    state_.variances[gene] = space().scale[gene] * space().scale[gene];
  state_.step_path.assign(dimension, 0);
  state_.path.assign(dimension, 0);
  state_.step = options_.initial_step;
  state_.since_restart = 0;
  state_.flat = 0;
  state_.best_costs.clear();
  state_.median_costs.clear();
  constants_ = constants_of(dimension, static_cast<std::size_t>(population));
}

std::vector<genome> diagonal_cma_es::proposals() const {
  if (members().empty())
    return {};
  std::vector<genome> out{members().front().genes};
  if (state_.since_restart > 0) // Otherwise the mean is of the next search.
    out.insert(out.begin(), state_.mean);
  return out;
}

double diagonal_cma_es::diversity() const {
  double sum = 0;
  for (std::size_t gene = 0; gene < state_.variances.size(); ++gene)
    sum += state_.step * std::sqrt(state_.variances[gene])
           / (space().upper[gene] - space().lower[gene]);
  return sum / static_cast<double>(state_.variances.size());
}

optimiser_state diagonal_cma_es::state() const {
  auto out = state_;
  out.search = search();
  return {std::move(out)};
}

result<> check_state(const diagonal_cma_es_options& options,
                     const search_space& space,
                     const diagonal_cma_es_state& state) {
  const auto wrong = [](std::string_view message) {
    return error{error_code::malformed,
                 fmt::format("cma-es state: {}", message)};
  };
  if (auto ok = check_search_state(space, state.search); !ok)
    return ok;
  if (state.population < population_of(options, space)
      || state.population > max_population)
    return wrong(
        fmt::format("population {} is out of range", state.population));
  if (state.search.migrants.size() > state.population / 2)
    return wrong("more migrants than half of the population");
  if (auto ok = check_genome(space, state.mean); !ok)
    return wrong("mean: " + ok.failure().message);
  for (const auto* array : {&state.variances, &state.step_path, &state.path}) {
    if (array->size() != space.dimension())
      return wrong(fmt::format("an array of {} for {} genes", array->size(),
                               space.dimension()));
    if (!all_finite(*array))
      return wrong("an array is not finite");
  }
  if (!std::ranges::all_of(state.variances,
                           [](double each) { return each > 0; }))
    return wrong("a variance is not positive");
  if (!(state.step > 0) || !std::isfinite(state.step))
    return wrong(fmt::format("step is {}", state.step));
  if (state.best_costs.size() != state.median_costs.size())
    return wrong("histories differ in length");
  return done{};
}

} // namespace skerry
