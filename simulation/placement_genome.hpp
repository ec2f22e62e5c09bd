#pragma once

#include "evolution/problem.hpp"
#include "scheduling/weighted_scorer.hpp"

#include <span>

namespace skerry {

/// Whether a feature can tell placements of such tasks apart: what is left on a
/// shared GPU says nothing about a task that shares none.
bool applies(placement_feature feature, task_class to);

/// Weights as a point to search from: class by class, only those that apply.
/// Others are 0.
genome genome_of(const placement_weights& weights);

/// @pre `genes` is as long as any `genome_of`.
placement_weights weights_of(std::span<const double> genes);

/// Where evolution looks for weights: around FGD and first-fit, the published
/// heuristics that are weighted scores themselves.
search_space placement_space();

} // namespace skerry
