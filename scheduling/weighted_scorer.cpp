#include "scheduling/weighted_scorer.hpp"

#include <fmt/format.h>

#include <cmath>
#include <utility>

namespace skerry {
namespace {

/// Decimals of a score; 31 features of 4 at most, at the largest weight, make
/// 1240 of 2147.
constexpr double per_unit = 1e6;

placement_weights all_at(placement_feature feature, double weight) {
  placement_weights out;
  for (auto& weights : out.of)
    weights[static_cast<std::size_t>(feature)] = weight;
  return out;
}

} // namespace

result<> validate(const placement_weights& weights) {
  for (std::size_t c = 0; c < task_classes; ++c)
    for (std::size_t f = 0; f < placement_features; ++f)
      if (const auto weight = weights.of[c][f];
          !(std::abs(weight) <= max_placement_weight))
        return {
            error_code::invalid_argument,
            fmt::format("weight of {} for {} tasks: {}, must be within +-{}",
                        placement_feature_table()[f].name, task_class_names[c],
                        weight, max_placement_weight)};
  return done{};
}

placement_weights fgd_weights() {
  return all_at(placement_feature::fgd, 1);
}

placement_weights first_fit_weights() {
  return all_at(placement_feature::rank, -1);
}

weighted_scorer::weighted_scorer(std::string name,
                                 const placement_weights& weights,
                                 std::span<const task_shape> workload)
    : name_{std::move(name)}, weights_{weights}, features_{workload} {}

weighted_scorer::best_way weighted_scorer::best_of(const cluster& on,
                                                   const compiled_shape& shape,
                                                   node_index node) {
  const auto& weights = weights_.of[index_of(class_of(shape))];
  best_way best;
  features_.for_each_way(
      on, shape, node,
      [&](const feature_values& values, std::int32_t left_milli) {
        double sum = 0;
        for (std::size_t f = 0; f < placement_features; ++f)
          sum += weights[f] * values[f];
        const auto score = static_cast<score_t>(std::lrint(sum * per_unit));
        // The tightest among equals, as whoever shares GPUs does.
        if (score > best.score
            || (score == best.score && left_milli < best.left_milli))
          best = {score, left_milli};
      });
  return best;
}

score_t weighted_scorer::score_fitting(const cluster& on,
                                       const compiled_shape& shape,
                                       node_index node) {
  return best_of(on, shape, node).score;
}

device_mask weighted_scorer::choose_devices(const cluster& on,
                                            const compiled_shape& shape,
                                            node_index node) {
  auto out = tightest_devices(on, shape, node);
  if (class_of(shape) != task_class::sharing)
    return out;
  const auto left_milli = best_of(on, shape, node).left_milli;
  const auto& request = shape.requests[*shape.gpu_request];
  auto gpus = on.available(shape, *shape.gpu_request, node);
  const auto devices = on.devices(node);
  while (devices[static_cast<std::size_t>(std::countr_zero(gpus))].free_milli
         != left_milli + request.share_milli)
    gpus &= gpus - 1;
  return (out & ~on.class_of(node).gpus) | (gpus & -gpus);
}

void weighted_scorer::begin_cluster(const placement_weights& weights) {
  weights_ = weights;
  features_.begin_cluster();
}

} // namespace skerry
