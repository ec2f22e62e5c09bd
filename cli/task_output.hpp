#pragma once

#include "cli/client_command.hpp"

#include <cstdint>
#include <functional>
#include <string>

namespace skerry {

/// What a task writes to one of its streams, read as it grows.
class task_output {
public:
  using sink = std::function<result<>(std::string_view)>;

  task_output(std::string task, bool is_stderr)
      : task_{std::move(task)}, is_stderr_{is_stderr} {}

  /// Hands what is new to `take`.
  /// @returns The failure of a call or of `take`. Not that there is nothing
  ///          yet, as long as the task has not been placed.
  result<> read_on(client& cluster, const sink& take);

private:
  std::string task_;
  bool is_stderr_;
  std::uint64_t offset_ = 0;
};

} // namespace skerry
