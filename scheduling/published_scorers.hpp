#pragma once

#include "scheduling/scorer.hpp"

namespace skerry {

/// The baselines of the FGD paper, in integers of 0 to 100 as its simulator has
/// them. They look at CPU and GPUs only.
///
/// In all of them `c` is the CPU asked for in millicores and `g` the GPU milli
/// over all devices; `C` and `G` are what the node has free. 128 000 and 8 000
/// are the largest node of the published cluster and part of the definition.
///
/// @source Weng et al., "Beware of Fragmentation: Scheduling GPU-Sharing
///         Workloads with Fragmentation Gradient Descent", USENIX ATC 2023, and
///         the simulator published with it.

/// `100 (1 - [0.5 (C-c)/128000 + 0.5 (G-g)/8000])`
class best_fit final : public node_scorer<best_fit> {
public:
  std::string_view name() const override { return "best-fit"; }
  score_t score_fitting(const cluster& on, const compiled_shape& shape,
                        node_index node) const;
};

/// `100 (1 - (C c/128000^2 + G g/8000^2)/2)`
class dot_product final : public node_scorer<dot_product> {
public:
  std::string_view name() const override { return "dot-product"; }
  score_t score_fitting(const cluster& on, const compiled_shape& shape,
                        node_index node) const;
};

/// Fills GPUs that are in use first, then nodes that are in use, and keeps
/// nodes with all GPUs idle for last; those with few GPUs before those with
/// many.
class gpu_packing final : public node_scorer<gpu_packing> {
public:
  std::string_view name() const override { return "gpu-packing"; }
  score_t score_fitting(const cluster& on, const compiled_shape& shape,
                        node_index node) const;
};

/// Puts tasks beside tasks of their kind: sharing ones together, and those that
/// take n GPUs together, for each n.
class gpu_clustering final : public node_scorer<gpu_clustering> {
public:
  std::string_view name() const override { return "gpu-clustering"; }
  score_t score_fitting(const cluster& on, const compiled_shape& shape,
                        node_index node) const;
};

/// GPU milli that a shape asks for, all devices together.
std::int64_t gpu_milli(const compiled_shape& shape);

} // namespace skerry
