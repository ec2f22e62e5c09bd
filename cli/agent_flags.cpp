#include "cli/agent_flags.hpp"

#include "cli/arguments.hpp"
#include "config/units.hpp"
#include "messages/convert.hpp"
#include "simulation/openb_reader.hpp"

#include <fmt/format.h>

#include <string>
#include <utility>

namespace skerry {
namespace {

/// As many as one cell is made for, ten times over.
constexpr std::int64_t max_simulated_nodes = 1'000'000;

error invalid(std::string message) {
  return {error_code::invalid_argument, std::move(message)};
}

result<std::pair<std::string, std::string>> pair_of(std::string_view flag,
                                                    const std::string& text) {
  const auto equals = text.find('=');
  if (equals == text.npos || equals == 0)
    return invalid(fmt::format("{}: \"{}\" is not KEY=VALUE", flag, text));
  return std::pair{text.substr(0, equals), text.substr(equals + 1)};
}

result<std::vector<v1::NodeSpec>> read_openb(const std::string& file) {
  const auto rows = read_openb_nodes(file);
  if (!rows)
    return rows.failure();
  std::vector<v1::NodeSpec> out;
  for (const auto& row : *rows) {
    auto& node = out.emplace_back();
    node.set_name(row.name);
    node.mutable_capacity()->set_cpu_millicores(row.cpu_milli);
    node.mutable_capacity()->set_memory_bytes(row.memory_mib << 20);
    for (int i = 0; i < row.gpus; ++i) {
      auto& device = *node.add_devices();
      device.set_kind("gpu");
      device.set_model(row.model);
    }
  }
  return out;
}

struct simulated_spec {
  std::int64_t count = 1;
  std::int64_t gpus = 0;
  std::int64_t gpu_memory = 0;
  std::string name = "sim-";
  std::string model;
  v1::Resources capacity;
};

result<std::int64_t> of_flag(std::string_view flag,
                             result<std::int64_t> amount) {
  if (amount)
    return amount;
  return invalid(fmt::format("{}: {}", flag, amount.failure().message));
}

/// One item of "key=value,...".
result<> read_item(const std::string& key, const std::string& value,
                   simulated_spec& into) {
  const auto flag = fmt::format("--simulate: {}", key);
  auto amount = result<std::int64_t>{std::int64_t{0}};
  if (key == "count")
    amount = parse_whole(flag, value, 1, max_simulated_nodes);
  else if (key == "gpus")
    amount = parse_whole(flag, value, 0,
                         static_cast<std::int64_t>(max_devices_per_node));
  else if (key == "cpu")
    amount = of_flag(flag, parse_cpu_millicores(value));
  else if (key == "memory" || key == "disk" || key == "gpu-memory")
    amount = of_flag(flag, parse_bytes(value));
  else if (key != "model" && key != "name")
    return invalid(fmt::format("--simulate: there is no {}; give count, cpu, "
                               "memory, disk, gpus, model, gpu-memory, name",
                               key));
  if (!amount)
    return amount.failure();
  if (key == "count")
    into.count = *amount;
  else if (key == "gpus")
    into.gpus = *amount;
  else if (key == "gpu-memory")
    into.gpu_memory = *amount;
  else if (key == "cpu")
    into.capacity.set_cpu_millicores(*amount);
  else if (key == "memory")
    into.capacity.set_memory_bytes(*amount);
  else if (key == "disk")
    into.capacity.set_disk_bytes(*amount);
  else
    (key == "model" ? into.model : into.name) = value;
  return done{};
}

} // namespace

result<std::vector<label>> parse_labels(std::string_view flag,
                                        const std::vector<std::string>& texts) {
  std::vector<label> out;
  for (const auto& text : texts) {
    auto pair = pair_of(flag, text);
    if (!pair)
      return pair.failure();
    out.push_back({std::move(pair->first), std::move(pair->second)});
  }
  return out;
}

result<std::vector<named_amount>>
parse_named(std::string_view flag, const std::vector<std::string>& texts) {
  std::vector<named_amount> out;
  for (const auto& text : texts) {
    auto pair = pair_of(flag, text);
    if (!pair)
      return pair.failure();
    const auto units = parse_whole(fmt::format("{}: {}", flag, pair->first),
                                   pair->second, 0, max_amount / 1000);
    if (!units)
      return units.failure();
    out.push_back({std::move(pair->first), *units * 1000});
  }
  return out;
}

namespace {

/// "openb:FILE", or a share of it: "openb:FILE,part=1/3".
result<std::vector<v1::NodeSpec>> openb_part(std::string_view text) {
  const auto comma = text.rfind(",part=");
  auto nodes = read_openb(std::string{text.substr(0, comma)});
  if (!nodes || comma == std::string_view::npos)
    return nodes;
  const auto share = text.substr(comma + 6);
  const auto slash = share.find('/');
  const auto all
      = slash == std::string_view::npos
            ? result<std::int64_t>{invalid(
                fmt::format("--simulate: part \"{}\" is not as in 1/3", share))}
            : parse_whole("--simulate: part", share.substr(slash + 1), 1,
                          max_simulated_nodes);
  if (!all)
    return all.failure();
  const auto which
      = parse_whole("--simulate: part", share.substr(0, slash), 1, *all);
  if (!which)
    return which.failure();
  std::vector<v1::NodeSpec> out;
  for (auto i = static_cast<std::size_t>(*which - 1); i < nodes->size();
       i += static_cast<std::size_t>(*all))
    out.push_back(std::move((*nodes)[i]));
  return out;
}

result<std::vector<v1::NodeSpec>> read_simulated(std::string_view text) {
  if (text.starts_with("openb:"))
    return openb_part(text.substr(6));
  const auto items = parse_list("--simulate", text);
  if (!items)
    return items.failure();
  simulated_spec spec;
  spec.capacity.set_cpu_millicores(64'000);
  spec.capacity.set_memory_bytes(std::int64_t{256} << 30);
  for (const auto& item : *items) {
    auto pair = pair_of("--simulate", item);
    if (!pair)
      return pair.failure();
    if (auto ok = read_item(pair->first, pair->second, spec); !ok)
      return ok.failure();
  }
  v1::NodeSpec node;
  *node.mutable_capacity() = spec.capacity;
  for (std::int64_t i = 0; i < spec.gpus; ++i) {
    auto& device = *node.add_devices();
    device.set_kind("gpu");
    device.set_model(spec.model);
    device.set_memory_bytes(spec.gpu_memory);
  }
  const auto digits = std::to_string(spec.count - 1).size();
  std::vector<v1::NodeSpec> out;
  out.reserve(static_cast<std::size_t>(spec.count));
  for (std::int64_t i = 0; i < spec.count; ++i) {
    node.set_name(fmt::format("{}{:0{}}", spec.name, i, digits));
    out.push_back(node);
  }
  if (auto valid = from_proto(out.front()); !valid)
    return valid.failure();
  return out;
}

} // namespace

result<std::vector<v1::NodeSpec>> parse_simulated(std::string_view text) {
  auto nodes = read_simulated(text);
  if (nodes)
    for (auto& node : *nodes)
      (*node.mutable_labels())[std::string{simulated_label}] = "true";
  return nodes;
}

} // namespace skerry
