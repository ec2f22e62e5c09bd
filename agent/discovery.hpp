#pragma once

#include "messages/skerry/v1/types.pb.h"
#include "scheduling/result.hpp"
#include "scheduling/specs.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace skerry {

struct discovery_options {
  std::filesystem::path proc = "/proc";
  std::filesystem::path sys = "/sys";
  std::filesystem::path work_directory = "."; ///< Whose disk counts.
  std::string nvml = "libnvidia-ml.so.1";     ///< Empty: no GPUs.
};

/// What this process may use of its machine.
struct machine {
  resources capacity;
  std::vector<device_spec> devices;
  std::vector<std::string> device_ids; ///< GPU ids for CUDA; else empty.
  std::vector<label> labels;
  std::vector<std::string> notes; ///< Where each amount comes from.
};

/// CPU from affinity and quota, memory from the machine and the limit of the
/// own group, disk that is free, GPUs from NVML, FPGAs from sysfs.
/// @returns `io_failed` when CPU or memory cannot be found out.
result<machine> discover(const discovery_options& options);

/// What the operator says instead; 0 and empty leave what was found.
struct declaration {
  std::string name;
  resources capacity = {};
  std::vector<named_amount> named = {};
  std::vector<label> labels = {};
  std::vector<device_spec> devices = {}; ///< Replaces those found.
  std::uint32_t max_tasks = 0;
  /// Lets capacity be more than there is.
  bool allow_more_than_found = false;
};

/// @returns `invalid_argument` for more than was found, naming the amounts, and
///          for a node that is not valid.
result<node_spec> declare_node(const machine& found,
                               const declaration& declared);

/// The text with everything that no id may hold replaced by '-'.
std::string as_id(std::string_view text);

} // namespace skerry
