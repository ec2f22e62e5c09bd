#include "scheduling/cluster.hpp"

#include <fmt/format.h>

#include <algorithm>

// What tasks take from nodes and give back.

namespace skerry {
namespace {

std::uint64_t group_key(node_index node, std::uint32_t group) {
  return (static_cast<std::uint64_t>(index_of(node)) << 32) | group;
}

} // namespace

// -- filters ------------------------------------------------------------------

std::uint32_t cluster::group_count(node_index node, std::uint32_t group) const {
  const auto found = group_counts_.find(group_key(node, group));
  return found == group_counts_.end() ? 0 : found->second;
}

refusal cluster::why_not_groups(const compiled_shape& shape,
                                node_index node) const {
  for (std::size_t i = 0; i < shape.affinity.size(); ++i)
    if (group_count(node, shape.affinity[i]) == 0)
      return {refusal_reason::affinity, static_cast<std::uint8_t>(i)};
  for (std::size_t i = 0; i < shape.anti_affinity.size(); ++i)
    if (group_count(node, shape.anti_affinity[i]) > 0)
      return {refusal_reason::anti_affinity, static_cast<std::uint8_t>(i)};
  return {};
}

// -- changes ------------------------------------------------------------------

result<> cluster::take(node_index node, shape_id id, device_mask devices) {
  const auto& shape = this->shape(id);
  if (const auto refused = why_not(shape, node))
    return {error_code::insufficient,
            fmt::format("node {}: {}", name(node), to_string(refused.reason))};
  if (auto ok = choose(shape, node, devices); !ok)
    return ok;
  auto& state = nodes_[index_of(node)];
  auto* row = free_.data() + index_of(node) * stride_;
  for (std::size_t kind = 0; kind < shape.kinds_used; ++kind)
    row[kind] -= shape.demand[kind];
  const auto& usable = shape.fits[index_of(state.class_id)].usable;
  for (std::size_t i = 0; i < shape.requests.size(); ++i)
    take_devices(state, shape.requests[i], devices & usable[i]);
  for (const auto group : shape.groups)
    ++group_counts_[group_key(node, group)];
  ++state.task_count;
  changed(node);
  return done{};
}

/// Whether `devices` are what all requests together may take.
result<> cluster::choose(const compiled_shape& shape, node_index node,
                         device_mask devices) const {
  device_mask wanted = 0;
  for (std::size_t i = 0; i < shape.requests.size(); ++i) {
    const auto chosen = devices & available(shape, i, node);
    if (std::popcount(chosen) != shape.requests[i].count)
      return {error_code::insufficient,
              fmt::format("node {}: devices {:#x} are not what request {} may "
                          "have",
                          name(node), devices, i)};
    wanted |= chosen;
  }
  if (wanted != devices)
    return {error_code::invalid_argument,
            fmt::format("node {}: devices {:#x} hold some that nobody asked "
                        "for",
                        name(node), devices)};
  return done{};
}

void cluster::take_devices(node_state& state, const compiled_request& request,
                           device_mask chosen) {
  state.idle_devices &= ~chosen;
  for (; chosen != 0; chosen &= chosen - 1) {
    const auto d = static_cast<std::size_t>(std::countr_zero(chosen));
    auto& device = devices_[state.first_device + d];
    if (request.share_milli > 0) {
      device.free_milli -= request.share_milli;
      device.free_memory_bytes -= request.memory_bytes;
    } else {
      device.free_milli = 0;
      device.free_memory_bytes = 0;
      device.held_by_whole = static_cast<std::uint8_t>(request.count);
    }
  }
}

void cluster::give_back(node_index node, shape_id id, device_mask devices) {
  const auto& shape = this->shape(id);
  auto& state = nodes_[index_of(node)];
  SKERRY_ASSERT(state.task_count > 0);
  const auto& of = class_of(node);
  auto* row = free_.data() + index_of(node) * stride_;
  for (std::size_t kind = 0; kind < shape.kinds_used; ++kind) {
    row[kind] += shape.demand[kind];
    SKERRY_ASSERT(row[kind] <= of.capacity[kind]);
  }
  for (auto left = devices; left != 0; left &= left - 1) {
    const auto d = static_cast<std::size_t>(std::countr_zero(left));
    give_back_device(state, d, shape, of.devices[d]);
  }
  for (const auto group : shape.groups) {
    const auto counted = group_counts_.find(group_key(node, group));
    SKERRY_ASSERT(counted != group_counts_.end());
    if (--counted->second == 0)
      group_counts_.erase(counted);
  }
  --state.task_count;
  changed(node);
}

void cluster::give_back_device(node_state& state, std::size_t d,
                               const compiled_shape& shape,
                               const device_spec& spec) {
  auto& device = devices_[state.first_device + d];
  if (device.held_by_whole > 0) {
    device.free_milli = spec.capacity_milli;
    device.free_memory_bytes = spec.memory_bytes;
    device.held_by_whole = 0;
    state.idle_devices |= device_mask{1} << d;
    return;
  }
  // Requests are for different kinds, so at most one is for this device.
  const auto request = static_cast<std::size_t>(
      std::ranges::find(shape.source.devices, spec.kind, &device_request::kind)
      - shape.source.devices.begin());
  SKERRY_ASSERT(request < shape.requests.size());
  device.free_milli += shape.requests[request].share_milli;
  device.free_memory_bytes += shape.requests[request].memory_bytes;
  SKERRY_ASSERT(device.free_milli <= spec.capacity_milli);
  if (device.free_milli == spec.capacity_milli)
    state.idle_devices |= device_mask{1} << d;
}

result<> cluster::exchange(node_index node, shape_id from, device_mask held,
                           shape_id to, device_mask wanted) {
  const auto& before = shape(from);
  const auto& after = shape(to);
  SKERRY_ASSERT(before.requests.size() == after.requests.size());
  auto* row = free_.data() + index_of(node) * stride_;
  const auto kinds = std::max(before.kinds_used, after.kinds_used);
  for (std::size_t kind = 0; kind < kinds; ++kind)
    if (row[kind] < after.demand[kind] - before.demand[kind])
      return {error_code::insufficient,
              fmt::format("node {}: {} more of {} are not there", name(node),
                          after.demand[kind] - before.demand[kind],
                          resource_names_[kind])};
  if (held != wanted) {
    auto& state = nodes_[index_of(node)];
    auto* first = devices_.data() + state.first_device;
    std::array<device_state, max_devices_per_node> saved;
    std::copy_n(first, state.device_count, saved.begin());
    const auto idle = state.idle_devices;
    const auto& of = class_of(node);
    for (auto left = held; left != 0; left &= left - 1) {
      const auto d = static_cast<std::size_t>(std::countr_zero(left));
      give_back_device(state, d, before, of.devices[d]);
    }
    if (auto ok = choose(after, node, wanted); !ok) {
      std::copy_n(saved.begin(), state.device_count, first);
      state.idle_devices = idle;
      return ok;
    }
    const auto& usable = after.fits[index_of(state.class_id)].usable;
    for (std::size_t i = 0; i < after.requests.size(); ++i)
      take_devices(state, after.requests[i], wanted & usable[i]);
  }
  for (std::size_t kind = 0; kind < kinds; ++kind)
    row[kind] += before.demand[kind] - after.demand[kind];
  changed(node);
  return done{};
}

} // namespace skerry
