#include "messages/search_checkpoint.hpp"

#include "scheduling/fnv.hpp"

#include <fmt/format.h>

namespace skerry {
namespace {

using doubles = google::protobuf::RepeatedField<double>;

doubles numbers(const std::vector<double>& from) {
  return {from.begin(), from.end()};
}

std::vector<double> numbers(const doubles& from) {
  return {from.begin(), from.end()};
}

v1::Candidate candidate_to(const candidate& from) {
  v1::Candidate out;
  *out.mutable_genes() = numbers(from.genes);
  out.set_cost(from.cost);
  return out;
}

candidate candidate_from(const v1::Candidate& from) {
  return {numbers(from.genes()), from.cost()};
}

using genomes = google::protobuf::RepeatedPtrField<v1::Genome>;

void write(const std::vector<genome>& from, genomes& into) {
  for (const auto& genes : from)
    *into.Add()->mutable_genes() = numbers(genes);
}

std::vector<genome> genomes_from(const genomes& from) {
  std::vector<genome> out;
  for (const auto& each : from)
    out.push_back(numbers(each.genes()));
  return out;
}

v1::SearchState search_to(const search_state& from) {
  v1::SearchState out;
  out.set_seed(from.seed);
  out.set_generation(from.generation);
  out.set_restarts(from.restarts);
  *out.mutable_best() = candidate_to(from.best);
  for (const auto& member : from.members)
    *out.add_members() = candidate_to(member);
  write(from.migrants, *out.mutable_migrants());
  out.set_replacement(static_cast<std::uint32_t>(from.replacement));
  return out;
}

result<search_state> search_from(const v1::SearchState& from) {
  search_state out;
  out.seed = from.seed();
  out.generation = from.generation();
  out.restarts = from.restarts();
  out.best = candidate_from(from.best());
  for (const auto& member : from.members())
    out.members.push_back(candidate_from(member));
  out.migrants = genomes_from(from.migrants());
  if (from.replacement()
      > static_cast<std::uint32_t>(migrant_replacement::if_better))
    return {error_code::malformed,
            "island state: an unknown replacement of migrants"};
  out.replacement = static_cast<migrant_replacement>(from.replacement());
  return out;
}

v1::CmaEsState cma_es_to(const diagonal_cma_es_state& from) {
  v1::CmaEsState out;
  out.set_population(from.population);
  *out.mutable_mean() = numbers(from.mean);
  *out.mutable_variances() = numbers(from.variances);
  *out.mutable_step_path() = numbers(from.step_path);
  *out.mutable_path() = numbers(from.path);
  out.set_step(from.step);
  out.set_since_restart(from.since_restart);
  out.set_flat(from.flat);
  *out.mutable_best_costs() = numbers(from.best_costs);
  *out.mutable_median_costs() = numbers(from.median_costs);
  return out;
}

diagonal_cma_es_state cma_es_from(const v1::CmaEsState& from,
                                  search_state search) {
  return {.search = std::move(search),
          .population = from.population(),
          .mean = numbers(from.mean()),
          .variances = numbers(from.variances()),
          .step_path = numbers(from.step_path()),
          .path = numbers(from.path()),
          .step = from.step(),
          .since_restart = from.since_restart(),
          .flat = from.flat(),
          .best_costs = numbers(from.best_costs()),
          .median_costs = numbers(from.median_costs())};
}

std::string checksum_of(v1::SearchCheckpoint state) {
  state.clear_checksum();
  return fmt::format("{:016x}",
                     fnv1a{}.bytes(state.SerializeAsString()).value());
}

} // namespace

v1::Migrant to_proto(const migrant& from) {
  v1::Migrant out;
  *out.mutable_genes() = numbers(from.genes);
  out.set_cost(from.cost);
  out.set_island(from.island);
  out.set_generation(from.generation);
  return out;
}

migrant migrant_from(const v1::Migrant& from) {
  return {numbers(from.genes()), from.cost(), from.island(), from.generation()};
}

v1::IslandState to_proto(const island_state& from) {
  v1::IslandState out;
  *out.mutable_search() = search_to(from.optimiser.search());
  if (const auto* cma = std::get_if<diagonal_cma_es_state>(&from.optimiser.of))
    *out.mutable_cma_es() = cma_es_to(*cma);
  else {
    const auto& ga = std::get<genetic_algorithm_state>(from.optimiser.of);
    *out.mutable_genetic()->mutable_steps() = numbers(ga.steps);
    out.mutable_genetic()->set_since_restart(ga.since_restart);
  }
  for (const auto& champion : from.champions)
    *out.add_champions() = candidate_to(champion);
  write(from.to_validate, *out.mutable_to_validate());
  write(from.inbox, *out.mutable_inbox());
  out.mutable_remembered()->Add(from.remembered.begin(), from.remembered.end());
  out.set_evaluations(from.evaluations);
  out.set_mean(from.mean);
  out.set_migrants_sent(from.migrants_sent);
  out.set_migrants_accepted(from.migrants_accepted);
  out.set_migrants_refused(from.migrants_refused);
  out.set_migrants_known(from.migrants_known);
  return out;
}

result<island_state> island_state_from(const v1::IslandState& from) {
  auto search = search_from(from.search());
  if (!search)
    return search.failure();
  island_state out;
  if (from.has_cma_es())
    out.optimiser.of = cma_es_from(from.cma_es(), *std::move(search));
  else if (from.has_genetic())
    out.optimiser.of = genetic_algorithm_state{
        .search = *std::move(search),
        .steps = numbers(from.genetic().steps()),
        .since_restart = from.genetic().since_restart()};
  else
    return {error_code::malformed, "island state: of no known optimiser"};
  for (const auto& champion : from.champions())
    out.champions.push_back(candidate_from(champion));
  out.to_validate = genomes_from(from.to_validate());
  out.inbox = genomes_from(from.inbox());
  out.remembered = {from.remembered().begin(), from.remembered().end()};
  out.evaluations = from.evaluations();
  out.mean = from.mean();
  out.migrants_sent = from.migrants_sent();
  out.migrants_accepted = from.migrants_accepted();
  out.migrants_refused = from.migrants_refused();
  out.migrants_known = from.migrants_known();
  return out;
}

std::string sealed_bytes(v1::SearchCheckpoint checkpoint) {
  checkpoint.set_checksum(checksum_of(checkpoint));
  return checkpoint.SerializeAsString();
}

result<v1::SearchCheckpoint> open_sealed(std::string_view bytes,
                                         const std::string& search,
                                         std::string_view origin) {
  const auto wrong = [origin](error_code code, std::string_view what) {
    return error{code, fmt::format("{}: {}", origin, what)};
  };
  v1::SearchCheckpoint out;
  if (!out.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return wrong(error_code::malformed, "damaged, or no checkpoint");
  if (out.checksum() != checksum_of(out))
    return wrong(error_code::malformed,
                 "damaged: its checksum is of other contents");
  if (out.search() != search)
    return wrong(error_code::conflict,
                 fmt::format("of another search ({}), and not of this one ({})",
                             out.search(), search));
  return out;
}

std::string checkpoint_bytes(const std::string& search,
                             const archipelago_state& state) {
  v1::SearchCheckpoint out;
  out.set_search(search);
  for (const auto& each : state.islands)
    *out.add_islands() = to_proto(each);
  for (const auto& batch : state.arriving) {
    auto& to = *out.add_arriving();
    for (const auto& each : batch)
      *to.add_migrants() = to_proto(each);
  }
  out.set_epoch(state.epoch);
  return sealed_bytes(std::move(out));
}

result<archipelago_state> read_checkpoint(std::string_view bytes,
                                          const std::string& search,
                                          std::string_view origin) {
  const auto from = open_sealed(bytes, search, origin);
  if (!from)
    return from.failure();
  archipelago_state out;
  for (const auto& each : from->islands()) {
    auto state = island_state_from(each);
    if (!state)
      return error{state.failure().code,
                   fmt::format("{}: {}", origin, state.failure().message)};
    out.islands.push_back(*std::move(state));
  }
  for (const auto& batch : from->arriving()) {
    auto& to = out.arriving.emplace_back();
    for (const auto& each : batch.migrants())
      to.push_back(migrant_from(each));
  }
  out.epoch = from->epoch();
  return out;
}

} // namespace skerry
