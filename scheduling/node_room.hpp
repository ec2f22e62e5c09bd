#pragma once

#include "scheduling/cluster.hpp"

#include <cstdint>
#include <utility>
#include <vector>

namespace skerry {

/// What will be free on one node, as far as is known: starts as it is now, and
/// takes and gives back what tasks will. The cluster is only read.
///
/// Holds the filters of `cluster::why_not` but for the node's condition.
class node_room {
public:
  /// @param on Outlives this and does not change meanwhile.
  node_room(const cluster& on, node_index node);

  bool fits(const compiled_shape& shape) const;
  /// The devices that `tightest_devices` would choose there.
  /// @pre The shape fits.
  device_mask choose(const compiled_shape& shape) const;
  /// @pre The shape fits with these devices.
  void take(const compiled_shape& shape, device_mask devices);
  /// @pre A task of this shape holds the devices.
  void give_back(const compiled_shape& shape, device_mask devices);

private:
  device_mask available(const compiled_shape& shape, std::size_t request) const;
  std::int64_t members(std::uint32_t group) const;
  void count(std::uint32_t group, std::int32_t by);

  const cluster* on_;
  node_index node_;
  resources free_;
  std::vector<device_state> devices_;
  device_mask idle_;
  std::int64_t tasks_;
  /// Members of groups that came and went, beside what the cluster counts.
  std::vector<std::pair<std::uint32_t, std::int32_t>> groups_;
};

} // namespace skerry
