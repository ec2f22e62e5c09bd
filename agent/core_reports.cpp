#include "agent/core.hpp"
#include "messages/convert.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <type_traits>
#include <variant>

namespace skerry {

namespace {

constexpr const char* lease_reason
    = "its agent has lost every server and its lease has run out";
/// Fields beside strings of a report on the wire, generously.
constexpr std::size_t report_bytes = 128;

} // namespace

// -- telling ------------------------------------------------------------------

v1::TaskReport& agent_core::report(const node_state& node,
                                   const std::string& task,
                                   std::uint32_t attempt, agent_step& out) {
  const auto& name = node.spec.name();
  auto& report
      = *message(out, report_bytes + name.size() + task.size()).add_reports();
  report.set_node(name);
  report.set_session(node.session.session());
  report.set_task(task);
  report.set_attempt(attempt);
  return report;
}

void agent_core::tell_started(const node_state& node, held_task& task,
                              agent_step& out) {
  task.told_started = true;
  report(node, task.order.task(), task.order.attempt(), out)
      .mutable_started()
      ->set_unix_milliseconds(task.started.unix_milliseconds());
}

void agent_core::tell_ended(node_state& node, held_task& task,
                            agent_instant now, agent_step& out) {
  *report(node, task.order.task(), task.order.attempt(), out).mutable_ended()
      = task.outcome;
  task.tell_again = now.boot_milliseconds + options_.resend_milliseconds;
}

// -- what drivers tell --------------------------------------------------------

void agent_core::take(const driver_event& event, agent_instant now,
                      agent_step& out) {
  std::visit(
      [&](const auto& each) {
        using event_type = std::decay_t<decltype(each)>;
        if constexpr (std::is_same_v<event_type, task_began>)
          began(each, out);
        else if constexpr (std::is_same_v<event_type, task_over>)
          over(each, now, out);
        else if constexpr (std::is_same_v<event_type, task_never_began>)
          never_began(each, out);
        else if constexpr (std::is_same_v<event_type, task_changed>)
          resized(each, out);
        else if constexpr (std::is_same_v<event_type, resize_refused>)
          not_resized(each, out);
        else if constexpr (std::is_same_v<event_type, task_used>) {
          node_state* node = nullptr;
          const auto* task = find(each.key, node);
          if (task != nullptr && node->attached && task->now == phase::running)
            *report(*node, each.key.task, each.key.attempt, out).mutable_usage()
                = each.usage;
        } else if (connected_) {
          *message(out, report_bytes + each.data().size()).add_logs() = each;
        }
      },
      event);
}

void agent_core::began(const task_began& event, agent_step& out) {
  node_state* node = nullptr;
  auto* task = find(event.key, node);
  if (task == nullptr || task->now == phase::ended)
    return;
  // Told again when a restarted agent has found it.
  task->started = event.started;
  task->has_started = true;
  task->now = phase::running;
  limit(event.key, *task);
  *out.records.emplace_back().mutable_started() = event.started;
  if (node->attached && !task->told_started)
    tell_started(*node, *task, out);
}

void agent_core::over(const task_over& event, agent_instant now,
                      agent_step& out) {
  node_state* node = nullptr;
  auto* task = find(event.key, node);
  if (task == nullptr || task->now == phase::ended)
    return;
  task->now = phase::ended;
  task->outcome = event.outcome;
  if (task->stopping && task->outcome.reason().empty())
    task->outcome.set_reason(task->stop_reason);
  if (task->stopping && task->limit_at != 0
      && now.boot_milliseconds >= task->limit_at)
    task->outcome.set_succeeded(false); // However well it took the stop.
  node->room.release(task->held);
  --live_;
  limits_.erase({task->limit_at, event.key});
  node->to_acknowledge.insert({event.key.task, event.key.attempt});
  auto& record = *out.records.emplace_back().mutable_ended();
  record.set_node(event.key.node);
  record.set_task(event.key.task);
  record.set_attempt(event.key.attempt);
  *record.mutable_outcome() = task->outcome;
  if (node->attached)
    tell_ended(*node, *task, now, out);
}

void agent_core::never_began(const task_never_began& event, agent_step& out) {
  node_state* node = nullptr;
  auto* task = find(event.key, node);
  if (task == nullptr || task->now != phase::accepted)
    return;
  // As if the order had never arrived: the server sends it again, if it still
  // wants it, when the next Hello does not name it.
  node->room.release(task->held);
  --live_;
  auto& record = *out.records.emplace_back().mutable_forgotten();
  record.set_node(event.key.node);
  record.set_task(event.key.task);
  record.set_attempt(event.key.attempt);
  record.set_never_started(true);
  node->tasks.erase({event.key.task, event.key.attempt});
}

void agent_core::resized(const task_changed& event, agent_step& out) {
  node_state* node = nullptr;
  auto* task = find(event.key, node);
  if (task == nullptr || task->now == phase::ended)
    return;
  task->resizing.reset();
  *task->order.mutable_demand() = event.demand;
  // Shrinks what was held for both: cannot fail.
  SKERRY_ASSERT(
      node->room.resize(task->held, from_proto(event.demand)).has_value());
  auto& record = *out.records.emplace_back().mutable_resized();
  record.set_node(event.key.node);
  record.set_task(event.key.task);
  record.set_attempt(event.key.attempt);
  *record.mutable_demand() = event.demand;
  if (node->attached)
    *report(*node, event.key.task, event.key.attempt, out).mutable_resized()
        = event.demand;
}

void agent_core::not_resized(const resize_refused& event, agent_step& out) {
  node_state* node = nullptr;
  auto* task = find(event.key, node);
  if (task == nullptr || task->now == phase::ended)
    return;
  task->resizing.reset();
  const auto& demand = task->order.demand();
  SKERRY_ASSERT(node->room.resize(task->held, from_proto(demand)).has_value());
  if (!node->attached)
    return;
  auto& refusal = *report(*node, event.key.task, event.key.attempt, out)
                       .mutable_refused();
  refusal.set_code(static_cast<int>(event.why.code));
  refusal.set_message(event.why.message);
  refusal.set_was_resize(true);
  *report(*node, event.key.task, event.key.attempt, out).mutable_resized()
      = demand;
}

// -- time ---------------------------------------------------------------------

void agent_core::tick(agent_instant now, agent_step& out) {
  check_leases(now, out);
  check_limits(now, out);
  if (!connected_)
    return;
  const auto boot = now.boot_milliseconds;
  if (boot >= next_heartbeat_) {
    next_heartbeat_ = boot + heartbeat_milliseconds_;
    message(out, report_bytes).add_keep_alives()->set_sent_milliseconds(boot);
  }
  if (boot - heard_at_ > options_.missed_heartbeats * heartbeat_milliseconds_) {
    heard_at_ = boot; // Once.
    out.reconnect = true;
    out.notes.push_back(
        fmt::format("server_silent milliseconds={}",
                    options_.missed_heartbeats * heartbeat_milliseconds_));
  }
  for (auto& node : nodes_) {
    if (node.refused && boot - node.hello_at >= options_.hello_milliseconds
        && !leaving_) {
      // Where none of its nodes is wanted, another server may want them.
      if (attached_ == 0)
        out.reconnect = true;
      else
        hello(node, now, out);
    }
    if (!node.attached)
      continue;
    for (const auto& key : node.to_acknowledge)
      if (auto& task = node.tasks.at(key); task.tell_again <= boot)
        tell_ended(node, task, now, out);
  }
}

std::int64_t agent_core::lease_until(const node_state& node) const {
  if (!node.attached || alive_from_ == 0)
    return node.lease_until;
  return std::max(node.lease_until, alive_from_ + node.lease_milliseconds);
}

std::int64_t agent_core::lease_until() const {
  std::int64_t last = 0;
  for (const auto& node : nodes_)
    last = std::max(last, lease_until(node));
  return last;
}

void agent_core::check_leases(agent_instant now, agent_step& out) {
  if (live_ == 0)
    return;
  for (auto& node : nodes_) {
    if (node.tasks.size() == node.to_acknowledge.size()
        || now.boot_milliseconds < lease_until(node))
      continue;
    for (auto& [key, task] : node.tasks) {
      if (task.now == phase::ended || task.stopping
          || task.order.work().keep_on_disconnect())
        continue;
      out.notes.push_back(fmt::format("lease_over node={} task={} attempt={}",
                                      node.spec.name(), key.first, key.second));
      stop(task, lease_reason, true, out);
    }
  }
}

// -- leaving ------------------------------------------------------------------

void agent_core::leave(agent_step& out) {
  leaving_ = true;
  for (auto& node : nodes_)
    for (auto& [key, task] : node.tasks)
      if (task.now != phase::ended)
        stop(task, "its node leaves", false, out);
}

void agent_core::say_goodbye(agent_step& out) {
  SKERRY_ASSERT(idle());
  for (const auto& node : nodes_)
    if (node.attached)
      message(out, report_bytes).add_goodbyes()->set_node(node.spec.name());
}

} // namespace skerry
