#pragma once

#include "messages/skerry/v1/agent_journal.pb.h"
#include "messages/skerry/v1/agent_link.pb.h"
#include "scheduling/result.hpp"

#include <compare>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace skerry {

/// One attempt of a task on one node of this agent.
struct task_key {
  std::string node;
  std::string task;
  std::uint32_t attempt = 0;

  friend auto operator<=>(const task_key&, const task_key&) = default;
};

// -- what a driver is told ----------------------------------------------------

/// @pre The order is in the journal, and this is its first start.
struct begin_task {
  task_key key;
  v1::StartOrder order;
};

/// A task of before the agent's restart.
struct adopt_task {
  task_key key;
  v1::StartOrder order;
  v1::TaskStarted started; ///< Empty when the journal does not say.
};

struct stop_task {
  task_key key;
  std::string reason;
  bool at_once = false; ///< Its lease is over: no more than a second's grace.
};

struct change_task {
  task_key key;
  v1::Resources demand;
};

/// Its outcome is with the servers: what is kept of it may go.
struct forget_task {
  task_key key;
};

using driver_command = std::variant<begin_task, adopt_task, stop_task,
                                    change_task, forget_task, v1::LogsOrder>;

// -- what a driver tells ------------------------------------------------------

struct task_began {
  task_key key;
  v1::TaskStarted started;
};

struct task_over {
  task_key key;
  v1::Outcome outcome;
};

/// An adopted task that had not begun, and will not.
struct task_never_began {
  task_key key;
};

struct task_changed {
  task_key key;
  v1::Resources demand;
};

struct resize_refused {
  task_key key;
  error why;
};

struct task_used {
  task_key key;
  v1::Usage usage;
};

using driver_event
    = std::variant<task_began, task_over, task_never_began, task_changed,
                   resize_refused, task_used, v1::LogsAnswer>;

/// Runs tasks in its own way. Commands never block for long; what becomes of
/// them is told through events, in order for each task.
class driver {
public:
  virtual ~driver() = default;
  virtual void take(driver_command command) = 0;

protected:
  driver() = default;
  driver(const driver&) = default;
  driver& operator=(const driver&) = default;
};

} // namespace skerry
