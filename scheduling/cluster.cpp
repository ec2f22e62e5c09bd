#include "scheduling/cluster.hpp"

#include "scheduling/canonical.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

namespace skerry {
namespace {

/// More groups than any cluster labels; keeps a faulty client from filling the
/// memory with names.
constexpr std::size_t max_groups = 1'000'000;

/// Tasks of one shape come again and again, with pauses. Compiled shapes and
/// the scores cached for them are worth keeping over a pause; a thousand cost
/// less than 1 MB here.
constexpr std::size_t max_idle_shapes = 1024;

/// A log shorter than this saves nothing.
constexpr std::size_t shortest_log = 64;

constexpr std::string_view gpu_kind = "gpu";

/// Takes a free slot of `slots`, or appends one.
template <class T>
std::size_t take_slot(std::vector<T>& slots,
                      std::vector<std::uint32_t>& unused) {
  if (unused.empty()) {
    slots.emplace_back();
    return slots.size() - 1;
  }
  const auto slot = unused.back();
  unused.pop_back();
  return slot;
}

bool holds(const label_constraint& constraint, const std::string* value) {
  switch (constraint.test) {
  case label_operator::exists:
    return value != nullptr;
  case label_operator::not_exists:
    return value == nullptr;
  case label_operator::in:
    return value && std::ranges::count(constraint.values, *value) > 0;
  case label_operator::not_in:
    return !value || std::ranges::count(constraint.values, *value) == 0;
  }
  return false;
}

/// What `on` offers for a request, and why it never serves it.
std::pair<device_mask, refusal_reason>
usable_devices(const device_request& request, const node_class& on) {
  auto kinds = 0;
  auto models = 0;
  device_mask usable = 0;
  for (std::size_t d = 0; d < on.devices.size(); ++d) {
    const auto& device = on.devices[d];
    if (device.kind != request.kind)
      continue;
    ++kinds;
    if (!request.models.empty()
        && std::ranges::count(request.models, device.model) == 0)
      continue;
    ++models;
    if (device.capacity_milli >= request.share_milli
        && device.memory_bytes >= request.memory_bytes)
      usable |= device_mask{1} << d;
  }
  if (std::popcount(usable) >= request.count)
    return {usable, refusal_reason::none};
  if (kinds == 0)
    return {usable, refusal_reason::device_kind};
  if (models == 0)
    return {usable, refusal_reason::device_model};
  return {usable, refusal_reason::device_size};
}

class_fit fit_on(const compiled_shape& shape, const node_class& on) {
  class_fit fit;
  const auto refuse = [&fit](refusal_reason reason, std::size_t about) {
    if (!fit.never)
      fit.never = {reason, static_cast<std::uint8_t>(about)};
  };
  const auto& constraints = shape.source.constraints;
  for (std::size_t i = 0; i < constraints.size(); ++i)
    if (!holds(constraints[i], on.label_value(constraints[i].key)))
      refuse(refusal_reason::label, i);
  const auto& requests = shape.source.devices;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const auto [usable, why] = usable_devices(requests[i], on);
    fit.usable[i] = usable;
    if (why != refusal_reason::none)
      refuse(why, i);
  }
  for (std::size_t kind = 0; kind < shape.kinds_used; ++kind)
    if (shape.demand[kind] > on.capacity[kind])
      refuse(refusal_reason::resource, kind);
  return fit;
}

std::uint64_t group_key(node_index node, std::uint32_t group) {
  return (static_cast<std::uint64_t>(index_of(node)) << 32) | group;
}

} // namespace

const std::string* node_class::label_value(std::string_view key) const {
  const auto found = std::ranges::find(labels, key, &label::key);
  return found == labels.end() ? nullptr : &found->value;
}

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

// -- node classes -------------------------------------------------------------

result<resources> cluster::resolve(const resources& builtin,
                                   const std::vector<named_amount>& named) {
  auto out = builtin;
  for (const auto& [name, amount_milli] : named) {
    const auto kind = resource_names_.intern(name, "resource");
    if (!kind)
      return kind.failure();
    out.set(static_cast<resource_kind>(*kind), amount_milli);
  }
  return out;
}

result<node_class> cluster::compile_class(const node_spec& spec) {
  auto capacity = resolve(spec.capacity, spec.named);
  if (!capacity)
    return capacity.failure();
  widen_rows(resource_names_.size());
  node_class out{.capacity = *capacity,
                 .devices = spec.devices,
                 .labels = spec.labels,
                 .max_tasks = spec.max_tasks};
  std::ranges::sort(out.labels);
  for (std::size_t d = 0; d < out.devices.size(); ++d)
    if (out.devices[d].kind == gpu_kind)
      out.gpus |= device_mask{1} << d;
  return out;
}

node_class_id cluster::intern_class(node_class compiled) {
  auto text = canonical_text(compiled);
  if (const auto known = class_by_text_.find(text);
      known != class_by_text_.end()) {
    ++classes_[index_of(known->second)].nodes;
    return known->second;
  }
  const auto slot = take_slot(classes_, unused_classes_);
  const auto id = static_cast<node_class_id>(slot);
  class_by_text_.emplace(std::move(text), id);
  compiled.nodes = 1;
  compiled.serial = next_serial_++;
  classes_[slot] = std::move(compiled);
  for (auto& shape : shapes_) {
    if (shape.serial == 0)
      continue;
    shape.fits.resize(classes_.size());
    shape.fits[slot] = fit_on(shape, classes_[slot]);
  }
  return id;
}

void cluster::release_class(node_class_id id) {
  auto& released = classes_[index_of(id)];
  if (--released.nodes > 0)
    return;
  class_by_text_.erase(canonical_text(released));
  released = {};
  unused_classes_.push_back(static_cast<std::uint32_t>(index_of(id)));
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
                        .free_milli = spec.capacity_milli,
                        .capacity_milli = spec.capacity_milli};
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

// -- shapes -------------------------------------------------------------------

result<shape_id> cluster::intern(const task_shape& shape) {
  auto text = canonical_text(shape);
  if (const auto known = shape_by_text_.find(text);
      known != shape_by_text_.end()) {
    retain(known->second);
    return known->second;
  }
  auto compiled = compile_shape(shape);
  if (!compiled)
    return compiled.failure();
  const auto slot = take_slot(shapes_, unused_shapes_);
  const auto id = static_cast<shape_id>(slot);
  shapes_[slot] = *std::move(compiled);
  shape_by_text_.emplace(std::move(text), id);
  return id;
}

result<compiled_shape> cluster::compile_shape(const task_shape& shape) {
  if (auto ok = validate(shape); !ok)
    return ok.failure();
  auto demand = resolve(shape.demand, shape.named);
  if (!demand)
    return demand.failure();
  widen_rows(resource_names_.size());
  compiled_shape out{.source = shape, .demand = *demand};
  out.kinds_used = out.demand.kinds_used();
  for (std::size_t i = 0; i < shape.devices.size(); ++i) {
    const auto& request = shape.devices[i];
    out.requests.push_back(
        {request.count, request.share_milli, request.memory_bytes});
    if (request.kind == gpu_kind)
      out.gpu_request = static_cast<std::int8_t>(i);
  }
  const auto number = [this](const std::vector<std::string>& groups,
                             std::vector<std::uint32_t>& into) -> result<> {
    for (const auto& group : groups) {
      const auto known = groups_.intern(group, "group");
      if (!known)
        return known.failure();
      into.push_back(*known);
    }
    return done{};
  };
  if (auto ok = number(shape.groups, out.groups); !ok)
    return ok.failure();
  if (auto ok = number(shape.affinity, out.affinity); !ok)
    return ok.failure();
  if (auto ok = number(shape.anti_affinity, out.anti_affinity); !ok)
    return ok.failure();
  if (shape.spread) {
    const auto group = groups_.intern(shape.spread->group, "group");
    if (!group)
      return group.failure();
    out.spread_group = *group;
  }
  out.meets_groups = !out.affinity.empty() || !out.anti_affinity.empty();
  for (const auto& on : classes_)
    out.fits.push_back(on.nodes > 0 ? fit_on(out, on) : class_fit{});
  out.serial = next_serial_++;
  out.users = 1;
  return out;
}

void cluster::release(shape_id id) {
  auto& shape = shapes_[index_of(id)];
  SKERRY_ASSERT(shape.users > 0);
  if (--shape.users > 0)
    return;
  idle_shapes_.emplace_back(id, shape.serial);
  if (idle_shapes_.size() <= max_idle_shapes)
    return;
  const auto [oldest, serial] = idle_shapes_.front();
  idle_shapes_.pop_front();
  auto& candidate = shapes_[index_of(oldest)];
  if (candidate.users > 0 || candidate.serial != serial)
    return;
  shape_by_text_.erase(canonical_text(candidate.source));
  candidate = {};
  unused_shapes_.push_back(static_cast<std::uint32_t>(index_of(oldest)));
}

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

bool cluster::can_ever_fit(const compiled_shape& shape) const {
  for (std::size_t c = 0; c < classes_.size(); ++c)
    if (classes_[c].nodes > 0 && !shape.fits[c].never)
      return true;
  return false;
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
    device.free_milli = device.capacity_milli;
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
  SKERRY_ASSERT(device.free_milli <= device.capacity_milli);
  if (device.free_milli == device.capacity_milli)
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
