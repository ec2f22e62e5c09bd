#pragma once

#include "agent/cgroup.hpp"
#include "agent/driver.hpp"
#include "agent/exec_launch.hpp"
#include "scheduling/result.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace skerry {

struct exec_driver_options {
  /// Holds tasks/, starts.log and lease.
  std::filesystem::path directory;
  /// skerry-supervise; empty: beside the running program.
  std::filesystem::path supervisor;
  /// Whom tasks run as, unless they say, when the agent is root.
  std::string user = "nobody";
  cgroup_options groups = {};
  std::vector<std::string> device_kinds = {}; ///< By device of the node.
  /// What CUDA calls them; empty: by number.
  std::vector<std::string> device_ids = {};
  /// Between two samples of what tasks use; one costs some 60 us a task.
  std::int64_t usage_milliseconds = 5'000;
  /// The agent stops a task whose lease is over before its supervisor does.
  std::int64_t lease_slack_milliseconds = 500;
  /// Ended tasks whose output is still there to be read.
  std::size_t kept_finished = 256;
};

/// Runs processes. Each has a supervisor beside it, so it survives this driver
/// and is found again by `adopt_task`. One thread does all the work.
class exec_driver : public driver {
public:
  /// Called on the thread of the driver.
  using emit = std::function<void(std::vector<driver_event>)>;

  /// @returns `not_found` for the supervisor or the user, `io_failed`.
  static result<std::unique_ptr<exec_driver>> start(exec_driver_options options,
                                                    emit to);

  /// Returns when all commands so far have been carried out. What was found of
  /// earlier lives and has not been adopted is killed then.
  virtual void settle() = 0;

  virtual cgroup_rung rung() const = 0;
  virtual std::string why() const = 0;
};

} // namespace skerry
