#pragma once

#include "tests/actors/sim_world.hpp"

namespace skerry::testing {

/// What the servers rely on in an agent and its machine.
///
///  - It obeys its current session only, and starts no (task, attempt) twice.
///  - It never takes more than the machine has.
///  - What it holds, it holds in a journal: a task from the order on until its
///    outcome is acknowledged, and what it has had.
///  - Each hello names a higher last session than the one before, also after a
///    restart: a server that answered unheard may have given that number.
///  - Without an answer to a keep-alive that it sent within the lease, tasks
///    end, unless they say otherwise; also while the agent itself is down.
class sim_agent {
public:
  sim_agent(sim_world& world, std::size_t number, v1::NodeSpec spec);

  void start(); ///< Of the process; tasks may run already.
  void kill();  ///< Of the process: tasks run on.
  /// The machine: tasks end, the journal stays.
  void power_off();
  /// A new machine under the old name.
  void replace();
  /// Goes to another server without saying so.
  void wander();

  void take(link_id link, const v1::ServerMessage& message);
  void closed(link_id link);

  bool is_up() const { return up_; }
  bool has_power() const { return has_power_; }
  bool was_replaced() const { return was_replaced_; }
  bool holds_nothing() const { return held_.empty(); }
  const std::string& name() const { return spec_.name(); }
  bool is_welcome() const { return session_ != 0; }
  std::string holding() const;
  /// Of the task that runs here.
  std::optional<v1::Resources> demand_of(const std::string& task) const;

private:
  using task_key = std::pair<std::string, std::uint32_t>;

  struct held_task {
    v1::StartOrder order;
    bool runs = false; ///< The process.
    bool started = false;
    std::optional<v1::Outcome> outcome;
    std::string stop_reason;
    std::uint64_t serial = 0;
  };

  void later(std::int64_t milliseconds, std::function<void()> what);
  void connect();
  void leave();
  void beat();
  void take_welcome(const v1::Welcome& welcome);
  void take_start(const v1::StartOrder& order);
  void take_stop(const v1::StopOrder& order);
  void take_resize(const v1::ResizeOrder& order);
  std::optional<error> fault_of(const v1::StartOrder& order) const;
  void run(const task_key& key);
  void end(const task_key& key, bool succeeded, std::string reason);
  void end_all(const std::string& reason, bool lease);
  void renew(std::int64_t until);
  void check_lease();
  v1::TaskReport report_on(const task_key& key) const;
  void say(v1::TaskReport report);
  v1::Hello hello();

  sim_world& world_;
  std::size_t number_;
  v1::NodeSpec spec_;

  // Journal.
  std::uint64_t id_ = 0;
  std::uint64_t last_session_ = 0;
  std::map<task_key, held_task> held_;
  std::map<std::string, std::uint32_t> had_; ///< Highest attempt, by task.

  bool has_power_ = true;
  bool was_replaced_ = false;

  // Memory.
  bool up_ = false;
  std::uint64_t life_ = 0;
  std::optional<link_id> link_;
  std::size_t server_ = 0;
  std::uint64_t session_ = 0; ///< 0 without a welcome.
  std::uint64_t epoch_ = 0;
  std::int64_t hello_at_ = 0;
  std::int64_t answered_at_ = 0;

  std::int64_t lease_until_ = 0;
  std::uint64_t next_serial_ = 1;
};

} // namespace skerry::testing
