#pragma once

#include "scheduling/cluster.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace skerry {

/// How many nodes refuse a shape for the same reason.
struct refusal_count {
  refusal why;
  std::size_t nodes = 0;
  /// For `refusal_reason::resource`: the most that any of these nodes has.
  std::int64_t most = 0;

  friend bool operator==(const refusal_count&, const refusal_count&) = default;
};

/// Why a task is pending, or why it will never run, as a value.
struct explanation {
  std::size_t nodes = 0;               ///< Live nodes.
  std::size_t feasible = 0;            ///< Nodes that refuse nothing.
  std::vector<refusal_count> refusals; ///< Most nodes first.
  /// All of it in words, for example "fits no node even when empty: 3 nodes:
  /// not enough memory (asks 64 GiB, has 32 GiB), 2 nodes: no such device model
  /// (gpu: A100)". Where nodes have different amounts, the most is named.
  std::string text;
};

/// What every node says to the shape now. Each counts once, with the first
/// reason that `cluster::why_not` or, after it, the spread gives.
/// @cost O(nodes).
explanation explain(const cluster& nodes, const compiled_shape& shape);

/// What every node would say if it were empty and ready.
/// @cost O(node classes).
explanation explain_when_empty(const cluster& nodes,
                               const compiled_shape& shape);

/// An amount with its unit, for example "1.5 cores" or "32 GiB".
std::string amount_text(const cluster& nodes, std::size_t kind,
                        std::int64_t amount);

} // namespace skerry
