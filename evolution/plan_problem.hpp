#pragma once

#include "evolution/plan_model.hpp"
#include "evolution/problem.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace skerry {

/// A plan as a real vector, for any optimiser: what to do first, by which rule,
/// and a few exceptions.
///
///     keys    one for each task in [0, 1]: the smallest goes first
///     rule    one in [0, 6): which of `plan_rules`
///     edits   two for each: whether and where in [-1, 1), then which task in
///             [0, 1). Below 0 there is no edit; the last 1 % of the other half
///             lets the task wait, and the rest are the nodes.
///
/// Whatever the genes, the plan is feasible: `decode` places it greedily. The
/// starting points are the rules with the tasks as given and with the largest
/// first, those with home first foremost: the incumbent plan.
///
/// @source Bean, "Genetic algorithms and random keys for sequencing and
///         optimization", 1994.
class plan_problem final : public problem {
public:
  /// @param snapshot, tasks Outlive the problem; see `decode`.
  /// @param edits At most this many.
  /// @pre There is at least one task.
  plan_problem(const cluster& snapshot, std::span<const plan_task> tasks,
               std::size_t edits = 4, const plan_weights& weights = {});

  const search_space& space() const override { return space_; }
  /// @cost That of `decode`, and O(nodes).
  double cost(std::span<const double> genes,
              std::uint64_t scenario) const override;
  bool is_deterministic() const override { return true; }

  placement_plan plan_of(std::span<const double> genes) const;
  const plan_model& model() const { return model_; }

private:
  const cluster* snapshot_;
  std::span<const plan_task> tasks_;
  std::size_t edits_;
  plan_model model_;
  search_space space_;
};

} // namespace skerry
