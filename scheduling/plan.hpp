#pragma once

#include "scheduling/resources.hpp"
#include "scheduling/task.hpp"

#include <cstdint>
#include <variant>
#include <vector>

namespace skerry {

// Items of a plan. Each names the attempt that the planner saw: a task that has
// moved on since is not touched.

struct plan_place {
  task_ref task;
  std::uint32_t attempt = 0;
  node_index node{};
  device_mask devices = 0; ///< Of all requests together.
};

struct plan_move {
  task_ref task;
  std::uint32_t attempt = 0;
  node_index node{}; ///< May be where the task is, with other devices.
  device_mask devices = 0;
};

struct plan_resize {
  task_ref task;
  std::uint32_t attempt = 0;
  resources demand; ///< Built-in kinds.
};

struct plan_evict {
  task_ref task;
  std::uint32_t attempt = 0;
};

using plan_item = std::variant<plan_place, plan_move, plan_resize, plan_evict>;

/// Proposed changes, computed on a snapshot.
struct plan {
  std::uint64_t epoch = 0;   ///< Of the ledger it was computed for.
  std::uint64_t version = 0; ///< `cluster::version()` of the snapshot.
  /// In the order in which they take effect, so that a task can be evicted for
  /// one that is placed after it. At most one for each task.
  std::vector<plan_item> items = {};
};

struct plan_outcome {
  std::uint32_t accepted = 0;
  std::uint32_t refused = 0;
};

} // namespace skerry
