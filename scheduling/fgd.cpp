#include "scheduling/fgd.hpp"

#include <algorithm>
#include <cmath>

namespace skerry {

fgd::fgd(std::vector<typical_class> workload) : table_{std::move(workload)} {
  // 100 / (1 + exp(-d/1000)) >= k  <=>  d >= 1000 ln(k / (100 - k)).
  for (std::size_t k = 1; k <= thresholds_.size(); ++k) {
    const auto odds = static_cast<double>(k) / (100.0 - static_cast<double>(k));
    thresholds_[k - 1] = static_cast<std::int64_t>(std::ceil(
        1000.0 * std::log(odds) * static_cast<double>(table_.total_count())));
  }
}

score_t fgd::squash(std::int64_t fall_of_f) const {
  return static_cast<score_t>(std::ranges::upper_bound(thresholds_, fall_of_f)
                              - thresholds_.begin());
}

score_t fgd::score_fitting(const cluster& on, const compiled_shape& shape,
                           node_index node) {
  const auto state = table_.state_of(on, node);
  const auto cpu = on.free(node, resource_kind::cpu);
  const auto cpu_after = cpu - shape.demand[resource_kind::cpu];
  const auto before = table_.value(state, cpu);
  if (shape.gpu_request < 0)
    return squash(before - table_.value(state, cpu_after));
  auto least = std::numeric_limits<std::int64_t>::max();
  for (const auto after : table_.outcomes(on, shape, node, state))
    least = std::min(least, table_.value(after, cpu_after));
  return squash(before - least);
}

device_mask fgd::choose_devices(const cluster& on, const compiled_shape& shape,
                                node_index node) {
  auto out = tightest_devices(on, shape, node);
  if (shape.gpu_request < 0)
    return out;
  const auto index = static_cast<std::size_t>(shape.gpu_request);
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
    const auto score = squash(before - table_.value(after, cpu_after));
    if (score > best_score) {
      best_score = score;
      best = gpu;
    }
  }
  return (out & ~on.class_of(node).gpus) | best;
}

} // namespace skerry
