#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace skerry {

/// What a state is described by when a task is to be placed: the cluster as a
/// whole and the task, never node by node, so that it does not depend on the
/// cluster's size. Names and meanings: `state_feature_table`.
enum class state_feature : std::uint8_t {
  // the cluster
  cpu_allocated,
  memory_allocated,
  gpu_allocated,
  gpus_idle,
  gpus_shared,
  shared_gpus_left,
  nodes_empty,
  nodes_one_idle_gpu,
  nodes_two_idle_gpus,
  nodes_four_idle_gpus,
  nodes_eight_idle_gpus,
  stranded_cpu,
  stranded_gpus,
  cpu_spread,
  nodes,
  gpus,
  cores_per_gpu,
  tasks_running,
  tasks_pending,
  // the task
  task_cpu,
  task_memory,
  task_gpus,
  task_gpu_share,
  task_cpu_only,
  task_sharing,
  task_one_gpu,
  task_several_gpus,
  task_names_models,
  task_expected_run,
  task_wait,
  task_attempts,
  task_priority,
};

inline constexpr std::size_t state_features = 32;

struct state_feature_row {
  std::string_view name;
  std::string_view meaning;
};

/// By `state_feature`.
const std::array<state_feature_row, state_features>& state_feature_table();

/// All finite and small: most within [0, 1], none beyond [-4, 4].
using state_values = std::array<float, state_features>;

} // namespace skerry
