#pragma once

#include "scheduling/cluster.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace skerry {

/// The least that a task would have to ask less to fit somewhere now.
struct smallest_change {
  std::string resource;  ///< cpu, memory, gpu, ...
  std::int64_t less = 0; ///< Of it: millicores, bytes, whole devices, ...
  node_index node{};     ///< Where it would fit then.
  std::string text;      ///< "2 cores less cpu, on node n3"

  friend bool operator==(const smallest_change&, const smallest_change&)
      = default;
};

/// Of changes of one amount alone, the one that takes the smallest part of what
/// is asked; of equal ones that on the node of the smallest index. Devices are
/// counted whole. Shares of one, and what the task asks of other tasks, are
/// left as they are; nodes that are too small even when empty are not looked
/// at.
/// @returns Nothing where no such change helps, or none is needed.
/// @cost    O(nodes x (kinds + devices)).
std::optional<smallest_change>
find_smallest_change(const cluster& nodes, const compiled_shape& shape);

} // namespace skerry
