#pragma once

#include "messages/skerry/v1/types.pb.h"
#include "scheduling/result.hpp"

#include <CLI/CLI.hpp>

#include <string>
#include <vector>

namespace skerry {

/// One task's profile, as typed; empty where not given.
struct task_flags {
  std::string cpu;
  std::string memory;
  std::string gpus;
  std::string gpu_models;
  std::vector<std::string> constraints;
  std::string priority;
  std::string tenant;

  bool any() const;
};

void add_task_flags(CLI::App& command, task_flags& flags);

/// @returns `invalid_argument` naming the flag.
result<v1::TaskProfile> read_task_flags(const task_flags& flags);

/// "--cpu" and "--memory" alone; zeros where not given.
result<v1::Resources> read_amount_flags(const std::string& cpu,
                                        const std::string& memory);

} // namespace skerry
