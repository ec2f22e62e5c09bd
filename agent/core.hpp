#pragma once

#include "agent/account.hpp"
#include "agent/driver.hpp"
#include "agent/recovery.hpp"
#include "messages/skerry/v1/agent_link.pb.h"

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace skerry {

struct agent_core_options {
  std::vector<v1::NodeSpec> nodes;
  /// Runs simulated tasks only: there are no such machines.
  bool simulated = false;
  /// Between two tellings of an outcome that nobody has acknowledged.
  std::int64_t resend_milliseconds = 2'000;
  /// Between two Hellos of a node that was refused.
  std::int64_t hello_milliseconds = 2'000;
  /// Heartbeats without an echo after which the server counts as gone.
  std::int64_t missed_heartbeats = 5;
  /// Attempts of a node that are remembered after they have gone, so that a
  /// late copy of an order starts nothing: some 100 bytes each.
  std::size_t max_gone = 1024;
  /// Hellos in one message: the server commits a message at once.
  int max_hellos = 500;
  /// A quarter of what gRPC lets pass by default: one large order may follow.
  std::size_t max_message_bytes = 1 << 20;
  /// The lease that is on disk from before a restart, on the same clock as
  /// `agent_instant::boot_milliseconds`.
  std::int64_t lease_until_milliseconds = 0;
};

/// The time, as the core is told it.
struct agent_instant {
  /// Counts suspended time as well: a lease ends while the machine sleeps.
  std::int64_t boot_milliseconds = 0;
  std::int64_t unix_milliseconds = 0;
};

/// What the core wants done. In this order: nothing starts and nothing is told
/// before the records are on disk.
struct agent_step {
  std::vector<v1::AgentRecord> records;
  std::vector<driver_command> commands;
  std::vector<v1::AgentMessage> messages;
  std::vector<std::string> notes;     ///< For the log.
  bool reconnect = false;             ///< The server does not answer.
  std::size_t last_message_bytes = 0; ///< About as much as is in it yet.
};

/// All that an agent decides, for one node or thousands. No clock, no disk, no
/// thread, no socket: messages, events and time come in, steps go out.
///
/// Fence: an order counts only with the session that the node got through the
/// present stream, and is accepted only once and only when it fits.
class agent_core {
public:
  /// @returns `invalid_argument` for a node that is not valid, `conflict` when
  ///          the journal holds tasks of a node that is not among these.
  static result<agent_core> recover(agent_core_options options,
                                    const agent_memory& memory,
                                    agent_step& out);

  /// A stream is open. Says Hello for every node.
  void connected(agent_instant now, agent_step& out);
  void disconnected();
  void take(const v1::ServerMessage& message, agent_instant now,
            agent_step& out);
  void take(const driver_event& event, agent_instant now, agent_step& out);
  /// Leases, heartbeats and repetitions: to be called every 100 ms or so.
  void tick(agent_instant now, agent_step& out);

  /// Stops every task and accepts no more.
  void leave(agent_step& out);
  /// Whether no task runs any more.
  bool idle() const { return live_ == 0; }
  /// A Goodbye for each node. @pre `idle()`.
  void say_goodbye(agent_step& out);

  /// All that a restart needs; what a compaction writes.
  agent_memory memory() const;

  /// When the last lease of this agent runs out.
  std::int64_t lease_until() const;
  std::size_t attached() const { return attached_; }
  std::size_t nodes() const { return nodes_.size(); }
  std::size_t live_tasks() const { return live_; }
  std::size_t held_tasks() const;

private:
  enum class phase { accepted, running, ended };

  struct held_task {
    v1::StartOrder order; ///< With the amounts that are granted now.
    holding held;
    phase now = phase::accepted;
    v1::TaskStarted started;
    bool has_started = false;
    bool told_started = false;
    bool stopping = false;
    std::string stop_reason;
    std::optional<v1::Resources> resizing;
    v1::Outcome outcome;
    std::int64_t tell_again = 0;
    std::int64_t limit_at = 0; ///< Of its run time; 0: none, or not known yet.
  };

  using attempt_key = std::pair<std::string, std::uint32_t>;

  struct node_state {
    v1::NodeSpec spec;
    account room;
    v1::NodeSession session;   ///< The highest there was.
    bool attached = false;     ///< `session` is of the present stream.
    std::int64_t hello_at = 0; ///< When the last Hello was said.
    bool refused = false;
    std::int64_t lease_milliseconds = 0;
    std::int64_t lease_until = 0; ///< Without the echoes of this stream.
    std::map<attempt_key, held_task> tasks = {};
    std::set<attempt_key> to_acknowledge = {};
    std::unordered_map<std::string, std::uint32_t> gone = {};
    std::deque<std::string> gone_order = {};
  };

  explicit agent_core(agent_core_options options)
      : options_{std::move(options)} {}

  node_state* find(const std::string& node);
  held_task* find(const task_key& key, node_state*& node);
  /// The node, when the order is of its present session.
  template <class Order>
  node_state* obeys(const Order& order, agent_step& out);

  void hello(node_state& node, agent_instant now, agent_step& out);
  void welcome(const v1::Welcome& welcome, agent_instant now, agent_step& out);
  void refused(const v1::Refused& refused, agent_step& out);
  void start(const v1::StartOrder& order, agent_instant now, agent_step& out);
  result<holding> admit(const v1::StartOrder& order, node_state& node);
  void stop(const v1::StopOrder& order, agent_instant now, agent_step& out);
  void stop(held_task& task, const std::string& reason, bool at_once,
            agent_step& out);
  void resize(const v1::ResizeOrder& order, agent_step& out);
  void acknowledge(const v1::Acknowledge& ack, agent_step& out);
  void forget(node_state& node, const attempt_key& key, agent_step& out);
  void remember_gone(node_state& node, const attempt_key& key);

  void began(const task_began& event, agent_step& out);
  void over(const task_over& event, agent_instant now, agent_step& out);
  void never_began(const task_never_began& event, agent_step& out);
  void resized(const task_changed& event, agent_step& out);
  void not_resized(const resize_refused& event, agent_step& out);

  std::int64_t lease_until(const node_state& node) const;
  void check_leases(agent_instant now, agent_step& out);
  void limit(const task_key& key, const held_task& task);
  void check_limits(agent_instant now, agent_step& out);
  void tell_ended(node_state& node, held_task& task, agent_instant now,
                  agent_step& out);
  void tell_started(const node_state& node, held_task& task, agent_step& out);
  /// A report of the node's session, in a message with room for it.
  v1::TaskReport& report(const node_state& node, const std::string& task,
                         std::uint32_t attempt, agent_step& out);
  v1::AgentMessage& message(agent_step& out, std::size_t size);

  agent_core_options options_;
  std::vector<node_state> nodes_;
  std::unordered_map<std::string, std::size_t> index_;
  v1::AgentIdentity identity_;
  std::vector<task_key> to_limit_; ///< Have a limit that is not in `limits_`.
  std::set<std::pair<std::int64_t, task_key>> limits_; ///< First to last.
  bool connected_ = false;
  bool leaving_ = false;
  std::size_t attached_ = 0;
  std::size_t live_ = 0;
  std::int64_t heartbeat_milliseconds_ = 1'000;
  std::int64_t next_heartbeat_ = 0;
  std::int64_t heard_at_ = 0;
  std::int64_t alive_from_ = 0; ///< Of the last echo: when it was sent.
};

} // namespace skerry
