#pragma once

#include "scheduling/cluster.hpp"

#include <cstdint>
#include <span>
#include <string_view>

namespace skerry {

/// Says how good a node is for a shape. Deterministic: equal states give equal
/// scores, which is why an index may cache them.
///
/// A scorer may keep caches by node and version, so each cluster and each
/// thread has its own.
class scorer {
public:
  virtual ~scorer() = default;

  virtual std::string_view name() const = 0;

  /// Scores `nodes[i]` into `out[i]`, `infeasible_score` where the shape does
  /// not fit now. A score may depend on this node's state and on `basis`, on
  /// nothing else.
  /// @pre `out.size() == nodes.size()`.
  virtual void score(const cluster& on, const compiled_shape& shape,
                     std::span<const node_index> nodes, std::span<score_t> out)
      = 0;

  /// The devices to use on `node`.
  /// @pre The shape fits there now.
  virtual device_mask choose_devices(const cluster& on,
                                     const compiled_shape& shape,
                                     node_index node);

  /// Changes when all scores may have changed, nodes being the same.
  virtual std::uint64_t basis(const cluster&) { return 0; }
};

/// Sharing tasks take the tightest device that fits (the lowest index on ties),
/// others idle devices in index order.
/// @pre The shape fits on `node` now.
device_mask tightest_devices(const cluster& on, const compiled_shape& shape,
                             node_index node);

/// A scorer that looks at nodes one by one: `Derived` has
/// `score_t score_fitting(on, shape, node)` for nodes on which the shape fits.
template <class Derived>
class node_scorer : public scorer {
public:
  void score(const cluster& on, const compiled_shape& shape,
             std::span<const node_index> nodes, std::span<score_t> out) final {
    auto& self = static_cast<Derived&>(*this);
    for (std::size_t i = 0; i < nodes.size(); ++i)
      out[i] = on.why_not(shape, nodes[i])
                   ? infeasible_score
                   : self.score_fitting(on, shape, nodes[i]);
  }
};

} // namespace skerry
