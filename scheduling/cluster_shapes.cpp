#include "scheduling/canonical.hpp"
#include "scheduling/cluster.hpp"

#include <fmt/format.h>

#include <algorithm>

// Node classes and shapes: interned, and held against each other once for all
// nodes of a class.

namespace skerry {
namespace {

/// Tasks of one shape come again and again, with pauses. Compiled shapes and
/// the scores cached for them are worth keeping over a pause. Each costs about
/// 1 kB and 40 bytes a node class.
constexpr std::size_t max_idle_shapes = 1024;

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
  if (shape.asks_unknown)
    refuse(refusal_reason::resource_unknown, 0);
  for (std::size_t kind = 0; kind < shape.kinds_used; ++kind)
    if (shape.demand[kind] > on.capacity[kind])
      refuse(refusal_reason::resource, kind);
  return fit;
}

} // namespace

const std::string* node_class::label_value(std::string_view key) const {
  const auto found = std::ranges::find(labels, key, &label::key);
  return found == labels.end() ? nullptr : &found->value;
}

// -- node classes -------------------------------------------------------------

result<node_class> cluster::compile_class(const node_spec& spec) const {
  auto capacity = spec.capacity;
  auto kinds = resource_names_.size();
  for (const auto& [name, amount_milli] : spec.named) {
    const auto kind = resource_names_.find(name);
    // A new name gets the next number, from `name_resources`.
    const auto index = kind ? *kind : kinds++;
    if (index >= max_resource_kinds)
      return {error_code::limit_exceeded,
              fmt::format("node {}: resource {} is one more than the {} kinds "
                          "that are allowed",
                          spec.name, name, max_resource_kinds)};
    capacity.set(static_cast<resource_kind>(index), amount_milli);
  }
  node_class out{.capacity = capacity,
                 .devices = spec.devices,
                 .labels = spec.labels,
                 .max_tasks = spec.max_tasks};
  std::ranges::sort(out.labels);
  for (std::size_t d = 0; d < out.devices.size(); ++d)
    if (out.devices[d].kind == gpu_kind)
      out.gpus |= device_mask{1} << d;
  return out;
}

/// Only once nothing can refuse the node: kinds are few and never given back.
void cluster::name_resources(const node_spec& spec) {
  const auto known = resource_names_.size();
  for (const auto& each : spec.named)
    SKERRY_ASSERT(resource_names_.intern(each.name, "resource"));
  if (resource_names_.size() == known)
    return;
  widen_rows(resource_names_.size());
  resolve_again();
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

// -- shapes -------------------------------------------------------------------

result<shape_id> cluster::intern(const task_shape& shape) {
  auto text = canonical_text(shape);
  if (const auto known = shape_by_text_.find(text);
      known != shape_by_text_.end()) {
    auto& again = shapes_[index_of(known->second)];
    if (again.users++ == 0)
      idle_shapes_.remove(again.idle_stamp);
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
  compiled_shape out{.source = shape};
  resolve(out);
  for (std::size_t i = 0; i < shape.devices.size(); ++i) {
    const auto& request = shape.devices[i];
    out.requests.push_back(
        {request.count, request.share_milli, request.memory_bytes});
    if (request.kind == gpu_kind)
      out.gpu_request = i;
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

/// Only nodes name resources: there are few kinds, and tasks that ask for what
/// nobody has must not use them up.
void cluster::resolve(compiled_shape& shape) const {
  shape.demand = shape.source.demand;
  shape.asks_unknown = false;
  for (const auto& [name, amount_milli] : shape.source.named) {
    if (const auto kind = resource_names_.find(name))
      shape.demand.set(static_cast<resource_kind>(*kind), amount_milli);
    else if (amount_milli > 0)
      shape.asks_unknown = true;
  }
  shape.kinds_used = shape.demand.kinds_used();
}

/// After a node has named a new kind. What was placed asked for none of it.
void cluster::resolve_again() {
  for (auto& shape : shapes_) {
    if (!shape.asks_unknown)
      continue;
    resolve(shape);
    for (std::size_t c = 0; c < classes_.size(); ++c)
      if (classes_[c].nodes > 0)
        shape.fits[c] = fit_on(shape, classes_[c]);
  }
}

void cluster::release(shape_id id) {
  auto& shape = shapes_[index_of(id)];
  SKERRY_ASSERT(shape.users > 0);
  if (--shape.users > 0)
    return;
  shape.idle_stamp = idle_shapes_.add(id);
  const auto oldest = idle_shapes_.take_beyond(max_idle_shapes);
  if (!oldest)
    return;
  auto& dropped = shapes_[index_of(*oldest)];
  shape_by_text_.erase(canonical_text(dropped.source));
  dropped = {};
  unused_shapes_.push_back(static_cast<std::uint32_t>(index_of(*oldest)));
}

bool cluster::can_ever_fit(const compiled_shape& shape) const {
  for (std::size_t c = 0; c < classes_.size(); ++c)
    if (classes_[c].nodes > 0 && !shape.fits[c].never)
      return true;
  return false;
}

} // namespace skerry
