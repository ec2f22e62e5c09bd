#pragma once

#include "scheduling/cluster.hpp"
#include "scheduling/result.hpp"
#include "scheduling/task.hpp"

#include <cstdint>
#include <variant>

namespace skerry {

/// What the ledger has done. Tasks go by handle; `ledger::id` names them, also
/// when they have left, until the next submission.

struct node_registered {
  node_index node{};
  std::uint64_t session = 0;
  bool renewed = false; ///< It was live before; its tasks stayed.
};

struct node_updated {
  node_index node{};
};

struct node_condition_set {
  node_index node{};
  node_condition condition{};
};

/// Its tasks were lost before, each with an event.
struct node_lost {
  node_index node{};
};

struct task_submitted {
  task_ref task;
  gang_id gang = no_gang;
};

struct task_placed {
  task_ref task;
  std::uint32_t attempt = 0;
  node_index node{};
  device_mask devices = 0;
};

struct task_started {
  task_ref task;
  std::uint32_t attempt = 0;
};

struct task_resized {
  task_ref task;
  shape_id shape{}; ///< The new one.
};

struct task_moved {
  task_ref task;
  std::uint32_t attempt = 0; ///< The new one.
  node_index from{};
  node_index to{};
  device_mask devices = 0;
};

struct task_finished {
  task_ref task;
  std::uint32_t attempt = 0;
};

struct task_failed {
  task_ref task;
  std::uint32_t attempt = 0;
};

struct task_lost {
  task_ref task;
  std::uint32_t attempt = 0;
  node_index node{};
};

struct task_evicted {
  task_ref task;
  std::uint32_t attempt = 0;
  node_index node{};
};

/// Follows `task_failed`, `task_lost` or `task_evicted`: pending again.
struct task_requeued {
  task_ref task;
  std::uint32_t attempt = 0; ///< The new one.
};

/// Follows `task_failed` or `task_lost`: no attempts are left, the task is
/// gone.
struct task_given_up {
  task_ref task;
  std::uint32_t failures = 0;
};

struct task_cancelled {
  task_ref task;
};

struct plan_item_refused {
  std::uint32_t item = 0; ///< Index in the plan.
  error why;
};

using event = std::variant<node_registered, node_updated, node_condition_set,
                           node_lost, task_submitted, task_placed, task_started,
                           task_resized, task_moved, task_finished, task_failed,
                           task_lost, task_evicted, task_requeued,
                           task_given_up, task_cancelled, plan_item_refused>;

} // namespace skerry
