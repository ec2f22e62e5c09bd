#include "evolution/optimisers.hpp"

#include <fmt/format.h>

namespace skerry {
namespace {

template <class Optimiser, class Options, class State>
result<std::unique_ptr<optimiser>>
restore(const Options& options, const search_space& space, const State& state) {
  if (auto ok = check_state(options, space, state); !ok)
    return ok.failure();
  return std::unique_ptr<optimiser>{
      std::make_unique<Optimiser>(options, space, state)};
}

} // namespace

result<> validate(const optimiser_options& options) {
  return std::visit([](const auto& each) { return validate(each); }, options);
}

result<optimiser_options> find_optimiser(std::string_view name) {
  if (name == "cma-es")
    return optimiser_options{diagonal_cma_es_options{}};
  if (name == "ga")
    return optimiser_options{genetic_algorithm_options{}};
  return {
      error_code::invalid_argument,
      fmt::format("no optimiser is called \"{}\" (known: cma-es, ga)", name)};
}

std::unique_ptr<optimiser> make_optimiser(const optimiser_options& options,
                                          const search_space& space,
                                          std::uint64_t seed) {
  if (const auto* cma = std::get_if<diagonal_cma_es_options>(&options))
    return std::make_unique<diagonal_cma_es>(*cma, space, seed);
  return std::make_unique<genetic_algorithm>(
      std::get<genetic_algorithm_options>(options), space, seed);
}

result<std::unique_ptr<optimiser>>
restore_optimiser(const optimiser_options& options, const search_space& space,
                  const optimiser_state& state) {
  if (options.index() != state.of.index())
    return {error_code::malformed,
            "optimiser state: of another optimiser than the options"};
  if (const auto* cma = std::get_if<diagonal_cma_es_options>(&options))
    return restore<diagonal_cma_es>(*cma, space,
                                    std::get<diagonal_cma_es_state>(state.of));
  return restore<genetic_algorithm>(
      std::get<genetic_algorithm_options>(options), space,
      std::get<genetic_algorithm_state>(state.of));
}

} // namespace skerry
