#pragma once

#include "scheduling/cluster.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace skerry {

/// A task as fragmentation sees it, and how often it is expected.
struct typical_class {
  std::int64_t cpu_millicores = 0;
  std::int32_t gpus = 0;
  std::int32_t gpu_milli = 0;           ///< On each GPU; 1000 when taken whole.
  std::vector<std::string> models = {}; ///< Allowed; empty for any.
  std::int64_t count = 0;

  friend bool operator==(const typical_class&, const typical_class&) = default;
};

/// The classes of a workload in falling order of count (the larger tuple first
/// among equals) until 95 % of its tasks are covered.
/// @source Weng et al., USENIX ATC 2023, section 4.1, "typical pods".
std::vector<typical_class> typical_classes(std::span<const task_shape> tasks);

/// GPU milli on a node that are expected to be of no use: for each typical
/// class the milli it could not use there, times its count.
///
///     F(node) = sum over classes p of count_p x frag_p(node)
///     frag_p  = all free GPU milli, if p asks for no GPU or cannot run there
///             = the milli on GPUs with less left than p asks of one, otherwise
///
/// F is an integer, so that differences and their ties are exact; divided by
/// the sum of counts it is the F of the paper.
///
/// Only the free milli of the GPUs, their models and the free CPU count. All
/// states of the GPUs that were seen are numbered, and for each F is a table
/// over the free CPU, a step function that changes at the classes' demands.
/// What becomes of a state when a task takes GPUs is remembered with it, so in
/// the steady state F after a placement is two look-ups.
///
/// @source Weng et al., USENIX ATC 2023, section 3.
class fragmentation_table {
public:
  using state_id = std::uint32_t;

  explicit fragmentation_table(std::vector<typical_class> classes);

  /// Sum of all counts.
  std::int64_t total_count() const { return total_count_; }

  /// The state of a node's GPUs now, remembered until the node changes.
  state_id state_of(const cluster& on, node_index node);

  /// F in a state, with CPU left.
  /// @cost O(log classes).
  std::int64_t value(state_id state, std::int64_t free_cpu) const {
    return values_[state * levels_ + level_of(free_cpu)];
  }

  /// Every state the request for GPUs of `shape` can lead to on a node whose
  /// state is `from`: one for each way to share that makes a difference, one
  /// for whole GPUs. Valid until the next call.
  /// @pre The shape asks for GPUs and fits there.
  /// @cost O(outcomes) when asked before for the state, and O(devices x
  /// classes)
  ///       the first time.
  std::span<const state_id> outcomes(const cluster& on,
                                     const compiled_shape& shape,
                                     node_index node, state_id from);

  /// The state a share on one GPU leads to.
  /// @param gpu One bit, of a GPU on which the share fits.
  state_id after_share(const cluster& on, const compiled_shape& shape,
                       node_index node, device_mask gpu);

  /// States known; they are forgotten together when there are too many.
  std::size_t size() const { return states_.size(); }

private:
  struct request_outcomes {
    std::int32_t share_milli;
    std::int32_t count;
    std::vector<state_id> after;
  };
  struct gpu_state {
    std::vector<std::int32_t> free_milli; ///< Of GPUs; sorted where alike.
    std::size_t models = 0;               ///< Index into `model_sets_`.
    std::vector<request_outcomes> known;
  };
  /// The GPUs of a node: which typical classes may use which of them.
  struct model_set {
    std::vector<std::pair<std::string, std::int32_t>> gpus; ///< And capacity.
    bool alike = true;                ///< Then their order is no matter.
    std::vector<device_mask> allowed; ///< By class, over positions in `gpus`.
  };
  struct key_hash {
    std::size_t operator()(const std::vector<std::int32_t>& key) const;
  };
  struct remembered_state {
    std::uint64_t version = 0; ///< Of the node.
    state_id state = 0;
  };
  struct remembered_set {
    std::uint64_t serial = 0; ///< Of the node class.
    std::size_t set = 0;
  };

  std::size_t level_of(std::int64_t free_cpu) const;
  std::size_t models_of(const cluster& on, node_index node);
  state_id intern(std::size_t models, std::vector<std::int32_t> free_milli);
  void tabulate(const gpu_state& state);
  static std::vector<std::int32_t> free_gpus(const cluster& on,
                                             node_index node);
  std::vector<state_id> work_out(const cluster& on, const compiled_shape& shape,
                                 node_index node, state_id from);
  void forget();

  std::vector<typical_class> classes_;   ///< Rising CPU.
  std::vector<std::int64_t> cpu_levels_; ///< Distinct demands, rising.
  std::size_t levels_ = 1;               ///< `cpu_levels_.size() + 1`.
  std::int64_t total_count_ = 0;
  std::vector<gpu_state> states_;
  std::vector<std::int64_t> values_; ///< `[state][levels_]`
  std::unordered_map<std::vector<std::int32_t>, state_id, key_hash> ids_;
  std::vector<model_set> model_sets_;
  std::vector<remembered_set> sets_of_classes_; ///< By node class.
  std::vector<remembered_state> nodes_;         ///< By node.
  std::vector<state_id> scratch_;
};

} // namespace skerry
