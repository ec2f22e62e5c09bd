#include "actors/allocator.hpp"
#include "messages/convert.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

namespace skerry {

namespace {

/// Heartbeats without a word from an agent after which its stream is closed.
constexpr std::int64_t missed_heartbeats = 5;
/// Version of `agent_link.proto` that is spoken.
constexpr std::uint32_t link_schema = 1;
/// How long an agent may take to read a file.
constexpr std::int64_t logs_timeout_milliseconds = 5'000;

v1::Outcome ended_because(std::string_view reason) {
  v1::Outcome outcome;
  outcome.set_reason(std::string{reason});
  return outcome;
}

} // namespace

void allocator::take(const v1::AgentMessage& message, link_id link, instant now,
                     outbox& out) {
  auto& names = links_[link];
  for (const auto& name : names)
    if (auto node = nodes_.find(name); node != nodes_.end())
      node->second.heard_at = now.steady_milliseconds;
  for (const auto& alive : message.keep_alives())
    *out.agent(link).mutable_keep_alive() = alive;
  for (const auto& from : message.hellos())
    hello(from, link, now, out);
  for (const auto& from : message.reports())
    report(from, link, now, out);
  for (const auto& from : message.goodbyes()) {
    auto node = nodes_.find(from.node());
    if (node == nodes_.end() || !node->second.attached
        || node->second.link != link)
      continue;
    // It has ended its tasks and takes no more.
    lose(node->second, "its node has left", out);
  }
  for (const auto& answer : message.logs()) {
    auto waiting = logs_.find(answer.request());
    if (waiting == logs_.end())
      continue;
    out.replies.push_back(
        [then = std::move(waiting->second.then), read = answer] {
          if (!read.error().empty())
            return then(error{error_code::not_found, read.error()});
          v1::LogsChunk chunk;
          chunk.set_data(read.data());
          then(std::move(chunk));
        });
    logs_.erase(waiting);
  }
}

void allocator::close(link_id link, instant now) {
  auto found = links_.find(link);
  if (found == links_.end())
    return;
  for (const auto& name : std::exchange(found->second, {}))
    if (auto node = nodes_.find(name); node != nodes_.end()
                                       && node->second.attached
                                       && node->second.link == link)
      detach(node->second, now);
  links_.erase(link);
}

void allocator::detach(attached_node& node, instant now) {
  node.attached = false;
  node.heard_at = now.steady_milliseconds;
  node.not_at.clear();
  node.asked_from = 0;
  apply_condition(node);
}

/// Takes new tasks only when its agent is here and the operator lets it.
void allocator::apply_condition(const attached_node& node) {
  const auto wanted = static_cast<v1::NodeCondition>(node.record.condition());
  const auto condition = !node.attached           ? node_condition::cordoned
                         : wanted == v1::CORDONED ? node_condition::cordoned
                         : wanted == v1::DRAINING ? node_condition::draining
                                                  : node_condition::ready;
  SKERRY_ASSERT(ledger_->set_condition(node.index, condition).has_value());
}

// -- attaching ----------------------------------------------------------------

void allocator::hello(const v1::Hello& hello, link_id link, instant now,
                      outbox& out) {
  const auto& name = hello.node().name();
  attached_node* node = nullptr;
  if (auto admitted = admit(hello, now, node); !admitted) {
    auto* refused = out.agent(link).add_refused();
    refused->set_node(name);
    refused->set_code(static_cast<int>(admitted.failure().code));
    refused->set_message(admitted.failure().message);
    return;
  }
  if (node->attached && node->link != link)
    links_[node->link].erase(name);
  node->attached = true;
  node->link = link;
  node->heard_at = now.steady_milliseconds;
  node->not_at.clear();
  links_[link].insert(name);
  out.put("node/" + name, node->record);

  auto* welcome = out.agent(link).add_welcomes();
  welcome->set_node(name);
  welcome->set_server(options_.server);
  welcome->set_epoch(options_.epoch);
  welcome->set_session(node->record.session());
  welcome->set_lease_milliseconds(options_.lease_milliseconds);
  welcome->set_heartbeat_milliseconds(options_.heartbeat_milliseconds);

  // Adopted tasks are placed as on a node that takes all.
  SKERRY_ASSERT(
      ledger_->set_condition(node->index, node_condition::ready).has_value());
  reconcile(*node, hello, now, out);
  apply_condition(*node);
  made_room();
  for (const auto& server : known_peers_)
    *out.to(server, mesh::v1::Envelope::ALLOCATOR).mutable_node_attached()
        = manifest(*node);
}

result<> allocator::admit(const v1::Hello& hello, instant now,
                          attached_node*& node) {
  if (hello.schema() != link_schema)
    return {error_code::invalid_argument,
            fmt::format("the agent speaks version {} of the link, this server "
                        "{}; install the same release",
                        hello.schema(), link_schema)};
  auto spec = from_proto(hello.node());
  if (!spec)
    return spec.failure();
  auto known = nodes_.find(spec->name);
  if (known != nodes_.end()
      && known->second.record.agent_id() != hello.agent_id()) {
    const auto& other = known->second;
    if (other.attached)
      return {error_code::already_exists,
              fmt::format("another agent is attached as {}; give this one "
                          "another --name",
                          spec->name)};
    if (!other.tasks.empty()) {
      const auto silent = now.steady_milliseconds - other.heard_at;
      return {error_code::conflict,
              fmt::format("{} was another agent until {} ms ago and its tasks "
                          "may still run; they are given up when its lease "
                          "has run out, or with `skerry node forget {}`",
                          spec->name, silent, spec->name)};
    }
  }
  const auto last = known == nodes_.end() ? 0 : known->second.record.session();
  const auto session = std::max(last, hello.last_session()) + 1;
  auto registered = ledger_->register_node(*spec, session);
  if (!registered)
    return registered.failure();
  node = &nodes_[spec->name];
  node->index = registered->node;
  *node->record.mutable_spec() = hello.node();
  node->record.set_agent_id(hello.agent_id());
  node->record.set_session(session);
  return done{};
}

/// Level by level: what the agent holds against what is recorded here.
void allocator::reconcile(attached_node& node, const v1::Hello& hello,
                          instant now, outbox& out) {
  std::set<std::string> missing = node.tasks;
  for (const auto& held : hello.tasks()) {
    const auto& order = held.order();
    auto known = allocations_.find(order.task());
    if (known != allocations_.end()
        && known->second.record.attempt() < order.attempt()) {
      drop(order.task(), out); // The newer one is the truth.
      known = allocations_.end();
    }
    if (known == allocations_.end()) {
      adopt(node, held, now, out);
      continue;
    }
    auto& a = known->second;
    const bool same = a.record.attempt() == order.attempt()
                      && a.record.node() == node.record.spec().name();
    if (!same || (a.now == phase::ended && !held.has_outcome())) {
      auto* stop = out.agent(node.link).add_stops();
      stop->set_node(node.record.spec().name());
      stop->set_session(node.record.session());
      stop->set_task(order.task());
      stop->set_attempt(order.attempt());
      stop->set_reason("it has been given up");
      continue;
    }
    missing.erase(order.task());
    a.record.set_agent_id(hello.agent_id());
    if (held.has_outcome()) {
      a.acknowledge_agent = true;
      end(a, false, a.evicting, held.outcome(), out);
    } else if (a.now == phase::stopping) {
      order_stop(a, node, out);
    } else if (held.started() && a.now == phase::ordered) {
      a.now = phase::running;
      (void)ledger_->start(a.task); // Fails only when it has started already.
      report_soon(a);
    }
  }
  for (const auto& task : missing) {
    auto found = allocations_.find(task);
    if (found == allocations_.end() || found->second.now == phase::ended
        || found->second.record.reserved())
      continue;
    auto& a = found->second;
    if (a.record.agent_id() != hello.agent_id() || a.now == phase::running)
      end(a, true, false, ended_because("its agent has lost its memory"), out);
    else if (a.now == phase::stopping)
      end(a, false, a.evicting, ended_because(a.stop_reason), out);
    else
      order_start(a, node, out); // The order never arrived.
  }
}

/// A task that another server placed, or this one in a life it has forgotten.
void allocator::adopt(attached_node& node, const v1::HeldTask& held,
                      instant now, outbox& out) {
  const auto& order = held.order();
  allocation a;
  auto& record = a.record;
  record.set_task(order.task());
  record.set_attempt(order.attempt());
  record.set_owner(order.owner());
  record.set_node(node.record.spec().name());
  *record.mutable_devices() = order.devices();
  *record.mutable_profile() = order.profile();
  *record.mutable_work() = order.work();
  if (order.has_demand())
    *record.mutable_demand() = order.demand();
  record.set_agent_id(node.record.agent_id());
  a.now = held.started() ? phase::running : phase::ordered;
  a.started_unix_milliseconds = now.unix_milliseconds;

  error why{error_code::invalid_argument, "its order cannot be read"};
  auto profile = from_proto(order.profile());
  bool fits = profile.has_value();
  if (fits) {
    auto taken = hold(a, *profile, node.index, devices_of(record));
    fits = taken.has_value();
    if (!fits)
      why = taken.failure();
  }
  if (!fits) {
    a.now = phase::ended; // Holds nothing here, but may still run there.
    record.set_ended(true);
    record.set_evicted(true);
    *record.mutable_outcome() = ended_because(why.message);
  }
  auto& kept = allocations_[order.task()] = std::move(a);
  node.tasks.insert(order.task());
  write(kept, out);
  if (!fits && !held.has_outcome()) {
    order_stop(kept, node, out);
    return; // Reported when the agent says that it has ended.
  }
  if (held.has_outcome()) {
    kept.acknowledge_agent = true;
    end(kept, false, false, held.outcome(), out);
  }
  report_soon(kept);
}

// -- orders -------------------------------------------------------------------

void allocator::order_start(const allocation& a, const attached_node& node,
                            outbox& out) {
  if (!node.attached)
    return; // It goes out when the agent is back.
  const auto& record = a.record;
  auto* order = out.agent(node.link).add_starts();
  order->set_node(record.node());
  order->set_epoch(options_.epoch);
  order->set_session(node.record.session());
  order->set_task(record.task());
  order->set_attempt(record.attempt());
  order->set_owner(record.owner());
  *order->mutable_profile() = record.profile();
  *order->mutable_demand()
      = record.has_demand() ? record.demand() : record.profile().demand();
  *order->mutable_work() = record.work();
  const auto& devices = ledger_->nodes().class_of(node.index).devices;
  for (const auto device : record.devices()) {
    order->add_devices(device);
    const auto& kind = devices[device].kind;
    int share = 0;
    for (const auto& request : record.profile().devices())
      if (kind == (request.kind().empty() ? "gpu" : request.kind()))
        share = request.share_milli();
    order->add_device_shares_milli(share);
  }
}

void allocator::order_stop(const allocation& a, const attached_node& node,
                           outbox& out) {
  if (!node.attached)
    return;
  auto* order = out.agent(node.link).add_stops();
  order->set_node(a.record.node());
  order->set_session(node.record.session());
  order->set_task(a.record.task());
  order->set_attempt(a.record.attempt());
  order->set_reason(a.stop_reason);
}

// -- reports ------------------------------------------------------------------

void allocator::report(const v1::TaskReport& report, link_id link, instant now,
                       outbox& out) {
  auto node = nodes_.find(report.node());
  if (node == nodes_.end() || !node->second.attached
      || node->second.link != link
      || node->second.record.session() != report.session())
    return; // Of a session that has ended.
  auto* a = find(report.task(), report.attempt());
  if (a == nullptr || a->record.node() != report.node()) {
    // Its owner has the outcome, or does not want it: the agent may forget it.
    if (report.has_ended()) {
      auto* ack = out.agent(link).add_acknowledges();
      ack->set_node(report.node());
      ack->set_task(report.task());
      ack->set_attempt(report.attempt());
    }
    return;
  }
  switch (report.what_case()) {
  case v1::TaskReport::kStarted:
    if (a->now != phase::ordered)
      return;
    a->now = phase::running;
    a->started_unix_milliseconds = report.started().unix_milliseconds();
    (void)ledger_->start(a->task); // Fails only when it has started already.
    report_soon(*a);
    break;
  case v1::TaskReport::kEnded:
    a->acknowledge_agent = true;
    if (a->now == phase::ended)
      report_soon(*a); // The agent asks again; its owner has not answered.
    else
      end(*a, false, a->evicting, report.ended(), out);
    break;
  case v1::TaskReport::kRefused:
    refused(*a, report.refused(), now, out);
    break;
  case v1::TaskReport::kResized:
    if (a->now == phase::ended
        || !ledger_->resize(a->task, from_proto(report.resized())))
      return;
    *a->record.mutable_demand() = report.resized();
    write(*a, out);
    report_soon(*a);
    break;
  case v1::TaskReport::kUsage:
    a->usage = report.usage();
    break;
  case v1::TaskReport::WHAT_NOT_SET:
    break;
  }
}

void allocator::refused(allocation& a, const v1::OrderRefused& refusal, instant,
                        outbox& out) {
  const auto why = error_from_wire(refusal.code(), refusal.message());
  if (refusal.was_resize() || why.code == error_code::stale_epoch)
    return; // The amounts come as a report; an old order is sent again.
  if (a.now == phase::ended)
    return;
  // What does not fit now may fit elsewhere; anything else would not help.
  const bool elsewhere = why.code == error_code::insufficient
                         || why.code == error_code::conflict;
  end(a, false, elsewhere, ended_because(why.message), out);
}

// -- nodes that fall silent ---------------------------------------------------

void allocator::look_for_silent(instant now, outbox& out) {
  const auto lost_after
      = options_.lease_milliseconds + options_.lease_margin_milliseconds;
  std::vector<std::string> ask;
  std::vector<std::string> gone;
  for (auto& [name, node] : nodes_) {
    const auto silent = now.steady_milliseconds - node.heard_at;
    if (node.attached) {
      if (silent <= missed_heartbeats * options_.heartbeat_milliseconds)
        continue;
      const auto link = node.link;
      links_[link].erase(name);
      if (links_[link].empty())
        out.links_to_close.push_back(link);
      detach(node, now);
      continue;
    }
    if (silent < lost_after)
      continue;
    const bool nowhere
        = std::ranges::all_of(known_peers_, [&](const auto& server) {
            return node.not_at.contains(server);
          });
    if (nowhere)
      gone.push_back(name);
    else
      ask.push_back(name);
  }
  for (const auto& name : gone)
    lose(nodes_.at(name), "its node was lost", out);
  if (ask.empty())
    return;
  const auto number = next_number_++;
  for (const auto& name : ask)
    if (auto& node = nodes_.at(name); node.asked_from == 0)
      node.asked_from = number;
  for (const auto& server : reachable_) {
    auto* question
        = out.to(server, mesh::v1::Envelope::ALLOCATOR).mutable_where_is();
    question->set_cell(options_.server);
    question->set_number(number);
    question->mutable_nodes()->Assign(ask.begin(), ask.end());
  }
}

/// @pre No task of it runs or will: the lease is over and no server has it, or
///      the operator says so.
void allocator::lose(attached_node& node, std::string_view reason,
                     outbox& out) {
  const auto name = node.record.spec().name();
  bool waits = false;
  for (const auto& task : std::set<std::string>{node.tasks}) {
    auto& a = allocations_.at(task);
    const bool keeps
        = a.record.work().keep_on_disconnect() && reason == "its node was lost";
    if (keeps && a.now != phase::ended) {
      waits = true;
      continue;
    }
    end(a, true, false, ended_because(reason), out);
  }
  if (waits)
    return;
  if (node.attached)
    links_[node.link].erase(name);
  std::vector<event> events;
  SKERRY_ASSERT(ledger_->lose_node(node.index, events).has_value());
  out.erase("node/" + name);
  // Ended allocations outlive their node until their owners have answered.
  nodes_.erase(name);
  made_room();
}

mesh::v1::NodeAttached allocator::manifest(const attached_node& node) const {
  mesh::v1::NodeAttached out;
  out.set_cell(options_.server);
  out.set_node(node.record.spec().name());
  out.set_session(node.record.session());
  for (const auto& task : node.tasks) {
    const auto& a = allocations_.at(task);
    if (a.record.reserved())
      continue;
    auto* held = out.add_held();
    held->set_task(task);
    held->set_attempt(a.record.attempt());
  }
  return out;
}

void allocator::attached_elsewhere(const mesh::v1::NodeAttached& there,
                                   outbox& out) {
  auto found = nodes_.find(there.node());
  if (found == nodes_.end()
      || found->second.record.session() >= there.session())
    return;
  auto& node = found->second;
  std::set<std::pair<std::string, std::uint32_t>> held;
  for (const auto& id : there.held())
    held.emplace(id.task(), id.attempt());
  // Held tasks are the other cell's now. The others can never start there: the
  // session of their orders has ended.
  for (const auto& task : std::set<std::string>{node.tasks}) {
    auto& a = allocations_.at(task);
    if (held.contains({task, a.record.attempt()})) {
      const auto attempt = a.record.attempt();
      drop(task, out);
      remember_gone(task, attempt, true, out);
    } else {
      end(a, true, false, ended_because("its node has left for another server"),
          out);
    }
  }
  lose(node, "its node has left for another server", out);
}

void allocator::drain(attached_node& node, outbox& out) {
  for (const auto& task : std::set<std::string>{node.tasks}) {
    auto& a = allocations_.at(task);
    if (a.now == phase::ended || a.now == phase::stopping
        || a.record.reserved())
      continue;
    a.evicting = true;
    a.record.set_evicted(true);
    write(a, out); // So that a restart does not take it for a failure.
    stop(a, "its node is drained", out);
  }
}

void allocator::logs(const v1::LogsRequest& request, instant now,
                     cluster_gateway::reply<v1::LogsChunk> then, outbox& out) {
  auto found = allocations_.find(request.task());
  if (found == allocations_.end()) {
    out.replies.push_back([then = std::move(then), task = request.task()] {
      then(error{error_code::not_found,
                 fmt::format("{} does not run in this cell", task)});
    });
    return;
  }
  const auto& node = nodes_.find(found->second.record.node());
  if (node == nodes_.end() || !node->second.attached) {
    out.replies.push_back([then = std::move(then)] {
      then(error{error_code::insufficient,
                 "its node is not attached; try again later"});
    });
    return;
  }
  auto* order = out.agent(node->second.link).add_logs();
  order->set_request(next_logs_);
  order->set_node(node->first);
  order->set_task(request.task());
  order->set_stderr(request.stderr());
  order->set_offset_bytes(request.offset_bytes());
  order->set_limit_bytes(request.limit_bytes());
  logs_[next_logs_++]
      = {std::move(then), now.steady_milliseconds + logs_timeout_milliseconds};
}

} // namespace skerry
