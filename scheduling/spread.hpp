#pragma once

#include "scheduling/cluster.hpp"

#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

namespace skerry {

/// Whether one more task of the group on a node would leave the counts of any
/// two domains within `max_skew`. A domain is the nodes of one value of the
/// topology label, or each node by itself; nodes without the label are in no
/// domain and refused. Domains that could never run the shape do not count, or
/// a rack without GPUs would hold up every GPU task.
///
/// Looks across nodes, which is why it is no part of `cluster::why_not` and why
/// scores with it cannot be cached by node.
///
/// @source Kubernetes, pod topology spread constraints, `DoNotSchedule`.
class spread_filter {
public:
  /// Counts as of now.
  /// @param leaving Where the task runs that is to be placed elsewhere, if any:
  ///                it is not counted there.
  /// @pre `shape.source.spread` is set.
  /// @cost O(nodes).
  spread_filter(const cluster& on, const compiled_shape& shape,
                std::optional<node_index> leaving = {});

  bool allows(node_index node) const;

private:
  static constexpr auto no_domain = std::numeric_limits<std::uint32_t>::max();

  std::vector<std::uint32_t> domain_of_; ///< By node.
  std::vector<std::uint32_t> counts_;    ///< By domain.
  std::uint32_t least_ = 0;
  std::uint32_t max_skew_;
};

} // namespace skerry
