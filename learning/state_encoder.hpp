#pragma once

#include "learning/state_features.hpp"
#include "scheduling/cluster.hpp"

#include <cstdint>
#include <vector>

namespace skerry {

/// What the cluster does not say about a decision.
struct task_facts {
  double wait_seconds = 0;         ///< So far.
  double expected_run_seconds = 0; ///< Median; 0 if nobody said so.
  std::uint32_t attempt = 1;       ///< The first is 1.
  std::int32_t priority = 0;
  std::uint64_t tasks_running = 0; ///< In the cell, placed ones too.
  std::uint64_t tasks_pending = 0; ///< As far as the cell knows.
};

/// Describes states as `state_feature` says.
///
/// Keeps what each node contributes, as whole numbers, and follows the
/// cluster's log of changes: the sums are those of a scan, exactly.
///
/// @cost For each `follow` O(nodes that have changed); O(nodes) at first, and
///       when the layout has changed or the log is too short.
class state_encoder {
public:
  /// @param on Always the same; outlives the encoder.
  explicit state_encoder(const cluster& on) : on_{&on} {}

  /// Takes in what has changed.
  void follow();

  /// @pre `follow` has seen the last change.
  state_values encode(const compiled_shape& shape,
                      const task_facts& task) const;

  /// Of the capacity, with `more` placed: GPU milli, or CPU in a cluster
  /// without GPUs.
  double allocated_share(const compiled_shape& more) const;

private:
  /// Of one node, or of all.
  struct contribution {
    std::int64_t nodes = 0;
    std::int64_t free_cpu = 0;
    std::int64_t free_memory = 0;
    std::int64_t gpus = 0;
    std::int64_t gpu_milli = 0; ///< Capacity.
    std::int64_t free_gpu_milli = 0;
    std::int64_t idle_gpus = 0;
    std::int64_t shared_gpus = 0;
    std::int64_t shared_milli = 0; ///< Left on them.
    std::int64_t empty = 0;
    std::int64_t with_one_idle = 0;
    std::int64_t with_two_idle = 0;
    std::int64_t with_four_idle = 0;
    std::int64_t with_eight_idle = 0;
    std::int64_t stranded_cpu = 0;
    std::int64_t stranded_gpus = 0;
    std::int64_t cpu_left = 0;        ///< Of the node's, in 2^-16.
    std::int64_t cpu_left_square = 0; ///< In 2^-32.

    void add(const contribution& other, std::int64_t sign);
  };

  void describe_cluster(state_values& out) const;
  static void describe_task(const compiled_shape& shape, const task_facts& task,
                            state_values& out);
  contribution of(node_index node) const;
  void scan();

  const cluster* on_;
  std::vector<contribution> nodes_;
  contribution all_;
  std::uint64_t seen_ = 0;
  std::uint64_t layout_ = ~std::uint64_t{0};
};

} // namespace skerry
