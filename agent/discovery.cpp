#include "agent/discovery.hpp"

#include "agent/cgroup_place.hpp"
#include "agent/gpu_discovery.hpp"
#include "agent/text_file.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <system_error>
#include <utility>

namespace skerry {

namespace {

namespace fs = std::filesystem;

constexpr std::array builtin{resource_kind::cpu, resource_kind::memory,
                             resource_kind::disk, resource_kind::network};

/// "0-3,8": how many.
std::int64_t count_list(std::string_view text) {
  std::int64_t sum = 0;
  while (!text.empty()) {
    const auto comma = text.find(',');
    const auto item = text.substr(0, comma);
    const auto dash = item.find('-');
    const auto first = parse_number(item.substr(0, dash));
    const auto last
        = dash == item.npos ? first : parse_number(item.substr(dash + 1));
    if (first && last && *last >= *first)
      sum += *last - *first + 1;
    text.remove_prefix(comma == text.npos ? text.size() : comma + 1);
  }
  return sum;
}

result<> find_cpu(const discovery_options& options, const cgroup_limits& limits,
                  machine& out) {
  const auto status = read_text(options.proc / "self/status");
  if (!status)
    return status.failure();
  constexpr std::string_view key = "Cpus_allowed_list:";
  const auto at = status->find(key);
  if (at == status->npos)
    return {error_code::io_failed, "/proc says nothing of the allowed CPUs"};
  auto list = std::string_view{*status}.substr(at + key.size());
  list = list.substr(0, list.find('\n'));
  while (list.starts_with('\t') || list.starts_with(' '))
    list.remove_prefix(1);
  auto millicores = count_list(list) * 1000;
  out.notes.push_back(fmt::format("cpu_allowed list={}", list));
  if (limits.cpu_millicores && *limits.cpu_millicores < millicores) {
    millicores = *limits.cpu_millicores;
    out.notes.push_back(
        fmt::format("cpu_limited_by_cgroup millicores={}", millicores));
  }
  out.capacity.set(resource_kind::cpu, millicores);
  return done{};
}

result<> find_memory(const discovery_options& options,
                     const cgroup_limits& limits, machine& out) {
  const auto text = read_text(options.proc / "meminfo");
  if (!text)
    return text.failure();
  const auto total = number_after(*text, "MemTotal");
  if (!total)
    return {error_code::io_failed, "/proc/meminfo has no MemTotal"};
  auto amount = *total * 1024;
  if (limits.memory_bytes && *limits.memory_bytes < amount) {
    amount = *limits.memory_bytes;
    out.notes.push_back(
        fmt::format("memory_limited_by_cgroup bytes={}", amount));
  }
  out.capacity.set(resource_kind::memory, amount);
  return done{};
}

void find_disk(const discovery_options& options, machine& out) {
  struct statvfs state {};
  if (::statvfs(options.work_directory.c_str(), &state) != 0) {
    out.notes.push_back(
        fmt::format("disk_unknown path={}", options.work_directory.string()));
    return;
  }
  const auto free = static_cast<std::int64_t>(state.f_bavail)
                    * static_cast<std::int64_t>(state.f_frsize);
  out.capacity.set(resource_kind::disk, std::min(free, max_amount));
}

void find_devices(const discovery_options& options, machine& out) {
  if (!options.nvml.empty()) {
    const auto found = find_gpus(options.nvml);
    for (const auto& gpu : found.gpus) {
      auto model = std::string_view{gpu.model};
      if (model.starts_with("NVIDIA "))
        model.remove_prefix(7);
      out.devices.push_back({.kind = "gpu",
                             .model = as_id(model),
                             .memory_bytes = gpu.memory_bytes});
      out.device_ids.push_back(gpu.uuid);
    }
    if (found.gpus.empty())
      out.notes.push_back(fmt::format("no_gpus reason=\"{}\"", found.why));
  }
  // Regions are what can be programmed apart; old kernels know only whole
  // devices.
  for (const auto* type : {"fpga_region", "fpga_manager"}) {
    std::error_code failed;
    std::vector<fs::path> found;
    for (const auto& entry :
         fs::directory_iterator{options.sys / "class" / type, failed})
      found.push_back(entry.path());
    std::ranges::sort(found);
    for (const auto& path : found) {
      const auto name = read_line(path / "name");
      out.devices.push_back(
          {.kind = "fpga", .model = as_id(name.value_or("unknown"))});
      out.device_ids.emplace_back();
    }
    if (!found.empty())
      break;
  }
  if (out.devices.size() > max_devices_per_node) {
    out.notes.push_back(fmt::format("devices_left_out count={}",
                                    out.devices.size() - max_devices_per_node));
    out.devices.resize(max_devices_per_node);
    out.device_ids.resize(max_devices_per_node);
  }
}

} // namespace

std::string as_id(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, max_id_length)) {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0
                       || c == '_' || c == '.';
    const bool twice = !out.empty() && (c == '.' || !plain) && out.back() == c;
    out.push_back(plain && !twice ? c : '-');
  }
  if (!out.empty() && std::isalnum(static_cast<unsigned char>(out[0])) == 0)
    out[0] = 'x';
  return out;
}

result<machine> discover(const discovery_options& options) {
  machine out;
  const auto limits = own_cgroup_limits(options.proc);
  if (auto ok = find_cpu(options, limits, out); !ok)
    return ok.failure();
  if (auto ok = find_memory(options, limits, out); !ok)
    return ok.failure();
  find_disk(options, out);
  find_devices(options, out);
  utsname system{};
  if (::uname(&system) == 0) {
    std::string os = system.sysname;
    std::ranges::transform(os, os.begin(), [](unsigned char c) {
      return static_cast<char>(std::tolower(c));
    });
    out.labels = {{"arch", as_id(system.machine)},
                  {"kernel", as_id(system.release)},
                  {"os", as_id(os)}};
  }
  return out;
}

result<node_spec> declare_node(const machine& found,
                               const declaration& declared) {
  node_spec out{.name = declared.name,
                .capacity = found.capacity,
                .named = declared.named,
                .devices
                = declared.devices.empty() ? found.devices : declared.devices,
                .labels = found.labels,
                .max_tasks = declared.max_tasks};
  for (const auto kind : builtin) {
    const auto wanted = declared.capacity[kind];
    if (wanted == 0)
      continue;
    // What the network carries is not found out.
    if (wanted > found.capacity[kind] && kind != resource_kind::network
        && !declared.allow_more_than_found)
      return {error_code::invalid_argument,
              fmt::format("--{} is {}, but this machine has {}; declare less, "
                          "or say --allow-more-than-found",
                          builtin_resource_name(kind), wanted,
                          found.capacity[kind])};
    out.capacity.set(kind, wanted);
  }
  for (const auto& each : declared.labels) {
    std::erase_if(out.labels,
                  [&](const label& old) { return old.key == each.key; });
    out.labels.push_back(each);
  }
  std::ranges::sort(out.labels);
  if (auto ok = validate(out); !ok)
    return ok.failure();
  return out;
}

} // namespace skerry
