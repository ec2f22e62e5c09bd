// How long tasks may run. The agent ends them: it alone is there when no server
// is, and its clock goes on while the machine sleeps.
#include "agent/core.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

namespace skerry {

void agent_core::limit(const task_key& key, const held_task& task) {
  if (task.order.work().max_duration_milliseconds() > 0 && task.limit_at == 0)
    to_limit_.push_back(key);
}

void agent_core::check_limits(agent_instant now, agent_step& out) {
  for (const auto& key : std::exchange(to_limit_, {})) {
    node_state* node = nullptr;
    auto* task = find(key, node);
    if (task == nullptr || task->now != phase::running || task->limit_at != 0)
      continue;
    // The calendar is asked once only: a clock that is set later, as on a
    // machine that has booted without one, ends nothing early.
    const auto has_run
        = now.unix_milliseconds - task->started.unix_milliseconds();
    task->limit_at = now.boot_milliseconds
                     + task->order.work().max_duration_milliseconds()
                     - std::max<std::int64_t>(0, has_run);
    limits_.emplace(task->limit_at, key);
  }
  while (!limits_.empty() && limits_.begin()->first <= now.boot_milliseconds) {
    const auto key = limits_.begin()->second;
    limits_.erase(limits_.begin());
    node_state* node = nullptr;
    auto* task = find(key, node);
    if (task == nullptr || task->now != phase::running || task->stopping)
      continue;
    const auto most = task->order.work().max_duration_milliseconds();
    stop(*task,
         fmt::format("it has run for its max_duration of {} s",
                     static_cast<double>(most) / 1000),
         false, out);
  }
}

} // namespace skerry
