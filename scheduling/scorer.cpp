#include "scheduling/scorer.hpp"

namespace skerry {
namespace {

device_mask lowest(device_mask devices, std::int32_t count) {
  device_mask out = 0;
  for (; count > 0; --count, devices &= devices - 1)
    out |= devices & -devices;
  return out;
}

device_mask tightest(std::span<const device_state> states,
                     device_mask devices) {
  auto best = static_cast<std::size_t>(std::countr_zero(devices));
  for (devices &= devices - 1; devices != 0; devices &= devices - 1) {
    const auto d = static_cast<std::size_t>(std::countr_zero(devices));
    if (states[d].free_milli < states[best].free_milli)
      best = d;
  }
  return device_mask{1} << best;
}

} // namespace

device_mask scorer::choose_devices(const cluster& on,
                                   const compiled_shape& shape,
                                   node_index node) {
  return tightest_devices(on, shape, node);
}

device_mask tightest_devices(const cluster& on, const compiled_shape& shape,
                             node_index node) {
  device_mask out = 0;
  for (std::size_t i = 0; i < shape.requests.size(); ++i) {
    const auto& request = shape.requests[i];
    const auto devices = on.available(shape, i, node);
    out |= request.share_milli > 0 ? tightest(on.devices(node), devices)
                                   : lowest(devices, request.count);
  }
  return out;
}

} // namespace skerry
