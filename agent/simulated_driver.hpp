#pragma once

#include "agent/core.hpp"
#include "agent/driver.hpp"

#include <cstdint>
#include <map>
#include <queue>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace skerry {

struct simulated_driver_options {
  /// A task of one hour runs one hour divided by this.
  double time_scale = 1;
  /// Between two reports of what a task uses.
  std::int64_t usage_milliseconds = 10'000;
};

/// Tasks that only pretend: they end after their duration and use what their
/// order says, for all time or along a curve. What CPU they want beyond what
/// they have is throttled and not made up for; when they want more memory than
/// they have, they are killed, as the kernel would. Time is an argument, so an
/// hour passes at once in a test.
class simulated_driver final : public driver {
public:
  explicit simulated_driver(simulated_driver_options options = {})
      : options_{options} {}

  /// Takes place at the time of the last `advance`.
  void take(driver_command command) override;

  /// What happens until `now`, and what the commands since the last call have
  /// led to.
  /// @cost O(log tasks) an event.
  std::vector<driver_event> advance(agent_instant now);

  /// When the next task ends or tells; nothing happens earlier by itself.
  std::int64_t next_milliseconds() const;

  bool has(const task_key& key) const { return tasks_.contains(key); }

  /// Lines for the log of starts and ends; see supervise_main.cpp.
  std::string take_log() { return std::exchange(log_, {}); }

private:
  struct virtual_task {
    v1::StartOrder order;
    v1::Resources granted; ///< Now.
    std::int64_t started_unix = 0;
    std::uint64_t number = 0;
    std::int64_t told_unix = 0; ///< Until when its use has been told.
    std::int64_t peak_bytes = 0;
  };
  enum class what { end, tell };
  using timer = std::tuple<std::int64_t, std::uint64_t, what>;

  void begin(const task_key& key, const v1::StartOrder& order,
             const v1::TaskStarted* before);
  void end(const task_key& key, std::int32_t signal, std::string reason,
           bool out_of_memory = false);
  /// From when it was told last until then.
  v1::Usage use_of(const virtual_task& task,
                   std::int64_t until_unix_milliseconds) const;
  void tell(const task_key& key, virtual_task& task,
            std::int64_t until_unix_milliseconds);
  void resize(const change_task& command);

  simulated_driver_options options_;
  agent_instant now_;
  std::map<task_key, virtual_task> tasks_;
  std::map<std::uint64_t, task_key> by_number_;
  std::priority_queue<timer, std::vector<timer>, std::greater<>> timers_;
  std::vector<driver_event> events_;
  std::string log_;
  std::uint64_t next_number_ = 1;
};

} // namespace skerry
