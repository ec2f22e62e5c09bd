#pragma once

#include "scheduling/cluster.hpp"
#include "scheduling/plan.hpp"
#include "scheduling/specs.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace skerry {

/// What the ledger can be told. Nodes and tasks go by name and id, so that a
/// journal of commands can be read, and replayed into an empty ledger.

/// Adds a node, or renews a live one: its tasks and condition stay.
struct register_node {
  node_spec node;
  std::uint64_t session = 0; ///< Higher than any before of this name.
};

struct update_node {
  node_spec node;
};

/// Cordon, drain or uncordon.
struct set_node_condition {
  std::string node;
  node_condition condition = node_condition::ready; ///< Not `gone`.
};

/// Removes a node; its tasks are lost.
struct lose_node {
  std::string node;
  /// The session that ended; a node that came back since is not lost.
  std::optional<std::uint64_t> session = {};
};

struct task_submission {
  std::string id;
  task_profile profile;
};

/// All tasks are accepted or none.
struct submit_tasks {
  std::vector<task_submission> tasks = {};
  bool gang = false; ///< They start all or none.
};

struct commit_plan {
  plan proposal;
};

struct start_task {
  std::string task;
  report_stamp report;
};

struct finish_task {
  std::string task;
  report_stamp report;
};

struct fail_task {
  std::string task;
  report_stamp report;
};

struct resize_task {
  std::string task;
  resources demand; ///< Built-in kinds, within the profile's bounds.
};

struct move_task {
  std::string task;
  std::string node;
  device_mask devices = 0;
};

struct evict_task {
  std::string task;
};

struct cancel_task {
  std::string task;
};

using command
    = std::variant<register_node, update_node, set_node_condition, lose_node,
                   submit_tasks, commit_plan, start_task, finish_task,
                   fail_task, resize_task, move_task, evict_task, cancel_task>;

} // namespace skerry
