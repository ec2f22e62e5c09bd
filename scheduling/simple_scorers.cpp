#include "scheduling/simple_scorers.hpp"

#include <algorithm>
#include <bit>

namespace skerry {
namespace {

constexpr double full_score = 1e9;

} // namespace

std::int64_t device_milli(const cluster& on, const compiled_shape& shape,
                          node_index node) {
  const auto devices = on.devices(node);
  std::int64_t milli = 0;
  for (std::size_t i = 0; i < shape.requests.size(); ++i) {
    const auto& request = shape.requests[i];
    milli += request.share_milli;
    if (request.share_milli > 0)
      continue;
    // Those that `tightest_devices` takes.
    auto idle = on.available(shape, i, node);
    for (auto taken = 0; taken < request.count; ++taken, idle &= idle - 1)
      milli += devices[static_cast<std::size_t>(std::countr_zero(idle))]
                   .free_milli;
  }
  return milli;
}

std::int64_t free_device_milli(const cluster& on, node_index node) {
  std::int64_t milli = 0;
  for (const auto& device : on.devices(node))
    milli += device.free_milli;
  return milli;
}

score_t worst_fit::score_fitting(const cluster& on, const compiled_shape& shape,
                                 node_index node) const {
  const auto& capacity = on.class_of(node).capacity;
  std::int64_t sum = 0;
  std::int64_t counted = 0;
  for (const auto kind : {resource_kind::cpu, resource_kind::memory}) {
    if (capacity[kind] == 0)
      continue;
    // As doubles: 100 x bytes of a large node leaves int64.
    sum += static_cast<std::int64_t>(
        100.0 * static_cast<double>(on.free(node, kind) - shape.demand[kind])
        / static_cast<double>(capacity[kind]));
    ++counted;
  }
  std::int64_t device_capacity = 0;
  for (const auto& device : on.class_of(node).devices)
    device_capacity += device.capacity_milli;
  if (device_capacity > 0) {
    sum += 100 * (free_device_milli(on, node) - device_milli(on, shape, node))
           / device_capacity;
    ++counted;
  }
  return counted == 0 ? 0 : static_cast<score_t>(sum / counted);
}

score_t best_fit_all::score_fitting(const cluster& on,
                                    const compiled_shape& shape,
                                    node_index node) const {
  double left = 0;
  const auto kinds = on.resource_names().size();
  for (std::size_t kind = 0; kind < kinds; ++kind)
    left
        += weights_.per_unit[kind]
           * static_cast<double>(on.free(node, static_cast<resource_kind>(kind))
                                 - shape.demand[kind]);
  if (weights_.per_device_milli > 0)
    left += weights_.per_device_milli
            * static_cast<double>(free_device_milli(on, node)
                                  - device_milli(on, shape, node));
  return static_cast<score_t>(full_score - left);
}

std::uint64_t best_fit_all::basis(const cluster& on) {
  if (layout_seen_ == on.layout_version())
    return basis_;
  layout_seen_ = on.layout_version();
  const auto next = weigh(on);
  if (next != weights_) {
    weights_ = next;
    ++basis_;
  }
  return basis_;
}

best_fit_all::weights best_fit_all::weigh(const cluster& on) {
  std::array<std::int64_t, max_resource_kinds> largest{};
  std::int64_t largest_devices = 0;
  for (const auto& each : on.classes()) {
    if (each.nodes == 0)
      continue;
    for (std::size_t kind = 0; kind < max_resource_kinds; ++kind)
      largest[kind] = std::max(largest[kind], each.capacity[kind]);
    std::int64_t devices = 0;
    for (const auto& device : each.devices)
      devices += device.capacity_milli;
    largest_devices = std::max(largest_devices, devices);
  }
  const auto dimensions
      = std::ranges::count_if(largest, [](auto amount) { return amount > 0; })
        + (largest_devices > 0 ? 1 : 0);
  weights out;
  const auto weight_of = [dimensions](std::int64_t amount) {
    return amount == 0 ? 0
                       : full_score / static_cast<double>(dimensions)
                             / static_cast<double>(amount);
  };
  std::ranges::transform(largest, out.per_unit.begin(), weight_of);
  out.per_device_milli = weight_of(largest_devices);
  return out;
}

} // namespace skerry
