#pragma once

#include "scheduling/placement_features.hpp"
#include "scheduling/scorer.hpp"

#include <array>
#include <span>
#include <string>
#include <vector>

namespace skerry {

/// What each feature of a placement is worth to a task of each class.
struct placement_weights {
  /// `[task class][feature]`, each within +-`max_placement_weight`.
  std::array<feature_values, task_classes> of{};

  friend bool operator==(const placement_weights&, const placement_weights&)
      = default;
};

/// With all weights at it, a score still fits.
inline constexpr double max_placement_weight = 10;

/// @returns `invalid_argument` naming the first weight that is not finite or
///          too large.
result<> validate(const placement_weights& weights);

/// The weights with which a weighted score decides as `fgd` does.
placement_weights fgd_weights();
/// Likewise for `first-fit`.
placement_weights first_fit_weights();

/// The sum of features, each times its weight for the task's class, to six
/// decimals; of several GPUs that a share may go to, the best.
///
///     score = round(10^6 max over ways w of  sum_f weight[class][f] x f(w))
///
/// It is read from a file that evolution has written, and can be explained term
/// by term. With the weight of `fgd` alone it is FGD, with that of `rank` alone
/// first-fit.
class weighted_scorer final : public node_scorer<weighted_scorer> {
public:
  /// @pre `validate(weights)`.
  weighted_scorer(std::string name, const placement_weights& weights,
                  std::span<const task_shape> workload);

  std::string_view name() const override { return name_; }
  std::uint64_t basis(const cluster& on) override {
    return features_.look_at(on);
  }
  score_t score_fitting(const cluster& on, const compiled_shape& shape,
                        node_index node);
  device_mask choose_devices(const cluster& on, const compiled_shape& shape,
                             node_index node) override;

  /// Other weights for the next decisions, on another cluster: spares what was
  /// worked out about states of GPUs.
  /// @pre `validate(weights)`.
  void begin_cluster(const placement_weights& weights);

private:
  struct best_way {
    score_t score = infeasible_score;
    std::int32_t left_milli = 0; ///< On the GPU that is shared.
  };

  best_way best_of(const cluster& on, const compiled_shape& shape,
                   node_index node);

  std::string name_;
  placement_weights weights_;
  feature_extractor features_;
};

} // namespace skerry
