#pragma once

#include "agent/driver.hpp"

#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace skerry {

/// What the journal says, folded.
struct agent_memory {
  struct task {
    v1::StartOrder order; ///< With the amounts of the last resize.
    v1::TaskStarted started;
    bool has_started = false;
    bool stopping = false;
    std::string stop_reason;
    std::optional<v1::Outcome> outcome;
  };
  v1::AgentIdentity identity; ///< Without an id: nothing is remembered.
  std::map<std::string, v1::NodeSession> sessions;
  std::map<task_key, task> tasks;
  /// Node and task: the highest attempt that has come and gone, oldest first.
  std::vector<task_key> gone;
};

agent_memory fold(std::span<const v1::AgentRecord> records);

/// After a reboot no process lives: what had not ended has ended.
void end_all(agent_memory& memory, std::string_view reason,
             std::int64_t unix_milliseconds);

/// The records that fold into this memory.
std::vector<v1::AgentRecord> unfold(const agent_memory& memory);

} // namespace skerry
