#pragma once

#include "evolution/optimisers.hpp"
#include "evolution/test_functions.hpp"

#include <cstdint>
#include <vector>

namespace skerry::testing {

/// One generation of a bare optimiser.
/// @returns Evaluations.
inline std::uint64_t advance(optimiser& search, const problem& of,
                             std::uint64_t scenario = 0) {
  std::vector<double> costs;
  for (const auto& genes : search.ask())
    costs.push_back(of.cost(genes, scenario));
  search.tell(costs);
  return costs.size();
}

/// Evaluations until the best is below `target`, or `budget` if it never was.
inline std::uint64_t evaluations_until(double target, optimiser& search,
                                       const problem& of,
                                       std::uint64_t budget) {
  std::uint64_t used = 0;
  while (used < budget && search.best().cost >= target)
    used += advance(search, of);
  return search.best().cost < target ? used : budget;
}

} // namespace skerry::testing
