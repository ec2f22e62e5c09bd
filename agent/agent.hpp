#pragma once

#include "agent/cgroup.hpp"
#include "agent/link.hpp"
#include "agent/simulated_driver.hpp"
#include "messages/skerry/v1/types.pb.h"
#include "scheduling/result.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace skerry {

struct agent_options {
  /// Attaches to one at a time; the others are for when it is gone.
  std::vector<std::string> servers;
  /// Makes a channel to one of them; see `link_channel_arguments`.
  std::function<std::shared_ptr<grpc::ChannelInterface>(const std::string&)>
      dial;
  /// `dial` returns channels inside this process, as `skerry dev` does.
  bool in_process_channels = false;
  /// Journal, lease, tasks and the log of starts. One agent at a time.
  std::filesystem::path data_directory;

  /// One machine, or the many that a simulated agent stands for.
  std::vector<v1::NodeSpec> nodes;
  bool simulated = false;
  simulated_driver_options simulation = {};

  // For processes.
  std::filesystem::path supervisor = {}; ///< Empty: beside the binary.
  std::string user = "nobody"; ///< Whom tasks run as when the agent is root.
  cgroup_rung best_rung = cgroup_rung::v2;
  std::vector<std::string> device_ids = {}; ///< See `machine`.
  std::int64_t usage_milliseconds = 5'000;

  std::int64_t connect_milliseconds = 2'000;
  std::string connect_hint; ///< See `link_options::hint`.
  std::int64_t longest_wait_milliseconds = 5'000;
  std::uint64_t seed = 0; ///< Of the waits between connections; 0: random.
  /// Lines "event key=value ..."; called on threads of the agent.
  std::function<void(const std::string&)> log = {};
};

struct agent_status {
  std::string server; ///< Empty when there is none.
  std::size_t nodes = 0;
  std::size_t attached = 0;
  std::size_t live_tasks = 0;
  std::size_t held_tasks = 0; ///< With those whose end nobody knows yet.
  std::uint64_t starts = 0;   ///< In this life.
};

/// The resource agent at work: the core on a thread, around it the journal, a
/// driver and the link.
class agent {
public:
  /// Finds again what ran, and begins to attach.
  /// @returns `invalid_argument` for options; `conflict` and `malformed` for
  ///          the journal; `not_found` for the supervisor or the user;
  ///          `io_failed`.
  static result<std::unique_ptr<agent>> start(agent_options options);

  /// Like `stop()`.
  virtual ~agent() = default;

  /// Leaves tasks running, for the next agent on this directory to find.
  virtual void stop() = 0;
  /// Stops all tasks, waits at most this long for them, and says Goodbye.
  virtual void leave(std::int64_t milliseconds) = 0;

  /// Waits, and returns early with the reason when the agent had to give up:
  /// its journal can no longer be written.
  virtual std::optional<error> wait(std::int64_t milliseconds) = 0;

  virtual agent_status status() const = 0;
  /// How tasks are held to their amounts, for people.
  virtual std::string enforcement() const = 0;

protected:
  agent() = default;
  agent(const agent&) = default;
  agent& operator=(const agent&) = default;
};

} // namespace skerry
