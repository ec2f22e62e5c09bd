#pragma once

#include "scheduling/scorer.hpp"

#include <vector>

namespace skerry {

/// All nodes are equal, so the smallest index wins.
class first_fit final : public node_scorer<first_fit> {
public:
  std::string_view name() const override { return "first-fit"; }
  score_t score_fitting(const cluster&, const compiled_shape&,
                        node_index) const {
    return 0;
  }
};

/// The node with the largest share of its capacity left: the mean over CPU,
/// memory and, where the node has them, GPUs, after placing.
/// @source Kubernetes, NodeResourcesFit with LeastAllocated.
class worst_fit final : public node_scorer<worst_fit> {
public:
  std::string_view name() const override { return "worst-fit"; }
  score_t score_fitting(const cluster& on, const compiled_shape& shape,
                        node_index node) const;
};

/// The node with the least left after placing, over every divisible resource of
/// the cluster and its devices, each measured against the largest node. Where
/// `best-fit` is the published one for CPU and GPU, this one is for mixed
/// clusters: memory, disk, network, FPGAs. Scores have nine digits, so that
/// nearly all differences count.
class best_fit_all final : public node_scorer<best_fit_all> {
public:
  std::string_view name() const override { return "best-fit-all"; }
  score_t score_fitting(const cluster& on, const compiled_shape& shape,
                        node_index node) const;
  /// Changes when the largest node does.
  std::uint64_t basis(const cluster& on) override;

private:
  /// Score points for each unit left of a kind, and for each device milli.
  struct weights {
    std::array<double, max_resource_kinds> per_unit{};
    double per_device_milli = 0;

    friend bool operator==(const weights&, const weights&) = default;
  };

  static weights weigh(const cluster& on);

  weights weights_;
  std::uint64_t layout_seen_ = 0;
  std::uint64_t basis_ = 0;
};

/// Milli that the shape would take from devices of a node, where whole devices
/// count as large as they are.
/// @pre The shape fits on `node` now.
std::int64_t device_milli(const cluster& on, const compiled_shape& shape,
                          node_index node);

/// Milli left on all devices of a node.
std::int64_t free_device_milli(const cluster& on, node_index node);

} // namespace skerry
