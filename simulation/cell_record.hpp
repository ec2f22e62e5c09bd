#pragma once

#include "scheduling/specs.hpp"
#include "simulation/queueing_meter.hpp"

#include <cstdint>
#include <vector>

namespace skerry {

/// A task that came to a cell.
struct recorded_task {
  task_shape shape;
  std::int64_t arrival_milliseconds = 0; ///< Since any fixed time.
  std::int64_t run_milliseconds = 0;     ///< Until it ended, or so far.
  bool ended = false;
  bool waits = false; ///< There has been no room for it yet.
};

/// What a cell has been like of late.
struct cell_record {
  std::vector<node_spec> nodes;
  std::vector<recorded_task> tasks; ///< In order of arrival.
  double part = 1;                  ///< Of the cell's nodes that `nodes` are.
  metered_amounts in_use{};         ///< Of `nodes`, when the record was taken.
};

} // namespace skerry
