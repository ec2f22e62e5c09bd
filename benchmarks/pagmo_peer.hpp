#pragma once

#include "evolution/plan_model.hpp"

#include <cstdint>
#include <functional>
#include <span>

namespace skerry {

/// Whether this build has pagmo2 to compare with: it is a peer for this
/// benchmark, and nothing else uses it.
bool has_pagmo();

/// What a search has come to.
struct search_progress {
  std::uint64_t evaluations = 0;
  double best_cost = 0;
};

/// Runs pagmo2's `sga` on assignments, a node for each task, evaluated whole by
/// `plan_state::assign`: 64 individuals, `plans` among them and their
/// mutations, tournaments, exponential crossover, and uniform mutation of one
/// gene in each. Of 28 settings tried for 2 s (three crossovers, two
/// selections, one or five genes, 20 or 64 individuals, three rates of
/// crossover) none was better by more than chance.
/// @param go_on Asked every few generations.
/// @pre `has_pagmo()`; all tasks are movable.
void run_pagmo_sga(const plan_model& of, std::span<const placement_plan> plans,
                   std::uint64_t seed,
                   const std::function<bool(const search_progress&)>& go_on);

} // namespace skerry
