#pragma once

#include "scheduling/fragmentation.hpp"
#include "scheduling/scorer.hpp"

#include <utility>
#include <vector>

namespace skerry {

/// FGD's score of a placement by which F falls so much (GPU milli).
score_t fgd_score(double fall_of_f);

/// Fragmentation gradient descent: the node and GPU where the expected
/// fragmentation F falls most or grows least.
///
///     score = floor(100 / (1 + exp(-(F_before - F_after) / 1000)))
///
/// @source Weng et al., "Beware of Fragmentation", USENIX ATC 2023, and the
///         simulator published with it for the sigmoid.
class fgd final : public node_scorer<fgd> {
public:
  /// @param workload What is expected to come, for example
  ///                 `typical_classes` of a recent record.
  explicit fgd(std::vector<typical_class> workload)
      : table_{std::move(workload)} {}

  std::string_view name() const override { return "fgd"; }
  score_t score_fitting(const cluster& on, const compiled_shape& shape,
                        node_index node);

  /// For a share the GPU of the best score, the lowest index on ties.
  device_mask choose_devices(const cluster& on, const compiled_shape& shape,
                             node_index node) override;

private:
  fragmentation_table table_;
};

} // namespace skerry
