#include "messages/convert.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <limits>
#include <utility>

namespace skerry {

namespace {

error invalid(std::string message) {
  return {error_code::invalid_argument, std::move(message)};
}

template <class Range>
std::vector<std::string> strings(const Range& range) {
  return {range.begin(), range.end()};
}

template <class Range>
std::vector<named_amount> named_amounts(const Range& range) {
  std::vector<named_amount> out;
  out.reserve(static_cast<std::size_t>(range.size()));
  for (const auto& amount : range)
    out.push_back({amount.name(), amount.amount_milli()});
  return out;
}

void write(const std::vector<named_amount>& from,
           google::protobuf::RepeatedPtrField<v1::NamedAmount>* to) {
  for (const auto& amount : from) {
    auto* out = to->Add();
    out->set_name(amount.name);
    out->set_amount_milli(amount.amount_milli);
  }
}

device_request from_proto(const v1::DeviceRequest& from) {
  return {.kind = from.kind().empty() ? "gpu" : from.kind(),
          .count = from.count() == 0 ? 1 : from.count(),
          .share_milli = from.share_milli(),
          .memory_bytes = from.memory_bytes(),
          .models = strings(from.models())};
}

label_constraint from_proto(const v1::LabelConstraint& from) {
  auto test = label_operator::in;
  switch (from.operator_()) {
  case v1::LabelConstraint::NOT_IN:
    test = label_operator::not_in;
    break;
  case v1::LabelConstraint::EXISTS:
    test = label_operator::exists;
    break;
  case v1::LabelConstraint::NOT_EXISTS:
    test = label_operator::not_exists;
    break;
  default:
    break;
  }
  return {.key = from.key(), .test = test, .values = strings(from.values())};
}

v1::LabelConstraint::Operator to_proto(label_operator test) {
  switch (test) {
  case label_operator::in:
    return v1::LabelConstraint::IN;
  case label_operator::not_in:
    return v1::LabelConstraint::NOT_IN;
  case label_operator::exists:
    return v1::LabelConstraint::EXISTS;
  case label_operator::not_exists:
    return v1::LabelConstraint::NOT_EXISTS;
  }
  return v1::LabelConstraint::IN;
}

} // namespace

v1::Resources to_proto(const resources& amounts) {
  v1::Resources out;
  out.set_cpu_millicores(amounts[resource_kind::cpu]);
  out.set_memory_bytes(amounts[resource_kind::memory]);
  out.set_disk_bytes(amounts[resource_kind::disk]);
  out.set_network_bits_per_second(amounts[resource_kind::network]);
  return out;
}

resources from_proto(const v1::Resources& amounts) {
  return {millicores{amounts.cpu_millicores()}, bytes{amounts.memory_bytes()},
          bytes{amounts.disk_bytes()},
          bits_per_second{amounts.network_bits_per_second()}};
}

v1::NodeSpec to_proto(const node_spec& node) {
  v1::NodeSpec out;
  out.set_name(node.name);
  *out.mutable_capacity() = to_proto(node.capacity);
  write(node.named, out.mutable_named());
  for (const auto& device : node.devices) {
    auto* to = out.add_devices();
    to->set_kind(device.kind);
    to->set_model(device.model);
    to->set_capacity_milli(device.capacity_milli);
    to->set_memory_bytes(device.memory_bytes);
  }
  for (const auto& [key, value] : node.labels)
    (*out.mutable_labels())[key] = value;
  out.set_max_tasks(node.max_tasks);
  return out;
}

result<node_spec> from_proto(const v1::NodeSpec& node) {
  node_spec out{.name = node.name(),
                .capacity = from_proto(node.capacity()),
                .named = named_amounts(node.named()),
                .max_tasks = node.max_tasks()};
  for (const auto& device : node.devices())
    out.devices.push_back(
        {.kind = device.kind().empty() ? "gpu" : device.kind(),
         .model = device.model(),
         .capacity_milli
         = device.capacity_milli() == 0 ? 1000 : device.capacity_milli(),
         .memory_bytes = device.memory_bytes()});
  for (const auto& [key, value] : node.labels())
    out.labels.push_back({key, value});
  // A map on the wire has no order.
  std::ranges::sort(out.labels);
  if (auto checked = validate(out); !checked)
    return checked.failure();
  return out;
}

namespace {

/// Amounts that are zero are as in `others`.
resources or_else(resources amounts, const resources& others) {
  for (const auto kind : {resource_kind::cpu, resource_kind::memory,
                          resource_kind::disk, resource_kind::network})
    if (amounts[kind] == 0)
      amounts.set(kind, others[kind]);
  return amounts;
}

} // namespace

v1::TaskProfile to_proto(const task_profile& profile) {
  v1::TaskProfile out;
  const auto& shape = profile.shape;
  *out.mutable_demand() = to_proto(shape.demand);
  write(shape.named, out.mutable_named());
  for (const auto& request : shape.devices) {
    auto* to = out.add_devices();
    to->set_kind(request.kind);
    to->set_count(request.count);
    to->set_share_milli(request.share_milli);
    to->set_memory_bytes(request.memory_bytes);
    to->mutable_models()->Assign(request.models.begin(), request.models.end());
  }
  for (const auto& constraint : shape.constraints) {
    auto* to = out.add_constraints();
    to->set_key(constraint.key);
    to->set_operator_(to_proto(constraint.test));
    to->mutable_values()->Assign(constraint.values.begin(),
                                 constraint.values.end());
  }
  out.mutable_groups()->Assign(shape.groups.begin(), shape.groups.end());
  out.mutable_affinity()->Assign(shape.affinity.begin(), shape.affinity.end());
  out.mutable_anti_affinity()->Assign(shape.anti_affinity.begin(),
                                      shape.anti_affinity.end());
  if (shape.spread) {
    out.mutable_spread()->set_group(shape.spread->group);
    out.mutable_spread()->set_topology(shape.spread->topology);
    out.mutable_spread()->set_max_skew(shape.spread->max_skew);
  }
  if (profile.minimum)
    *out.mutable_minimum() = to_proto(*profile.minimum);
  if (profile.maximum)
    *out.mutable_maximum() = to_proto(*profile.maximum);
  out.set_priority(profile.priority);
  out.set_tenant(profile.tenant);
  if (profile.expected_duration) {
    auto* to = out.mutable_expected_duration();
    to->set_p10_milliseconds(profile.expected_duration->p10_milliseconds);
    to->set_p50_milliseconds(profile.expected_duration->p50_milliseconds);
    to->set_p90_milliseconds(profile.expected_duration->p90_milliseconds);
  }
  out.set_max_attempts(profile.max_attempts);
  return out;
}

result<task_profile> from_proto(const v1::TaskProfile& profile) {
  using limits = std::numeric_limits<std::int16_t>;
  if (profile.priority() < limits::min() || profile.priority() > limits::max())
    return invalid(fmt::format("priority {} is not from {} to {}",
                               profile.priority(), limits::min(),
                               limits::max()));
  task_profile out;
  auto& shape = out.shape;
  shape.demand = from_proto(profile.demand());
  shape.named = named_amounts(profile.named());
  for (const auto& request : profile.devices())
    shape.devices.push_back(from_proto(request));
  for (const auto& constraint : profile.constraints())
    shape.constraints.push_back(from_proto(constraint));
  shape.groups = strings(profile.groups());
  shape.affinity = strings(profile.affinity());
  shape.anti_affinity = strings(profile.anti_affinity());
  if (profile.has_spread())
    shape.spread = spread_constraint{
        .group = profile.spread().group(),
        .topology = profile.spread().topology(),
        .max_skew
        = profile.spread().max_skew() == 0 ? 1 : profile.spread().max_skew()};
  if (profile.has_minimum() || profile.has_maximum()) {
    out.minimum = or_else(from_proto(profile.minimum()), shape.demand);
    out.maximum = or_else(from_proto(profile.maximum()), shape.demand);
  }
  out.priority = static_cast<std::int16_t>(profile.priority());
  if (!profile.tenant().empty())
    out.tenant = profile.tenant();
  if (profile.has_expected_duration()) {
    const auto& expected = profile.expected_duration();
    out.expected_duration
        = duration_estimate{.p10_milliseconds = expected.p10_milliseconds(),
                            .p50_milliseconds = expected.p50_milliseconds(),
                            .p90_milliseconds = expected.p90_milliseconds()};
  }
  if (profile.max_attempts() != 0)
    out.max_attempts = profile.max_attempts();
  if (auto checked = validate(out); !checked)
    return checked.failure();
  return out;
}

void add_implied_constraints(v1::Job& job) {
  for (auto& group : *job.mutable_groups()) {
    const auto& constraints = group.profile().constraints();
    const bool is_there = std::ranges::any_of(constraints, [](const auto& one) {
      return one.key() == simulated_label;
    });
    if (!group.work().has_exec() || is_there)
      continue;
    auto* real = group.mutable_profile()->add_constraints();
    real->set_key(std::string{simulated_label});
    real->set_operator_(v1::LabelConstraint::NOT_EXISTS);
  }
}

v1::TenantAmounts to_proto(const tenant_amounts& amounts) {
  v1::TenantAmounts out;
  out.set_cpu_millicores(amounts.of[0]);
  out.set_memory_bytes(amounts.of[1]);
  out.set_gpu_milli(amounts.of[2]);
  return out;
}

tenant_amounts from_proto(const v1::TenantAmounts& amounts) {
  return {
      {amounts.cpu_millicores(), amounts.memory_bytes(), amounts.gpu_milli()}};
}

result<> validate(const v1::Work& work) {
  switch (work.driver_case()) {
  case v1::Work::kExec:
    if (work.exec().argv().empty() || work.exec().argv(0).empty())
      return invalid("work.exec.argv is empty; give a program to run");
    if (work.exec().kill_grace_milliseconds() < 0)
      return invalid("work.exec.kill_grace_milliseconds is negative");
    break;
  case v1::Work::kSimulated:
    if (work.simulated().duration_milliseconds() < 0)
      return invalid("work.simulated.duration_milliseconds is negative");
    if (work.simulated().curve_size() > 1024)
      return invalid("work.simulated.curve has more than 1024 parts");
    for (const auto& part : work.simulated().curve())
      if (part.duration_milliseconds() <= 0 || part.cpu_millicores() < 0
          || part.memory_bytes() < 0)
        return invalid("work.simulated.curve has a part that does not last, or "
                       "with a negative amount");
    break;
  case v1::Work::DRIVER_NOT_SET:
    return invalid("work has no driver; give work.exec or work.simulated");
  }
  if (work.max_duration_milliseconds() < 0)
    return invalid("work.max_duration_milliseconds is negative");
  if (work.probe().kind() != v1::Probe::NONE
      && (work.probe().port() == 0 || work.probe().port() > 65535))
    return invalid("work.probe.port is not from 1 to 65535");
  return done{};
}

error error_from_wire(int code, std::string message) {
  const auto known = code >= static_cast<int>(error_code::invalid_argument)
                     && code <= static_cast<int>(error_code::unreachable);
  return {known ? static_cast<error_code>(code) : error_code::io_failed,
          std::move(message)};
}

mesh::v1::Failure failure_of(const error& why) {
  mesh::v1::Failure failure;
  failure.set_code(static_cast<int>(why.code));
  failure.set_message(why.message);
  return failure;
}

error failure_of(const mesh::v1::Failure& wire) {
  return error_from_wire(wire.code(), wire.message());
}

std::string short_reason(const std::string& grpc_message) {
  constexpr std::string_view closed = "Socket closed";
  if (grpc_message.ends_with(closed))
    return std::string{closed};
  for (const std::string_view before :
       {"Failed to connect to remote host: ", "last error: "})
    if (const auto at = grpc_message.rfind(before); at != std::string::npos)
      return grpc_message.substr(at + before.size());
  return grpc_message;
}

} // namespace skerry
