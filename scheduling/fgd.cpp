#include "scheduling/fgd.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace skerry {

score_t fgd_score(double fall_of_f) {
  return static_cast<score_t>(100.0 / (1.0 + std::exp(-fall_of_f / 1000.0)));
}

score_t fgd::score_fitting(const cluster& on, const compiled_shape& shape,
                           node_index node) {
  const auto state = table_.state_of(on, node);
  const auto cpu = on.free(node, resource_kind::cpu);
  const auto cpu_after = cpu - shape.demand[resource_kind::cpu];
  const auto before = table_.value(state, cpu);
  if (!shape.gpu_request)
    return fgd_score(before - table_.value(state, cpu_after));
  auto least = std::numeric_limits<double>::infinity();
  for (const auto& way : table_.outcomes(on, shape, node, state))
    least = std::min(least, table_.value(way.state, cpu_after));
  return fgd_score(before - least);
}

device_mask fgd::choose_devices(const cluster& on, const compiled_shape& shape,
                                node_index node) {
  auto out = tightest_devices(on, shape, node);
  if (!shape.gpu_request)
    return out;
  const auto index = *shape.gpu_request;
  if (shape.requests[index].share_milli == 0)
    return out;
  const auto state = table_.state_of(on, node);
  const auto cpu = on.free(node, resource_kind::cpu);
  const auto cpu_after = cpu - shape.demand[resource_kind::cpu];
  const auto before = table_.value(state, cpu);
  device_mask best = 0;
  auto best_score = infeasible_score;
  for (auto left = on.available(shape, index, node); left != 0;
       left &= left - 1) {
    const auto gpu = left & -left;
    const auto after = table_.after_share(on, shape, node, gpu);
    const auto score = fgd_score(before - table_.value(after, cpu_after));
    if (score > best_score) {
      best_score = score;
      best = gpu;
    }
  }
  return (out & ~on.class_of(node).gpus) | best;
}

} // namespace skerry
