#pragma once

#include "learning/network.hpp"
#include "scheduling/placement_policy.hpp"

#include <cstddef>
#include <memory>
#include <optional>

namespace skerry {

struct reranking_options {
  /// The rule's best, which the network looks at.
  std::size_t candidates = 64;
  /// What the value of the state that a placement leaves counts beside the
  /// rule's score. None: the policy network alone decides among them.
  std::optional<double> value_weight = {};
};

/// A network's choice among the best that a rule finds:
///
///     best <- the `candidates` nodes with the highest scores of the rule, the
///             smaller index among equals
///     take the one with the highest  score + value_weight value(after-state)
///                                or  policy logit
///             the rule's order among equals; devices as the rule chooses them
///
/// The rule's index stays exact, since no score in it depends on a network.
///
/// @param rule Its scores are in millionths, as a `weighted_scorer`'s.
/// @param on   Outlives the policy.
/// @pre   The network is an `experience_network`.
/// @cost  Of a decision O(nodes) for the best, and a pass of the network.
std::unique_ptr<placement_policy>
make_reranking_policy(std::unique_ptr<scorer> rule,
                      std::shared_ptr<const candidate_network> by,
                      const cluster& on, std::span<const task_shape> workload,
                      const reranking_options& options);

} // namespace skerry
