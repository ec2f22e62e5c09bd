#pragma once

#include "evolution/placement_plan.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace skerry {

/// A batch of tasks and the cluster that it is planned on: nodes of 64 cores,
/// each with up to seven tasks on it, and 16 shapes of up to a quarter of a
/// node in CPU, memory, disk and network.
struct plan_batch {
  plan_batch(std::size_t node_count, std::size_t task_count,
             std::uint64_t seed);

  cluster nodes;
  std::vector<plan_task> tasks;
};

} // namespace skerry
