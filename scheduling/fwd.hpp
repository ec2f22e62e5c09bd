#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

namespace skerry {

class cluster;
class ledger;
class scorer;
class placement_index;
struct error;
struct node_spec;
struct task_shape;
struct task_profile;

/// Position of a node in its cluster. The smaller index wins among nodes of
/// equal score, so the order of registration is the tie rule.
enum class node_index : std::uint32_t {};

/// Handle of an interned `task_shape`.
enum class shape_id : std::uint32_t {};

/// Handle of an interned set of capacity, devices and labels: nodes of the same
/// hardware share one.
enum class node_class_id : std::uint32_t {};

/// Bit d stands for device d of a node.
using device_mask = std::uint64_t;

/// Higher is better. Scorers with fractions choose a fixed-point resolution,
/// so that "best" and "tie" are exact.
using score_t = std::int32_t;
inline constexpr score_t infeasible_score = std::numeric_limits<score_t>::min();

constexpr std::size_t index_of(node_index node) {
  return static_cast<std::size_t>(node);
}
constexpr std::size_t index_of(shape_id shape) {
  return static_cast<std::size_t>(shape);
}
constexpr std::size_t index_of(node_class_id node_class) {
  return static_cast<std::size_t>(node_class);
}

} // namespace skerry
