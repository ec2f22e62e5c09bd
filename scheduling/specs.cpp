#include "scheduling/specs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace skerry {
namespace {

error invalid(std::string message) {
  return {error_code::invalid_argument, std::move(message)};
}

bool is_alphanumeric(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0;
}

result<> validate_amounts(const resources& amounts, std::string_view what) {
  if (amounts.kinds_used() > index_of(resource_kind::first_named))
    return invalid(fmt::format(
        "{}: only cpu, memory, disk and network go here, others by name",
        what));
  for (std::size_t k = 0; k < index_of(resource_kind::first_named); ++k) {
    const auto kind = static_cast<resource_kind>(k);
    const auto limit
        = kind == resource_kind::cpu ? max_cpu_millicores : max_amount;
    if (amounts[kind] < 0)
      return invalid(fmt::format("{}: amount {} of {} is negative", what,
                                 amounts[kind], builtin_resource_name(kind)));
    if (amounts[kind] > limit)
      return invalid(fmt::format("{}: amount {} of {} is above the limit of {}",
                                 what, amounts[kind],
                                 builtin_resource_name(kind), limit));
  }
  return done{};
}

result<> validate_named(const std::vector<named_amount>& named,
                        std::string_view what) {
  for (const auto& [name, amount_milli] : named) {
    if (auto ok = validate_id(name, fmt::format("{}: resource name", what));
        !ok)
      return ok;
    for (const auto kind : {resource_kind::cpu, resource_kind::memory,
                            resource_kind::disk, resource_kind::network})
      if (name == builtin_resource_name(kind))
        return invalid(fmt::format(
            "{}: {} is built in and cannot be a named resource", what, name));
    if (amount_milli < 0 || amount_milli > max_amount)
      return invalid(fmt::format("{}: amount {} of {} is not in 0 to {}", what,
                                 amount_milli, name, max_amount));
    if (std::ranges::count(named, name, &named_amount::name) > 1)
      return invalid(fmt::format("{}: {} is given twice", what, name));
  }
  return done{};
}

result<> validate_count(std::size_t count, std::size_t limit,
                        std::string_view what) {
  if (count > limit)
    return invalid(fmt::format("{}: {} given, at most {} are allowed", what,
                               count, limit));
  return done{};
}

result<> validate_ids(const std::vector<std::string>& ids,
                      std::string_view what) {
  if (auto ok = validate_count(ids.size(), max_terms, what); !ok)
    return ok;
  for (const auto& id : ids)
    if (auto ok = validate_id(id, what); !ok)
      return ok;
  return done{};
}

result<> validate_device(const device_spec& device, std::string_view what) {
  if (auto ok = validate_id(device.kind, fmt::format("{}: kind", what)); !ok)
    return ok;
  if (!device.model.empty())
    if (auto ok = validate_id(device.model, fmt::format("{}: model", what));
        !ok)
      return ok;
  if (device.capacity_milli <= 0
      || device.capacity_milli > max_device_capacity_milli)
    return invalid(fmt::format("{}: capacity_milli is {}, must be 1 to {}",
                               what, device.capacity_milli,
                               max_device_capacity_milli));
  if (device.memory_bytes < 0 || device.memory_bytes > max_amount)
    return invalid(fmt::format("{}: memory_bytes is {}, must be 0 to {}", what,
                               device.memory_bytes, max_amount));
  return done{};
}

result<> validate_request(const device_request& request,
                          std::string_view what) {
  if (auto ok = validate_id(request.kind, fmt::format("{}: kind", what)); !ok)
    return ok;
  if (request.count < 1
      || request.count > static_cast<std::int32_t>(max_devices_per_node))
    return invalid(fmt::format("{}: count is {}, must be 1 to {}", what,
                               request.count, max_devices_per_node));
  if (request.share_milli < 0)
    return invalid(fmt::format("{}: share_milli is {}, must not be negative",
                               what, request.share_milli));
  if (request.share_milli > 0 && request.count != 1)
    return invalid(fmt::format("{}: a share is of one device, but count is {}",
                               what, request.count));
  if (request.memory_bytes < 0)
    return invalid(fmt::format("{}: memory_bytes is {}, must not be negative",
                               what, request.memory_bytes));
  return validate_ids(request.models, fmt::format("{}: models", what));
}

result<> validate_constraint(const label_constraint& constraint,
                             std::string_view what) {
  if (auto ok = validate_id(constraint.key, fmt::format("{}: key", what)); !ok)
    return ok;
  const auto needs_values = constraint.test == label_operator::in
                            || constraint.test == label_operator::not_in;
  if (needs_values == constraint.values.empty())
    return invalid(fmt::format("{}: {}", what,
                               needs_values ? "no values to compare with"
                                            : "takes no values"));
  for (const auto& value : constraint.values)
    if (value.size() > max_id_length)
      return invalid(fmt::format("{}: a value is {} characters long, at most "
                                 "{} are allowed",
                                 what, value.size(), max_id_length));
  return validate_count(constraint.values.size(), max_terms, what);
}

result<> validate_requests(const std::vector<device_request>& requests) {
  if (auto ok
      = validate_count(requests.size(), max_device_requests, "task: devices");
      !ok)
    return ok;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const auto what = fmt::format("task: devices[{}]", i);
    if (auto ok = validate_request(requests[i], what); !ok)
      return ok;
    if (std::ranges::count(requests, requests[i].kind, &device_request::kind)
        > 1)
      return invalid(
          fmt::format("{}: {} is requested twice", what, requests[i].kind));
  }
  return done{};
}

} // namespace

result<> validate_id(std::string_view id, std::string_view what) {
  if (id.empty())
    return invalid(fmt::format("{} is empty", what));
  if (id.size() > max_id_length)
    return invalid(fmt::format("{} is {} characters long, at most {} are "
                               "allowed",
                               what, id.size(), max_id_length));
  if (!is_alphanumeric(id.front()))
    return invalid(
        fmt::format("{} {} must start with a letter or digit", what, id));
  for (const char c : id)
    if (!is_alphanumeric(c) && c != '-' && c != '_' && c != '.')
      return invalid(fmt::format(
          "{} {} has {}; allowed are letters, digits, '-', '_' and '.'", what,
          id, c));
  if (id.find("..") != std::string_view::npos)
    return invalid(fmt::format("{} {} must not contain \"..\"", what, id));
  return done{};
}

result<> validate(const node_spec& node) {
  if (auto ok = validate_id(node.name, "node name"); !ok)
    return ok;
  const auto what = fmt::format("node {}", node.name);
  if (auto ok = validate_amounts(node.capacity, what); !ok)
    return ok;
  if (auto ok = validate_named(node.named, what); !ok)
    return ok;
  if (auto ok = validate_count(node.devices.size(), max_devices_per_node,
                               what + ": devices");
      !ok)
    return ok;
  for (std::size_t i = 0; i < node.devices.size(); ++i)
    if (auto ok = validate_device(node.devices[i],
                                  fmt::format("{}: devices[{}]", what, i));
        !ok)
      return ok;
  if (auto ok
      = validate_count(node.labels.size(), max_terms, what + ": labels");
      !ok)
    return ok;
  for (const auto& [key, value] : node.labels) {
    if (auto ok = validate_id(key, what + ": label key"); !ok)
      return ok;
    if (value.size() > max_id_length)
      return invalid(
          fmt::format("{}: value of label {} is too long", what, key));
    if (std::ranges::count(node.labels, key, &label::key) > 1)
      return invalid(fmt::format("{}: label {} is given twice", what, key));
  }
  return done{};
}

result<> validate(const task_shape& shape) {
  if (auto ok = validate_amounts(shape.demand, "task: demand"); !ok)
    return ok;
  if (auto ok = validate_named(shape.named, "task: demand"); !ok)
    return ok;
  if (auto ok = validate_requests(shape.devices); !ok)
    return ok;
  if (auto ok = validate_count(shape.constraints.size(), max_terms,
                               "task: constraints");
      !ok)
    return ok;
  for (std::size_t i = 0; i < shape.constraints.size(); ++i)
    if (auto ok = validate_constraint(shape.constraints[i],
                                      fmt::format("task: constraints[{}]", i));
        !ok)
      return ok;
  if (auto ok = validate_ids(shape.groups, "task: groups"); !ok)
    return ok;
  for (const auto& group : shape.groups)
    if (std::ranges::count(shape.groups, group) > 1)
      return invalid(fmt::format("task: groups: {} is given twice", group));
  if (auto ok = validate_ids(shape.affinity, "task: affinity"); !ok)
    return ok;
  if (auto ok = validate_ids(shape.anti_affinity, "task: anti_affinity"); !ok)
    return ok;
  if (!shape.spread)
    return done{};
  if (auto ok = validate_id(shape.spread->group, "task: spread.group"); !ok)
    return ok;
  if (shape.spread->max_skew == 0)
    return invalid("task: spread.max_skew is 0, must be positive");
  if (shape.spread->topology.empty())
    return done{};
  return validate_id(shape.spread->topology, "task: spread.topology");
}

result<> validate(const task_profile& profile) {
  if (auto ok = validate(profile.shape); !ok)
    return ok;
  if (auto ok = validate_id(profile.tenant, "task: tenant"); !ok)
    return ok;
  if (profile.max_attempts == 0)
    return invalid("task: max_attempts is 0, must be positive");
  if (profile.minimum.has_value() != profile.maximum.has_value())
    return invalid("task: minimum and maximum are given together or not at "
                   "all");
  if (profile.minimum) {
    if (auto ok = validate_amounts(*profile.minimum, "task: minimum"); !ok)
      return ok;
    if (auto ok = validate_amounts(*profile.maximum, "task: maximum"); !ok)
      return ok;
    if (!profile.minimum->fits_in(profile.shape.demand))
      return invalid("task: demand is below minimum");
    if (!profile.shape.demand.fits_in(*profile.maximum))
      return invalid("task: demand is above maximum");
  }
  if (const auto& expected = profile.expected_duration)
    if (expected->p10_milliseconds < 0
        || expected->p10_milliseconds > expected->p50_milliseconds
        || expected->p50_milliseconds > expected->p90_milliseconds)
      return invalid("task: expected_duration must rise from p10 to p90 and "
                     "not be negative");
  return done{};
}

} // namespace skerry
