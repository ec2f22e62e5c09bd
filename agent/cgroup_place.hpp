#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

namespace skerry {

struct cgroup_place {
  std::filesystem::path mount;
  std::filesystem::path own; ///< Of this process; the mount where it is hidden.
};

/// Where this process is, by controller; version 2 is "".
std::map<std::string, cgroup_place>
cgroup_places(const std::filesystem::path& proc);

struct cgroup_limits {
  std::optional<std::int64_t> cpu_millicores;
  std::optional<std::int64_t> memory_bytes;
};

/// What this process's groups, up to the mount, leave to it.
cgroup_limits own_cgroup_limits(const std::filesystem::path& proc);

} // namespace skerry
