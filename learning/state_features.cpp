#include "learning/state_features.hpp"

namespace skerry {

const std::array<state_feature_row, state_features>& state_feature_table() {
  static constexpr std::array<state_feature_row, state_features> table{{
      {"cpu-allocated", "CPU in use, of all"},
      {"memory-allocated", "memory in use, of all"},
      {"gpu-allocated", "GPU milli in use, of all"},
      {"gpus-idle", "GPUs that nothing uses, of all"},
      {"gpus-shared", "GPUs that are partly used, of all"},
      {"shared-gpus-left", "milli left on partly used GPUs, of all GPUs"},
      {"nodes-empty", "nodes without a task, of all"},
      {"nodes-one-idle-gpu", "nodes with 1 or more idle GPUs, of all"},
      {"nodes-two-idle-gpus", "nodes with 2 or more, of all"},
      {"nodes-four-idle-gpus", "nodes with 4 or more, of all"},
      {"nodes-eight-idle-gpus", "nodes with 8 or more, of all"},
      {"stranded-cpu", "CPU left on nodes that have GPUs, none of them idle"},
      {"stranded-gpus", "idle GPUs on nodes with less than a core for each"},
      {"cpu-spread", "standard deviation over nodes of the CPU share left"},
      {"nodes", "log2(1 + nodes), of 16"},
      {"gpus", "log2(1 + GPUs), of 16"},
      {"cores-per-gpu", "cores for each GPU, of 32, at most 4"},
      {"tasks-running", "log2(1 + placed and running tasks), of 20"},
      {"tasks-pending", "log2(1 + pending tasks), of 20"},
      {"task-cpu", "cores asked, of 32, at most 4"},
      {"task-memory", "memory asked, of 128 GiB, at most 4"},
      {"task-gpus", "GPUs asked, of eight, shares in part"},
      {"task-gpu-share", "the share of one GPU, 0 for whole ones"},
      {"task-cpu-only", "the task asks for no GPU"},
      {"task-sharing", "it asks for a share of one"},
      {"task-one-gpu", "it asks for one"},
      {"task-several-gpus", "it asks for several"},
      {"task-names-models", "it names the models that it accepts"},
      {"task-expected-run", "log2(1 + median expected run time in s), of 20"},
      {"task-wait", "log2(1 + wait so far in s), of 20"},
      {"task-attempts", "attempts before this one / (this one + them)"},
      {"task-priority", "priority / (100 + |priority|)"},
  }};
  return table;
}

} // namespace skerry
