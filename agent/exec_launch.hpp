#pragma once

#include "messages/skerry/v1/agent_link.pb.h"
#include "scheduling/result.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace skerry {

/// The files of one attempt, which its supervisor and the agent share.
/// See supervise_main.cpp.

struct supervisor_mark {
  pid_t pid = 0; ///< 0: the agent has claimed it, so that it never starts.
  std::uint64_t start_ticks = 0;
  std::int64_t unix_milliseconds = 0;
};
std::optional<supervisor_mark>
read_mark(const std::filesystem::path& directory);

/// Whether it is certain from now on that no supervisor starts this attempt.
bool claim_for_nobody(const std::filesystem::path& directory);

std::optional<v1::Outcome> read_exit(const std::filesystem::path& directory);

struct user_ids {
  uid_t uid = 0;
  gid_t gid = 0;
};
/// @returns `not_found`.
result<user_ids> find_user(const std::string& name);

/// All that a supervisor is told.
struct launch {
  std::filesystem::path supervisor;
  std::filesystem::path directory;
  std::filesystem::path log;
  std::filesystem::path working_directory;
  std::filesystem::path lease; ///< Empty: goes on without its agent.
  std::int64_t lease_slack_milliseconds = 0;
  std::int64_t grace_milliseconds = 5000;
  std::vector<std::string> cgroups;
  std::vector<std::size_t> cpus;
  std::int64_t data_bytes = 0;
  std::optional<user_ids> user; ///< None: the agent's own.
  std::map<std::string, std::string> environment;
};

/// The supervisor runs when it returns; the task a moment later.
/// @returns its pid, or `io_failed`.
result<pid_t> spawn(const launch& how, const v1::StartOrder& order);

/// Of the agent's own environment only what every program needs, then the
/// job's, then what the scheduler says.
std::map<std::string, std::string>
task_environment(const v1::StartOrder& order,
                 const std::vector<std::string>& device_kinds,
                 const std::vector<std::string>& device_ids,
                 const std::filesystem::path& home);

/// "0:1000,3:500": devices and shares, "-" for none.
std::string devices_text(const v1::StartOrder& order);

} // namespace skerry
