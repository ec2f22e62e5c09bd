#pragma once

#include "scheduling/fragmentation.hpp"
#include "scheduling/task_class.hpp"

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace skerry {

/// What a weighted score may look at. "Left" is what is free after the task was
/// placed, as a share of the node's capacity. Names and meanings:
/// `placement_feature_table`.
enum class placement_feature : std::uint8_t {
  fgd,
  fragmentation,
  rank,
  no_tasks,
  gpus_untouched,
  cpu_left,
  memory_left,
  gpu_left,
  other_left,
  gpus_left,
  idle_gpus,
  shared_gpus_left,
  cores_per_idle_gpu,
  no_idle_gpu,
  idle_gpus_odd,
  stranded_cpu,
  gpu_beyond_cpu,
  cpu_beyond_gpu,
  gpus,
  cores_per_gpu,
  devices_not_asked,
  pressure,
  pressure_named,
  opens_gpu,
  leaves_none,
  leaves_to_100,
  leaves_to_250,
  leaves_to_400,
  leaves_to_500,
  leaves_to_700,
  leaves_more,
};

inline constexpr std::size_t placement_features = 31;

struct placement_feature_row {
  std::string_view name;
  std::string_view meaning;
};

/// By `placement_feature`.
const std::array<placement_feature_row, placement_features>&
placement_feature_table();

/// Identifies the features: weights for others mean nothing. Changes with any
/// name or meaning, and with the order.
std::uint64_t placement_feature_schema();

using feature_values = std::array<double, placement_features>;

/// Works out the features of placements. All are finite and small: most within
/// [0, 1], none beyond [-4, 4].
///
/// Keeps tables by node and version: for one cluster at a time.
///
/// @source Fragmentation and the score made of it: Weng et al., "Beware of
///         Fragmentation", USENIX ATC 2023.
class feature_extractor {
public:
  /// @param workload A record of tasks like those that will come, for what
  ///                 `fragmentation` and `pressure` expect. May be empty.
  explicit feature_extractor(std::span<const task_shape> workload);

  /// Looks at the layout of the cluster again, if it has changed.
  /// @returns A number that changes with it.
  std::uint64_t look_at(const cluster& on);

  /// Calls `with(values, left_milli)` for each way to place the shape on the
  /// node that makes a difference: one, and for a share of a GPU one for each
  /// amount that may be left on it. `values` is the caller's until `with`
  /// returns.
  /// @pre `look_at(on)` has seen the layout; the shape fits on the node.
  template <class Function>
  void for_each_way(const cluster& on, const compiled_shape& shape,
                    node_index node, Function&& with) {
    feature_values values{};
    const auto before = describe(on, shape, node, values);
    if (!shape.gpu_request) {
      add_fragmentation(before, before.state, values);
      with(values, 0);
      return;
    }
    for (const auto& way : table_.outcomes(on, shape, node, before.state)) {
      auto mine = values;
      add_gpus_after(shape, before, way, mine);
      with(mine, way.left_milli);
    }
  }

  /// Forgets what it knew of a cluster, but not what it worked out of the
  /// states of GPUs: the next one may have other nodes.
  void begin_cluster();

private:
  /// What the features need of a node class, worked out once.
  struct class_facts {
    double per_cpu = 0;       ///< 1 / capacity; 0 without.
    double per_memory = 0;    ///< Likewise.
    double per_gpu_milli = 0; ///< Likewise.
    double gpus = 0;          ///< Of eight.
    double cores_per_gpu = 0;
    double pressure = 0;
    bool has_other = false; ///< Kinds or devices beside CPU, memory and GPUs.
  };
  /// The node before the placement, as the device features need it.
  struct node_before {
    fragmentation_table::state_id state = 0;
    double fragmentation = 0;
    std::int64_t cpu_after = 0;
    const class_facts* facts = nullptr;
    std::int32_t gpu_milli = 0; ///< Free, all GPUs together.
    std::int32_t idle_gpus = 0;
  };
  struct model_demand {
    std::vector<std::string> models;
    double share = 0; ///< Of all GPU milli that the workload asks for.
  };

  node_before describe(const cluster& on, const compiled_shape& shape,
                       node_index node, feature_values& out);
  void add_fragmentation(const node_before& before,
                         fragmentation_table::state_id after,
                         feature_values& out);
  static void add_gpus_left(std::int32_t milli, std::int32_t idle,
                            const node_before& before, feature_values& out);
  void add_gpus_after(const compiled_shape& shape, const node_before& before,
                      const fragmentation_table::outcome& way,
                      feature_values& out);
  static double mean_other_left(const cluster& on, const compiled_shape& shape,
                                node_index node);
  std::unordered_map<std::string, double> pressures(const cluster& on) const;

  fragmentation_table table_;
  std::vector<model_demand> named_demand_;
  std::vector<class_facts> facts_; ///< By node class.
  std::uint64_t layout_seen_ = ~std::uint64_t{0};
  std::uint64_t layouts_ = 0;
  double per_node_ = 0;
};

} // namespace skerry
