#pragma once

#include "evolution/diagonal_cma_es.hpp"
#include "evolution/genetic_algorithm.hpp"
#include "evolution/optimiser.hpp"

#include <cstdint>
#include <memory>
#include <string_view>
#include <variant>

namespace skerry {

/// Which optimiser, and how it is set.
using optimiser_options
    = std::variant<diagonal_cma_es_options, genetic_algorithm_options>;

/// Everything a search needs to go on, as plain data.
struct optimiser_state {
  std::variant<diagonal_cma_es_state, genetic_algorithm_state> of;

  const search_state& search() const {
    return std::visit(
        [](const auto& each) -> const auto& { return each.search; }, of);
  }

  friend bool operator==(const optimiser_state&, const optimiser_state&)
      = default;
};

/// @returns `invalid_argument` naming optimiser and field.
result<> validate(const optimiser_options& options);

/// The defaults of "cma-es" or "ga".
/// @returns `invalid_argument` listing the known names.
result<optimiser_options> find_optimiser(std::string_view name);

/// @pre `options` and `space` are valid; `space` outlives the optimiser.
std::unique_ptr<optimiser> make_optimiser(const optimiser_options& options,
                                          const search_space& space,
                                          std::uint64_t seed);

/// A search that goes on where `state` was taken.
/// @pre As for `make_optimiser`.
/// @returns `malformed` when the state is damaged, of another space, or of
///          another optimiser than `options`.
result<std::unique_ptr<optimiser>>
restore_optimiser(const optimiser_options& options, const search_space& space,
                  const optimiser_state& state);

} // namespace skerry
