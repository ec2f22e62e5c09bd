#include "evolution/genetic_algorithm.hpp"

#include "evolution/deviates.hpp"
#include "evolution/genetic_operators.hpp"
#include "evolution/optimisers.hpp"
#include "scheduling/assert.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace skerry {
namespace {

constexpr std::uint32_t smallest_population = 4;
constexpr std::size_t most_proposals = 3;

/// Self-adaptation can neither run away nor die out.
constexpr double smallest_step = 1e-12;
constexpr double largest_step = 10;

genome uniform_genome(const search_space& space, rng& random) {
  genome out(space.dimension());
  for (std::size_t gene = 0; gene < out.size(); ++gene)
    out[gene] = space.lower[gene]
                + random.uniform() * (space.upper[gene] - space.lower[gene]);
  return out;
}

} // namespace

result<> validate(const genetic_algorithm_options& o) {
  const auto invalid = [](std::string message) {
    return error{error_code::invalid_argument, "ga: " + message};
  };
  if (o.population < smallest_population || o.population > max_population)
    return invalid(fmt::format("population is {}, must be {} to {}",
                               o.population, smallest_population,
                               max_population));
  if (o.elites > o.population / 2)
    return invalid(fmt::format("elites are {}, more than half of {}", o.elites,
                               o.population));
  if (o.tournament_size < 1 || o.tournament_size > 64)
    return invalid(fmt::format("tournament_size is {}, must be 1 to 64",
                               o.tournament_size));
  struct range {
    std::string_view field;
    double value;
    double lowest;
    double highest;
  };
  constexpr double above_zero = 1e-12;
  for (const auto& [field, value, lowest, highest] : std::array{
           range{"truncation", o.truncation, above_zero, 1},
           range{"crossover_probability", o.crossover_probability, 0, 1},
           range{"blx_alpha", o.blx_alpha, 0, 2},
           range{"sbx_index", o.sbx_index, 0, 100},
           range{"mutation_probability", o.mutation_probability, 0, 1},
           range{"initial_step", o.initial_step, above_zero, largest_step},
           range{"step_decay", o.step_decay, above_zero, 1},
           range{"collapse", o.collapse, 0, 1}})
    if (!(value >= lowest && value <= highest))
      return invalid(fmt::format("{} is {}, must be {} to {}", field, value,
                                 lowest, highest));
  return done{};
}

genetic_algorithm::genetic_algorithm(const genetic_algorithm_options& options,
                                     const search_space& space,
                                     std::uint64_t seed)
    : optimiser{space, {.seed = seed}}, options_{options} {
  SKERRY_ASSERT(validate(options));
}

genetic_algorithm::genetic_algorithm(const genetic_algorithm_options& options,
                                     const search_space& space,
                                     genetic_algorithm_state state)
    : optimiser{space, std::move(state.search)}, options_{options},
      state_{std::move(state)} {}

/// Of `decaying`, and what a member begins with that has no parent.
double genetic_algorithm::step_now() const {
  if (options_.step == mutation_step::self_adaptive)
    return options_.initial_step;
  return std::max(smallest_step,
                  options_.initial_step
                      * portable_exp(static_cast<double>(state_.since_restart)
                                     * portable_log(options_.step_decay)));
}

std::vector<genome> genetic_algorithm::draw_first(rng& random) const {
  const auto& starts = space().starting_points;
  const auto third = population() / 3;
  std::vector<genome> out(starts.begin(),
                          starts.begin()
                              + static_cast<std::ptrdiff_t>(
                                  std::min(starts.size(), population() / 2)));
  const auto known = out.size();
  while (known > 0 && out.size() < population() - third) {
    out.push_back(out[random.below(known)]);
    mutate(space(), out.back(), 1, options_.initial_step, random);
  }
  while (out.size() < population())
    out.push_back(uniform_genome(space(), random));
  return out;
}

std::vector<genome> genetic_algorithm::draw_again(rng& random) const {
  std::vector<genome> out{members().front().genes};
  while (out.size() < population())
    out.push_back(uniform_genome(space(), random));
  return out;
}

std::size_t genetic_algorithm::draw_parent(rng& random) const {
  const auto count = members().size();
  if (options_.selection == parent_selection::tournament)
    return tournament_winner(count, options_.tournament_size, random);
  const auto best = static_cast<std::uint64_t>(
      std::ceil(options_.truncation * static_cast<double>(count)));
  return static_cast<std::size_t>(random.below(best));
}

genome genetic_algorithm::draw_child(double& step, rng& random) const {
  const auto a = draw_parent(random);
  const auto b = draw_parent(random);
  auto child = members()[a].genes;
  step = state_.steps[a];
  if (random.uniform() < options_.crossover_probability) {
    const auto& other = members()[b].genes;
    child = options_.crossover == crossover_kind::blx
                ? blx_child(space(), child, other, options_.blx_alpha, random)
                : sbx_child(space(), child, other, options_.sbx_index, random);
    step = std::sqrt(step * state_.steps[b]);
  }
  if (options_.step == mutation_step::decaying) {
    step = step_now();
  } else {
    std::array<double, 1> deviate{};
    draw_normals(deviate, random);
    const auto rate = 1 / std::sqrt(static_cast<double>(space().dimension()));
    step = std::clamp(step * portable_exp(rate * deviate[0]), smallest_step,
                      largest_step);
  }
  mutate(space(), child, options_.mutation_probability, step, random);
  return child;
}

std::vector<genome> genetic_algorithm::draw(rng& random) {
  drawn_steps_.assign(population(), step_now());
  if (members().empty())
    return draw_first(random);
  if (state_.since_restart == 0)
    return draw_again(random);
  std::vector<genome> out;
  while (out.size() < options_.elites) {
    drawn_steps_[out.size()] = state_.steps[out.size()];
    out.push_back(members()[out.size()].genes);
  }
  while (out.size() < population()) {
    auto child = draw_child(drawn_steps_[out.size()], random);
    out.push_back(std::move(child));
  }
  return out;
}

void genetic_algorithm::update(std::span<const told> generation, rng&) {
  SKERRY_ASSERT(generation.size() == population());
  state_.steps.clear();
  for (const auto& [of, slot] : generation)
    state_.steps.push_back(slot < drawn() ? drawn_steps_[slot] : step_now());
  ++state_.since_restart;
  if (spread(space(), members()) >= options_.collapse)
    return;
  ++search().restarts;
  state_.since_restart = 0;
}

std::vector<genome> genetic_algorithm::proposals() const {
  std::vector<genome> out;
  for (const auto& member :
       members().first(std::min(most_proposals, members().size())))
    out.push_back(member.genes);
  return out;
}

double genetic_algorithm::diversity() const {
  return spread(space(), members());
}

optimiser_state genetic_algorithm::state() const {
  auto out = state_;
  out.search = search();
  return {std::move(out)};
}

result<> check_state(const genetic_algorithm_options& options,
                     const search_space& space,
                     const genetic_algorithm_state& state) {
  const auto wrong = [](std::string message) {
    return error{error_code::malformed, fmt::format("ga state: {}", message)};
  };
  if (auto ok = check_search_state(space, state.search); !ok)
    return ok;
  const auto members = state.search.members.size();
  if (members != (state.search.generation > 0 ? options.population : 0))
    return wrong(fmt::format("{} members in a population of {}", members,
                             options.population));
  if (state.search.migrants.size() > options.population / 2)
    return wrong("more migrants than half of the population");
  if (state.steps.size() != members)
    return wrong(
        fmt::format("{} steps for {} members", state.steps.size(), members));
  for (const auto step : state.steps)
    if (!(step >= smallest_step && step <= largest_step))
      return wrong(fmt::format("step {} is not in {} to {}", step,
                               smallest_step, largest_step));
  return done{};
}

} // namespace skerry
