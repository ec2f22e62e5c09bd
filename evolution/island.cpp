#include "evolution/island.hpp"

#include "evolution/deviates.hpp"
#include "scheduling/assert.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <iterator>
#include <limits>

namespace skerry {
namespace {

// Streams of an island's seed, beside those of its optimiser.
constexpr std::uint64_t training = 0x7261696e;
constexpr std::uint64_t departing = 0x64657061;
/// A stream of the validation seed.
constexpr std::uint64_t validating = 0x76616c69;

constexpr double infinity = std::numeric_limits<double>::infinity();

std::uint64_t hash_of(const genome& genes) {
  std::uint64_t hash = genes.size();
  for (const auto gene : genes)
    hash = derive_seed(hash, std::bit_cast<std::uint64_t>(gene));
  return hash;
}

double mean_of(std::span<const double> costs) {
  double sum = 0;
  for (const auto cost : costs)
    sum += cost;
  return std::isnan(sum) ? infinity : sum / static_cast<double>(costs.size());
}

} // namespace

void run_serially(std::size_t count,
                  const std::function<void(std::size_t)>& job) {
  for (std::size_t i = 0; i < count; ++i)
    job(i);
}

result<> validate(const island_options& options) {
  if (auto ok = validate(options.optimiser); !ok)
    return ok;
  if (auto ok = validate(options.migration); !ok)
    return ok;
  struct range {
    std::string_view field;
    std::uint32_t value;
    std::uint32_t highest;
  };
  for (const auto& [field, value, highest] :
       {range{"scenarios", options.scenarios, 1000},
        range{"validation_scenarios", options.validation_scenarios, 1000},
        range{"validate_every", options.validate_every, 1000},
        range{"champions", options.champions, 64}})
    if (value < 1 || value > highest)
      return {error_code::invalid_argument,
              fmt::format("island: {} is {}, must be 1 to {}", field, value,
                          highest)};
  return done{};
}

island::island(const island_options& options, const problem& of,
               std::uint64_t seed, std::uint32_t number)
    : island{options,
             of,
             make_optimiser(options.optimiser, of.space(), seed),
             {},
             number} {
  seed_ = seed;
  if (!of.is_deterministic())
    state_.to_validate = of.space().starting_points;
}

island::island(const island_options& options, const problem& of,
               std::unique_ptr<optimiser> search, island_state state,
               std::uint32_t number)
    : options_{options}, problem_{&of}, number_{number},
      seed_{state.optimiser.search().seed},
      optimiser_{std::move(search)}, state_{std::move(state)} {
  SKERRY_ASSERT(validate(options));
}

result<std::unique_ptr<island>> island::restore(const island_options& options,
                                                const problem& of,
                                                const island_state& state,
                                                std::uint32_t number) {
  const auto& space = of.space();
  auto search = restore_optimiser(options.optimiser, space, state.optimiser);
  if (!search)
    return search.failure();
  const auto wrong = [](std::string_view message) {
    return error{error_code::malformed,
                 fmt::format("island state: {}", message)};
  };
  if (state.champions.size() > options.champions
      || state.inbox.size() > max_waiting_migrants
      || state.remembered.size() > max_remembered_migrants)
    return wrong("more champions or migrants than are allowed");
  for (const auto& champion : state.champions)
    if (auto ok = check_genome(space, champion.genes); !ok)
      return wrong("champion: " + ok.failure().message);
  for (const auto* genomes : {&state.inbox, &state.to_validate})
    for (const auto& genes : *genomes)
      if (auto ok = check_genome(space, genes); !ok)
        return wrong(ok.failure().message);
  return std::unique_ptr<island>{
      new island{options, of, *std::move(search), state, number}};
}

std::size_t island::scenarios() const {
  return problem_->is_deterministic() ? 1 : options_.scenarios;
}

/// Migrants beyond half a population wait for the next generation.
void island::take_in_migrants() {
  auto& inbox = state_.inbox;
  const auto room
      = optimiser_->population() / 2 - optimiser_->waiting_migrants();
  const auto count = std::min(inbox.size(), room);
  if (count == 0)
    return;
  optimiser_->inject({inbox.data(), count}, options_.migration.replacement);
  inbox.erase(inbox.begin(),
              inbox.begin() + static_cast<std::ptrdiff_t>(count));
}

void island::ask_in(std::span<const genome> genomes, std::size_t count,
                    std::uint64_t seed, std::uint64_t stream) {
  for (const auto& genes : genomes)
    for (std::size_t i = 0; i < count; ++i)
      asked_.push_back({genes, derive_seed(seed, stream, i)});
}

std::span<const evaluation> island::ask() {
  if (!asked_.empty())
    return asked_;
  take_in_migrants();
  ask_in(optimiser_->ask(), scenarios(), derive_seed(seed_, training),
         optimiser_->generation());
  ask_in(state_.to_validate, options_.validation_scenarios,
         options_.validation_seed, validating);
  return asked_;
}

void island::tell(std::span<const double> costs) {
  SKERRY_ASSERT(!asked_.empty());
  SKERRY_ASSERT(costs.size() == asked_.size());
  state_.evaluations += costs.size();
  const auto each = scenarios();
  const auto validations
      = state_.to_validate.size() * options_.validation_scenarios;
  std::vector<double> means;
  for (auto rest = costs.first(costs.size() - validations); !rest.empty();
       rest = rest.subspan(each))
    means.push_back(mean_of(rest.first(each)));
  auto validated = costs.last(validations);
  for (const auto& genes : state_.to_validate) {
    crown(genes, mean_of(validated.first(options_.validation_scenarios)));
    validated = validated.subspan(options_.validation_scenarios);
  }
  state_.to_validate.clear();
  asked_.clear();
  optimiser_->tell(means);

  double sum = 0;
  double finite = 0;
  for (const auto& member : optimiser_->members())
    if (std::isfinite(member.cost)) {
      sum += member.cost;
      ++finite;
    }
  state_.mean = finite > 0 ? sum / finite : infinity;
  if (problem_->is_deterministic()) {
    for (const auto& member : optimiser_->members().first(std::min<std::size_t>(
             options_.champions, optimiser_->members().size())))
      crown(member.genes, member.cost);
  } else if (optimiser_->generation() % options_.validate_every == 0) {
    for (auto& genes : optimiser_->proposals())
      if (std::ranges::find(state_.champions, genes, &candidate::genes)
          == state_.champions.end())
        state_.to_validate.push_back(std::move(genes));
  }
}

/// Ties go to who was here first.
void island::crown(const genome& genes, double cost) {
  auto& champions = state_.champions;
  if (std::ranges::find(champions, genes, &candidate::genes) != champions.end())
    return;
  const auto place
      = std::ranges::upper_bound(champions, cost, {}, &candidate::cost);
  champions.insert(place, {genes, cost});
  if (champions.size() > options_.champions)
    champions.pop_back();
}

void island::step(const executor& run) {
  const auto evaluations = ask();
  std::vector<double> costs(evaluations.size());
  run(costs.size(), [&](std::size_t i) {
    costs[i] = problem_->cost(evaluations[i].genes, evaluations[i].scenario);
  });
  tell(costs);
}

bool island::sends_now() const {
  return options_.migration.count > 0 && optimiser_->generation() > 0
         && optimiser_->generation() % options_.migration.every == 0;
}

std::vector<migrant> island::emigrants() {
  const auto by_validation
      = options_.migration.selection == migrant_selection::best
        && !state_.champions.empty();
  const auto pool = by_validation ? std::span<const candidate>{state_.champions}
                                  : optimiser_->members();
  rng random{
      derive_seed(derive_seed(seed_, departing), optimiser_->generation())};
  std::vector<migrant> out;
  for (const auto at : select_migrants(pool, options_.migration, random))
    out.push_back({.genes = pool[at].genes,
                   .cost = pool[at].cost,
                   .island = number_,
                   .generation = optimiser_->generation()});
  state_.migrants_sent += out.size();
  return out;
}

/// @returns `already_exists` when it was here before.
result<> island::remember(const genome& genes) {
  auto& remembered = state_.remembered;
  const auto hash = hash_of(genes);
  if (std::ranges::find(remembered, hash) != remembered.end()
      || std::ranges::find(state_.champions, genes, &candidate::genes)
             != state_.champions.end())
    return {error_code::already_exists, "this migrant was here before"};
  if (remembered.size() == max_remembered_migrants)
    remembered.erase(remembered.begin());
  remembered.push_back(hash);
  return done{};
}

migrants_accepted island::accept(std::span<const migrant> migrants) {
  migrants_accepted out;
  for (const auto& each : migrants) {
    auto ok = check_genome(problem_->space(), each.genes);
    if (ok && state_.inbox.size() == max_waiting_migrants)
      ok = {
          error_code::limit_exceeded,
          fmt::format("{} migrants are waiting already", max_waiting_migrants)};
    if (ok)
      ok = remember(each.genes);
    if (ok) {
      state_.inbox.push_back(each.genes);
      ++out.accepted;
      continue;
    }
    ++(ok.failure().code == error_code::already_exists
           ? state_.migrants_known
           : state_.migrants_refused);
    out.refusals.push_back(ok.failure());
  }
  state_.migrants_accepted += out.accepted;
  return out;
}

std::vector<genome> island::contenders() const {
  std::vector<genome> out;
  for (const auto& champion : state_.champions)
    out.push_back(champion.genes);
  auto proposals = optimiser_->proposals();
  std::ranges::move(proposals, std::back_inserter(out));
  return out;
}

island_statistics island::statistics() const {
  return {.generation = optimiser_->generation(),
          .evaluations = state_.evaluations,
          .restarts = optimiser_->restarts(),
          .best
          = state_.champions.empty() ? infinity : state_.champions.front().cost,
          .mean = state_.mean,
          .diversity = optimiser_->diversity(),
          .migrants_sent = state_.migrants_sent,
          .migrants_accepted = state_.migrants_accepted,
          .migrants_refused = state_.migrants_refused,
          .migrants_known = state_.migrants_known};
}

island_state island::state() const {
  SKERRY_ASSERT(asked_.empty());
  auto out = state_;
  out.optimiser = optimiser_->state();
  return out;
}

} // namespace skerry
