#include "agent/core.hpp"

#include "messages/convert.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace skerry {

namespace {

/// Version of `agent_link.proto` that is spoken.
constexpr std::uint32_t link_schema = 1;

v1::Resources larger(const v1::Resources& a, const v1::Resources& b) {
  v1::Resources out;
  out.set_cpu_millicores(std::max(a.cpu_millicores(), b.cpu_millicores()));
  out.set_memory_bytes(std::max(a.memory_bytes(), b.memory_bytes()));
  out.set_disk_bytes(std::max(a.disk_bytes(), b.disk_bytes()));
  out.set_network_bits_per_second(
      std::max(a.network_bits_per_second(), b.network_bits_per_second()));
  return out;
}

} // namespace

// -- recovery -----------------------------------------------------------------

result<agent_core> agent_core::recover(agent_core_options options,
                                       const agent_memory& memory,
                                       agent_step& out) {
  agent_core core{std::move(options)};
  core.identity_ = memory.identity;
  for (const auto& spec : core.options_.nodes) {
    auto node = from_proto(spec);
    if (!node)
      return node.failure();
    if (!core.index_.emplace(spec.name(), core.nodes_.size()).second)
      return {error_code::invalid_argument,
              fmt::format("node {} is given twice", spec.name())};
    auto& state = core.nodes_.emplace_back(
        node_state{.spec = spec, .room = account{*node}, .session = {}});
    state.session.set_node(spec.name());
    state.lease_until = core.options_.lease_until_milliseconds;
    if (auto known = memory.sessions.find(spec.name());
        known != memory.sessions.end())
      state.session = known->second;
  }
  for (const auto& key : memory.gone)
    if (auto* node = core.find(key.node))
      core.remember_gone(*node, {key.task, key.attempt});
  for (const auto& [key, kept] : memory.tasks) {
    auto* node = core.find(key.node);
    if (node == nullptr)
      return {
          error_code::conflict,
          fmt::format("the journal holds tasks of node {}, which this agent "
                      "is not; start it under its old name, or with a new "
                      "--data",
                      key.node)};
    auto& task = node->tasks[{key.task, key.attempt}];
    task.order = kept.order;
    task.started = kept.started;
    task.has_started = kept.has_started;
    task.stopping = kept.stopping;
    task.stop_reason = kept.stop_reason;
    if (kept.outcome) {
      task.now = phase::ended;
      task.outcome = *kept.outcome;
      node->to_acknowledge.insert({key.task, key.attempt});
      continue;
    }
    // It runs, whatever the account says of it.
    auto held = node->room.holding_of(kept.order);
    if (!held)
      return held.failure();
    task.held = *std::move(held);
    node->room.take_unchecked(task.held);
    ++core.live_;
    task.now = task.has_started ? phase::running : phase::accepted;
    if (task.has_started)
      core.limit(key, task);
    out.commands.emplace_back(adopt_task{key, task.order, task.started});
    if (task.stopping)
      out.commands.emplace_back(stop_task{key, task.stop_reason});
  }
  return core;
}

agent_memory agent_core::memory() const {
  agent_memory out;
  out.identity = identity_;
  for (const auto& node : nodes_) {
    const auto& name = node.spec.name();
    if (node.session.next_said() != 0)
      out.sessions[name] = node.session;
    for (const auto& [key, task] : node.tasks) {
      auto& kept = out.tasks[{name, key.first, key.second}];
      kept.order = task.order;
      kept.started = task.started;
      kept.has_started = task.has_started;
      kept.stopping = task.stopping;
      kept.stop_reason = task.stop_reason;
      if (task.now == phase::ended)
        kept.outcome = task.outcome;
    }
    for (const auto& task : node.gone_order)
      out.gone.push_back({name, task, node.gone.at(task)});
  }
  return out;
}

// -- look-up ------------------------------------------------------------------

agent_core::node_state* agent_core::find(const std::string& node) {
  auto found = index_.find(node);
  return found == index_.end() ? nullptr : &nodes_[found->second];
}

agent_core::held_task* agent_core::find(const task_key& key,
                                        node_state*& node) {
  node = find(key.node);
  if (node == nullptr)
    return nullptr;
  auto found = node->tasks.find({key.task, key.attempt});
  return found == node->tasks.end() ? nullptr : &found->second;
}

template <class Order>
agent_core::node_state* agent_core::obeys(const Order& order, agent_step& out) {
  auto* node = find(order.node());
  if (node != nullptr && node->attached
      && order.session() == node->session.session())
    return node;
  out.notes.push_back(
      fmt::format("order_ignored node={} task={} session={} reason={}",
                  order.node(), order.task(), order.session(),
                  node == nullptr ? "unknown_node" : "old_session"));
  return nullptr;
}

std::size_t agent_core::held_tasks() const {
  std::size_t sum = 0;
  for (const auto& node : nodes_)
    sum += node.tasks.size();
  return sum;
}

// -- messages -----------------------------------------------------------------

v1::AgentMessage& agent_core::message(agent_step& out, std::size_t size) {
  if (out.messages.empty()
      || out.last_message_bytes + size > options_.max_message_bytes) {
    out.messages.emplace_back();
    out.last_message_bytes = 0;
  }
  out.last_message_bytes += size;
  return out.messages.back();
}

void agent_core::connected(agent_instant now, agent_step& out) {
  disconnected();
  connected_ = true;
  heard_at_ = now.boot_milliseconds;
  next_heartbeat_ = now.boot_milliseconds + heartbeat_milliseconds_;
  alive_from_ = 0;
  if (leaving_)
    return;
  for (auto& node : nodes_)
    hello(node, now, out);
}

void agent_core::disconnected() {
  for (auto& node : nodes_) {
    node.lease_until = lease_until(node);
    node.attached = false;
    node.refused = false;
  }
  connected_ = false;
  attached_ = 0;
}

void agent_core::hello(node_state& node, agent_instant now, agent_step& out) {
  v1::Hello hello;
  *hello.mutable_node() = node.spec;
  hello.set_agent_id(identity_.agent_id());
  // On disk before it is said: see the schema.
  const auto say = std::max(node.session.session(), node.session.next_said());
  node.session.set_next_said(say + 1);
  *out.records.emplace_back().mutable_session() = node.session;
  hello.set_last_session(say);
  hello.set_schema(link_schema);
  for (auto& [key, task] : node.tasks) {
    auto* held = hello.add_tasks();
    *held->mutable_order() = task.order;
    held->set_started(task.now == phase::running);
    task.told_started = task.now == phase::running;
    if (task.now != phase::ended)
      continue;
    *held->mutable_outcome() = task.outcome;
    task.tell_again = now.boot_milliseconds + options_.resend_milliseconds;
  }
  node.hello_at = now.boot_milliseconds;
  node.refused = false;
  const auto size = hello.ByteSizeLong();
  auto* into = &message(out, size);
  if (into->hellos_size() >= options_.max_hellos) {
    out.last_message_bytes = size;
    into = &out.messages.emplace_back();
  }
  *into->add_hellos() = std::move(hello);
}

void agent_core::take(const v1::ServerMessage& message, agent_instant now,
                      agent_step& out) {
  heard_at_ = now.boot_milliseconds;
  if (message.has_keep_alive())
    alive_from_
        = std::max(alive_from_, message.keep_alive().sent_milliseconds());
  for (const auto& each : message.welcomes())
    welcome(each, now, out);
  for (const auto& each : message.refused())
    refused(each, out);
  for (const auto& each : message.acknowledges())
    acknowledge(each, out);
  for (const auto& each : message.stops())
    stop(each, now, out);
  for (const auto& each : message.starts())
    start(each, now, out);
  for (const auto& each : message.resizes())
    resize(each, out);
  for (const auto& each : message.logs())
    out.commands.emplace_back(each);
}

void agent_core::welcome(const v1::Welcome& welcome, agent_instant now,
                         agent_step& out) {
  auto* node = find(welcome.node());
  if (node == nullptr || !connected_ || node->hello_at == 0 || leaving_)
    return;
  const auto& last = node->session;
  const bool of_the_past = welcome.session() < last.next_said()
                           || welcome.session() <= last.session()
                           || (welcome.server() == last.server()
                               && welcome.epoch() < last.epoch());
  if (of_the_past) {
    out.notes.push_back(
        fmt::format("welcome_ignored node={} server={} session={} epoch={} "
                    "last_session={} last_epoch={}",
                    welcome.node(), welcome.server(), welcome.session(),
                    welcome.epoch(), last.session(), last.epoch()));
    return;
  }
  node->session.set_server(welcome.server());
  node->session.set_epoch(welcome.epoch());
  node->session.set_session(welcome.session());
  *out.records.emplace_back().mutable_session() = node->session;
  if (!node->attached)
    ++attached_;
  node->attached = true;
  node->refused = false;
  node->lease_milliseconds = welcome.lease_milliseconds();
  node->lease_until = std::max(node->lease_until,
                               node->hello_at + welcome.lease_milliseconds());
  if (welcome.heartbeat_milliseconds() > 0)
    heartbeat_milliseconds_ = welcome.heartbeat_milliseconds();
  // What has happened since the Hello.
  for (auto& [key, task] : node->tasks) {
    if (task.now == phase::running && !task.told_started)
      tell_started(*node, task, out);
    if (task.now == phase::ended && task.tell_again <= now.boot_milliseconds)
      tell_ended(*node, task, now, out);
  }
}

void agent_core::refused(const v1::Refused& refused, agent_step& out) {
  auto* node = find(refused.node());
  if (node == nullptr)
    return;
  node->refused = true; // Another Hello follows.
  out.notes.push_back(fmt::format("node_refused node={} code={} reason=\"{}\"",
                                  refused.node(), refused.code(),
                                  refused.message()));
}

// -- orders -------------------------------------------------------------------

result<holding> agent_core::admit(const v1::StartOrder& order,
                                  node_state& node) {
  if (leaving_)
    return {error_code::insufficient, "the agent is leaving"};
  if (auto ok = validate_id(order.task(), "task id"); !ok)
    return ok.failure();
  if (auto ok = validate(order.work()); !ok)
    return ok.failure();
  if (options_.simulated && order.work().has_exec())
    return {error_code::invalid_argument, // Nor would it elsewhere.
            "this node is simulated and runs no process"};
  const auto gone = node.gone.find(order.task());
  if (gone != node.gone.end() && gone->second >= order.attempt())
    return {error_code::conflict,
            fmt::format("attempt {} has come and gone here", gone->second)};
  for (auto other = node.tasks.lower_bound({order.task(), 0});
       other != node.tasks.end() && other->first.first == order.task();
       ++other) {
    if (other->second.now != phase::ended)
      return {error_code::conflict,
              fmt::format("attempt {} still runs here", other->first.second)};
    if (other->first.second > order.attempt())
      return {error_code::conflict,
              fmt::format("attempt {} has come already", other->first.second)};
  }
  auto held = node.room.holding_of(order);
  if (!held)
    return held;
  if (auto taken = node.room.take(*held); !taken)
    return taken.failure();
  return held;
}

void agent_core::start(const v1::StartOrder& order, agent_instant now,
                       agent_step& out) {
  auto* node = obeys(order, out);
  if (node == nullptr)
    return;
  const attempt_key key{order.task(), order.attempt()};
  const auto refuse = [&](const error& why) {
    auto& refused
        = *report(*node, order.task(), order.attempt(), out).mutable_refused();
    refused.set_code(static_cast<int>(why.code));
    refused.set_message(why.message);
  };
  if (order.epoch() < node->session.epoch())
    return refuse({error_code::stale_epoch, "the order is of an old epoch"});
  if (auto known = node->tasks.find(key); known != node->tasks.end()) {
    auto& task = known->second; // Once is enough; say how it stands.
    if (task.now == phase::running)
      tell_started(*node, task, out);
    else if (task.now == phase::ended)
      tell_ended(*node, task, now, out);
    return;
  }
  auto held = admit(order, *node);
  if (!held)
    return refuse(held.failure());
  auto& task = node->tasks[key];
  task.order = order;
  task.held = *std::move(held);
  ++live_;
  *out.records.emplace_back().mutable_accepted() = order;
  out.commands.emplace_back(
      begin_task{{order.node(), order.task(), order.attempt()}, order});
}

void agent_core::stop(const v1::StopOrder& order, agent_instant now,
                      agent_step& out) {
  auto* node = obeys(order, out);
  if (node == nullptr)
    return;
  const attempt_key key{order.task(), order.attempt()};
  auto found = node->tasks.find(key);
  if (found == node->tasks.end()) {
    // It does not run here, and from now on it never will.
    remember_gone(*node, key);
    auto& gone = *out.records.emplace_back().mutable_forgotten();
    gone.set_node(order.node());
    gone.set_task(order.task());
    gone.set_attempt(order.attempt());
    report(*node, order.task(), order.attempt(), out)
        .mutable_ended()
        ->set_reason(order.reason().empty() ? "it did not run here"
                                            : order.reason());
    return;
  }
  if (found->second.now == phase::ended)
    return tell_ended(*node, found->second, now, out);
  stop(found->second, order.reason(), false, out);
}

void agent_core::stop(held_task& task, const std::string& reason, bool at_once,
                      agent_step& out) {
  const auto& order = task.order;
  if (!task.stopping) {
    task.stopping = true;
    task.stop_reason = reason;
    auto& stopping = *out.records.emplace_back().mutable_stopping();
    stopping.set_node(order.node());
    stopping.set_task(order.task());
    stopping.set_attempt(order.attempt());
    stopping.set_reason(reason);
  }
  out.commands.emplace_back(stop_task{
      {order.node(), order.task(), order.attempt()}, reason, at_once});
}

void agent_core::resize(const v1::ResizeOrder& order, agent_step& out) {
  auto* node = obeys(order, out);
  if (node == nullptr)
    return;
  auto found = node->tasks.find({order.task(), order.attempt()});
  auto* task = found == node->tasks.end() ? nullptr : &found->second;
  auto why = result<>{done{}};
  if (task == nullptr || task->now == phase::ended)
    why = {error_code::not_found, "it does not run here"};
  else if (task->now == phase::accepted)
    why = {error_code::conflict, "it has not started yet"};
  else if (task->stopping)
    why = {error_code::conflict, "it is being stopped"};
  else if (task->resizing)
    why = {error_code::conflict, "it is being resized"};
  else if (auto valid = account::validate(from_proto(order.demand())); !valid)
    why = valid;
  else // Until it is done the larger of both is held.
    why = node->room.resize(
        task->held, from_proto(larger(task->order.demand(), order.demand())));
  if (why) {
    task->resizing = order.demand();
    out.commands.emplace_back(change_task{
        {order.node(), order.task(), order.attempt()}, order.demand()});
    return;
  }
  auto& refusal
      = *report(*node, order.task(), order.attempt(), out).mutable_refused();
  refusal.set_code(static_cast<int>(why.failure().code));
  refusal.set_message(why.failure().message);
  refusal.set_was_resize(true);
  if (task != nullptr && task->now == phase::running)
    *report(*node, order.task(), order.attempt(), out).mutable_resized()
        = task->order.demand();
}

void agent_core::acknowledge(const v1::Acknowledge& ack, agent_step& out) {
  auto* node = find(ack.node());
  if (node == nullptr)
    return;
  const attempt_key key{ack.task(), ack.attempt()};
  auto found = node->tasks.find(key);
  if (found != node->tasks.end() && found->second.now == phase::ended)
    forget(*node, key, out);
}

void agent_core::forget(node_state& node, const attempt_key& key,
                        agent_step& out) {
  node.tasks.erase(key);
  node.to_acknowledge.erase(key);
  remember_gone(node, key);
  auto& record = *out.records.emplace_back().mutable_forgotten();
  record.set_node(node.spec.name());
  record.set_task(key.first);
  record.set_attempt(key.second);
  out.commands.emplace_back(
      forget_task{{node.spec.name(), key.first, key.second}});
}

void agent_core::remember_gone(node_state& node, const attempt_key& key) {
  auto [found, fresh] = node.gone.emplace(key.first, key.second);
  if (!fresh) {
    found->second = std::max(found->second, key.second);
    return;
  }
  node.gone_order.push_back(key.first);
  if (node.gone_order.size() <= options_.max_gone)
    return;
  node.gone.erase(node.gone_order.front());
  node.gone_order.pop_front();
}

} // namespace skerry
