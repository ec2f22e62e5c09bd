#include "scheduling/cluster.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

// The nodes: who they are and what they have. Classes and shapes are in
// cluster_shapes.cpp, what tasks take in cluster_changes.cpp.

namespace skerry {
namespace {

/// More groups than any cluster labels; keeps a faulty client from filling the
/// memory with names.
constexpr std::size_t max_groups = 1'000'000;

/// A log shorter than this saves nothing.
constexpr std::size_t shortest_log = 64;

} // namespace

cluster::cluster()
    : resource_names_{max_resource_kinds}, groups_{max_groups},
      log_(shortest_log) {
  for (std::size_t kind = 0; kind < index_of(resource_kind::first_named);
       ++kind)
    SKERRY_ASSERT(resource_names_.intern(
        builtin_resource_name(static_cast<resource_kind>(kind)), "resource"));
}

// -- nodes --------------------------------------------------------------------

result<node_index> cluster::add_node(const node_spec& spec) {
  if (auto ok = validate(spec); !ok)
    return ok.failure();
  if (by_name_.contains(spec.name))
    return {error_code::already_exists,
            fmt::format("node {} is registered already", spec.name)};
  auto compiled = compile_class(spec);
  if (!compiled)
    return compiled.failure();
  auto total = plus(capacity_, compiled->capacity);
  if (!total)
    return {error_code::limit_exceeded,
            fmt::format("node {}: capacity of the cluster: {}", spec.name,
                        total.failure().message)};
  capacity_ = *total;
  name_resources(spec);
  auto index = static_cast<std::uint32_t>(nodes_.size());
  if (!unused_.empty()) {
    std::ranges::pop_heap(unused_, std::greater{});
    index = unused_.back();
    unused_.pop_back();
    nodes_[index].condition = node_condition::ready;
    names_[index] = spec.name;
  } else {
    nodes_.emplace_back();
    names_.push_back(spec.name);
    free_.resize(nodes_.size() * stride_);
    grow_log();
  }
  const auto node = static_cast<node_index>(index);
  by_name_.emplace(spec.name, node);
  assign(node, intern_class(*std::move(compiled)));
  return node;
}

result<> cluster::update_node(node_index node, const node_spec& spec) {
  if (auto ok = validate(spec); !ok)
    return ok;
  SKERRY_ASSERT(condition(node) != node_condition::gone);
  if (spec.name != name(node))
    return {
        error_code::invalid_argument,
        fmt::format("node {} cannot be renamed to {}", name(node), spec.name)};
  auto compiled = compile_class(spec);
  if (!compiled)
    return compiled.failure();
  if (auto ok = check_in_use(node, *compiled); !ok)
    return ok;
  const auto others = minus(capacity_, class_of(node).capacity);
  SKERRY_ASSERT(others.has_value());
  auto total = plus(*others, compiled->capacity);
  if (!total)
    return total.failure();
  capacity_ = *total;
  name_resources(spec);
  const auto previous = class_id(node);
  assign(node, intern_class(*std::move(compiled)));
  release_class(previous);
  return done{};
}

result<> cluster::check_in_use(node_index node, const node_class& next) const {
  const auto& now = class_of(node);
  for (std::size_t kind = 0; kind < stride_; ++kind) {
    const auto used
        = now.capacity[kind] - free(node, static_cast<resource_kind>(kind));
    if (used > next.capacity[kind])
      return {error_code::conflict,
              fmt::format("node {}: {} of {} are in use, the new capacity is "
                          "{}",
                          name(node), used, resource_names_[kind],
                          next.capacity[kind])};
  }
  for (std::size_t d = 0; d < now.devices.size(); ++d) {
    if ((idle_devices(node) >> d & 1) != 0)
      continue;
    const auto& before = now.devices[d];
    const auto& state = devices(node)[d];
    const auto used_milli = before.capacity_milli - state.free_milli;
    const auto used_bytes = before.memory_bytes - state.free_memory_bytes;
    if (d >= next.devices.size() || next.devices[d].kind != before.kind
        || next.devices[d].model != before.model
        || next.devices[d].capacity_milli < used_milli
        || next.devices[d].memory_bytes < used_bytes)
      return {error_code::conflict,
              fmt::format("node {}: device {} is in use and would be gone, "
                          "smaller or another",
                          name(node), d)};
  }
  return done{};
}

result<> cluster::remove_node(node_index node) {
  auto& state = nodes_[index_of(node)];
  SKERRY_ASSERT(state.condition != node_condition::gone);
  if (state.task_count > 0)
    return {error_code::conflict, fmt::format("node {} still holds {} tasks",
                                              name(node), state.task_count)};
  const auto left = minus(capacity_, class_of(node).capacity);
  SKERRY_ASSERT(left.has_value());
  capacity_ = *left;
  by_name_.erase(name(node));
  release_class(state.class_id);
  state.condition = node_condition::gone;
  ++layout_version_;
  changed(node);
  unused_.push_back(static_cast<std::uint32_t>(index_of(node)));
  std::ranges::push_heap(unused_, std::greater{});
  return done{};
}

void cluster::set_condition(node_index node, node_condition condition) {
  SKERRY_ASSERT(condition != node_condition::gone);
  SKERRY_ASSERT(this->condition(node) != node_condition::gone);
  nodes_[index_of(node)].condition = condition;
  changed(node);
}

std::optional<node_index> cluster::find(std::string_view name) const {
  const auto found = by_name_.find(std::string{name});
  if (found == by_name_.end())
    return std::nullopt;
  return found->second;
}

resources cluster::free(node_index node) const {
  resources out;
  for (std::size_t kind = 0; kind < stride_; ++kind) {
    const auto which = static_cast<resource_kind>(kind);
    out.set(which, free(node, which));
  }
  return out;
}

std::int64_t cluster::free_gpu_milli(node_index node) const {
  std::int64_t milli = 0;
  const auto on_node = devices(node);
  for (auto gpus = class_of(node).gpus; gpus != 0; gpus &= gpus - 1)
    milli
        += on_node[static_cast<std::size_t>(std::countr_zero(gpus))].free_milli;
  return milli;
}

/// Gives `node` its class; what is in use stays in use.
void cluster::assign(node_index node, node_class_id next) {
  auto& state = nodes_[index_of(node)];
  const auto& target = classes_[index_of(next)];
  const auto fresh = state.task_count == 0;
  auto* row = free_.data() + index_of(node) * stride_;
  for (std::size_t kind = 0; kind < stride_; ++kind)
    row[kind]
        = fresh ? target.capacity[kind]
                : row[kind]
                      + (target.capacity[kind] - class_of(node).capacity[kind]);
  lay_out_devices(state, target);
  state.class_id = next;
  state.max_tasks = target.max_tasks == 0
                        ? std::numeric_limits<std::uint32_t>::max()
                        : target.max_tasks;
  ++layout_version_;
  changed(node);
}

/// Moves the node's devices to a place of the right size, keeping those in use.
void cluster::lay_out_devices(node_state& state, const node_class& next) {
  std::vector<device_state> laid_out;
  device_mask idle = 0;
  for (std::size_t d = 0; d < next.devices.size(); ++d) {
    const auto& spec = next.devices[d];
    device_state device{.free_memory_bytes = spec.memory_bytes,
                        .free_milli = spec.capacity_milli};
    const auto in_use = state.task_count > 0 && d < state.device_count
                        && (state.idle_devices >> d & 1) == 0;
    if (in_use) {
      const auto& now = devices_[state.first_device + d];
      const auto& was = classes_[index_of(state.class_id)].devices[d];
      device.held_by_whole = now.held_by_whole;
      device.free_milli
          = now.held_by_whole > 0
                ? 0
                : now.free_milli + spec.capacity_milli - was.capacity_milli;
      device.free_memory_bytes
          = now.held_by_whole > 0
                ? 0
                : now.free_memory_bytes + spec.memory_bytes - was.memory_bytes;
    } else {
      idle |= device_mask{1} << d;
    }
    laid_out.push_back(device);
  }
  if (laid_out.size() > state.device_room) {
    state.first_device = static_cast<std::uint32_t>(devices_.size());
    state.device_room = static_cast<std::uint8_t>(laid_out.size());
    devices_.resize(devices_.size() + laid_out.size());
  }
  std::ranges::copy(laid_out, devices_.begin() + state.first_device);
  state.device_count = static_cast<std::uint8_t>(laid_out.size());
  state.idle_devices = idle;
}

/// Adds columns to the table of free amounts.
void cluster::widen_rows(std::size_t kinds) {
  if (kinds <= stride_)
    return;
  std::vector<std::int64_t> wider(nodes_.size() * kinds);
  for (std::size_t node = 0; node < nodes_.size(); ++node)
    std::copy_n(free_.begin() + static_cast<std::ptrdiff_t>(node * stride_),
                stride_,
                wider.begin() + static_cast<std::ptrdiff_t>(node * kinds));
  free_ = std::move(wider);
  stride_ = kinds;
}

void cluster::changed(node_index node) {
  ++version_;
  nodes_[index_of(node)].version = version_;
  log_[version_ & (log_.size() - 1)]
      = static_cast<std::uint32_t>(index_of(node));
  if (version_ - log_begin_ > log_.size())
    log_begin_ = version_ - log_.size();
}

/// Half as many entries as nodes: beyond that a reader is quicker to look at
/// every node again.
void cluster::grow_log() {
  const auto size = std::bit_ceil(std::max(shortest_log, nodes_.size() / 2));
  if (size <= log_.size())
    return;
  std::vector<std::uint32_t> longer(size);
  for (auto v = log_begin_ + 1; v <= version_; ++v)
    longer[v & (size - 1)] = log_[v & (log_.size() - 1)];
  log_ = std::move(longer);
}

std::size_t cluster::hot_bytes() const {
  return nodes_.size() * sizeof(node_state)
         + free_.size() * sizeof(free_.front())
         + devices_.size() * sizeof(device_state)
         + log_.size() * sizeof(log_.front());
}

} // namespace skerry
