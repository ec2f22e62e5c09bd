#include "scheduling/node_room.hpp"

#include <algorithm>
#include <bit>

namespace skerry {

node_room::node_room(const cluster& on, node_index node)
    : on_{&on}, node_{node}, free_{on.free(node)},
      devices_{on.devices(node).begin(), on.devices(node).end()},
      idle_{on.idle_devices(node)}, tasks_{on.task_count(node)} {}

std::int64_t node_room::members(std::uint32_t group) const {
  const auto known = std::ranges::find(
      groups_, group, &std::pair<std::uint32_t, std::int32_t>::first);
  return on_->group_count(node_, group)
         + (known == groups_.end() ? 0 : std::int64_t{known->second});
}

void node_room::count(std::uint32_t group, std::int32_t by) {
  const auto known = std::ranges::find(
      groups_, group, &std::pair<std::uint32_t, std::int32_t>::first);
  if (known == groups_.end())
    groups_.emplace_back(group, by);
  else
    known->second += by;
}

device_mask node_room::available(const compiled_shape& shape,
                                 std::size_t request) const {
  const auto& wanted = shape.requests[request];
  auto usable = shape.fits[index_of(on_->class_id(node_))].usable[request];
  if (wanted.share_milli == 0)
    return usable & idle_;
  device_mask out = 0;
  for (; usable != 0; usable &= usable - 1) {
    const auto d = static_cast<std::size_t>(std::countr_zero(usable));
    if (has_room(devices_[d], wanted))
      out |= device_mask{1} << d;
  }
  return out;
}

bool node_room::fits(const compiled_shape& shape) const {
  const auto& of = on_->class_of(node_);
  if (shape.fits[index_of(on_->class_id(node_))].never)
    return false;
  for (std::size_t kind = 0; kind < shape.kinds_used; ++kind)
    if (free_[kind] < shape.demand[kind])
      return false;
  if (of.max_tasks > 0 && tasks_ >= std::int64_t{of.max_tasks})
    return false;
  for (std::size_t i = 0; i < shape.requests.size(); ++i)
    if (std::popcount(available(shape, i)) < shape.requests[i].count)
      return false;
  return std::ranges::all_of(shape.affinity,
                             [&](auto group) { return members(group) > 0; })
         && std::ranges::all_of(shape.anti_affinity, [&](auto group) {
              return members(group) == 0;
            });
}

device_mask node_room::choose(const compiled_shape& shape) const {
  device_mask out = 0;
  for (std::size_t i = 0; i < shape.requests.size(); ++i) {
    const auto& wanted = shape.requests[i];
    auto left = available(shape, i);
    if (wanted.share_milli == 0) {
      for (auto n = wanted.count; n > 0; --n, left &= left - 1)
        out |= left & (~left + 1);
      continue;
    }
    auto best = static_cast<std::size_t>(std::countr_zero(left));
    for (; left != 0; left &= left - 1) {
      const auto d = static_cast<std::size_t>(std::countr_zero(left));
      if (devices_[d].free_milli < devices_[best].free_milli)
        best = d;
    }
    out |= device_mask{1} << best;
  }
  return out;
}

void node_room::take(const compiled_shape& shape, device_mask devices) {
  for (std::size_t kind = 0; kind < shape.kinds_used; ++kind)
    free_.set(static_cast<resource_kind>(kind),
              free_[kind] - shape.demand[kind]);
  const auto& usable = shape.fits[index_of(on_->class_id(node_))].usable;
  idle_ &= ~devices;
  for (std::size_t i = 0; i < shape.requests.size(); ++i)
    for (auto left = devices & usable[i]; left != 0; left &= left - 1) {
      auto& device = devices_[static_cast<std::size_t>(std::countr_zero(left))];
      const auto& wanted = shape.requests[i];
      const bool whole = wanted.share_milli == 0;
      device.free_milli -= whole ? device.free_milli : wanted.share_milli;
      device.free_memory_bytes
          -= whole ? device.free_memory_bytes : wanted.memory_bytes;
      device.held_by_whole
          = whole ? static_cast<std::uint8_t>(wanted.count) : std::uint8_t{0};
    }
  for (const auto group : shape.groups)
    count(group, 1);
  ++tasks_;
}

void node_room::give_back(const compiled_shape& shape, device_mask devices) {
  for (std::size_t kind = 0; kind < shape.kinds_used; ++kind)
    free_.set(static_cast<resource_kind>(kind),
              free_[kind] + shape.demand[kind]);
  const auto& specs = on_->class_of(node_).devices;
  for (; devices != 0; devices &= devices - 1) {
    const auto d = static_cast<std::size_t>(std::countr_zero(devices));
    auto& device = devices_[d];
    if (device.held_by_whole > 0) {
      device = {specs[d].memory_bytes, specs[d].capacity_milli, 0};
    } else {
      const auto request = static_cast<std::size_t>(
          std::ranges::find(shape.source.devices, specs[d].kind,
                            &device_request::kind)
          - shape.source.devices.begin());
      device.free_milli += shape.requests[request].share_milli;
      device.free_memory_bytes += shape.requests[request].memory_bytes;
    }
    if (device.free_milli == specs[d].capacity_milli)
      idle_ |= device_mask{1} << d;
  }
  for (const auto group : shape.groups)
    count(group, -1);
  --tasks_;
}

} // namespace skerry
