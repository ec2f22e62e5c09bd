#include "actors/allocator.hpp"
#include "actors/records.hpp"
#include "messages/convert.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

namespace skerry {

namespace {

/// Version of `agent_link.proto` that is spoken.
constexpr std::uint32_t link_schema = 1;

} // namespace

void allocator::take(const v1::AgentMessage& message, link_id link, instant now,
                     outbox& out) {
  if (auto known = links_.find(link); known != links_.end())
    for (const auto& name : known->second)
      nodes_.at(name).heard_at = now.steady_milliseconds;
  for (const auto& from : message.hellos())
    hello(from, link, now, out);
  // Nodes that were given up must not take heart from an answer.
  if (links_.contains(link))
    for (const auto& alive : message.keep_alives())
      *out.agent(link).mutable_keep_alive() = alive;
  for (const auto& from : message.reports())
    report(from, link, now, out);
  for (const auto& from : message.goodbyes()) {
    auto node = nodes_.find(from.node());
    // It has ended its tasks and takes no more.
    if (node != nodes_.end() && node->second.attached
        && node->second.link == link)
      lose(from.node(), "its node has left", true, out);
  }
  for (const auto& answer : message.logs())
    take(answer, out);
}

void allocator::close(link_id link, instant now) {
  auto found = links_.find(link);
  if (found == links_.end())
    return;
  for (const auto& name : std::set<std::string>{found->second})
    detach(nodes_.at(name), now);
}

void allocator::detach(attached_node& node, instant now) {
  if (!std::exchange(node.attached, false))
    return;
  --attached_;
  auto names = links_.find(node.link);
  names->second.erase(node.record.spec().name());
  if (names->second.empty())
    links_.erase(names);
  node.heard_at = now.steady_milliseconds;
  node.not_at.clear();
  node.asked_from = 0;
  apply_condition(node);
}

/// Takes new tasks only when its agent is here and has not just refused one,
/// and the operator lets it.
void allocator::apply_condition(const attached_node& node) {
  const auto wanted = static_cast<v1::NodeCondition>(node.record.condition());
  const auto condition = !node.attached           ? node_condition::cordoned
                         : wanted == v1::DRAINING ? node_condition::draining
                         : wanted == v1::CORDONED || node.paused_until != 0
                             ? node_condition::cordoned
                             : node_condition::ready;
  SKERRY_ASSERT(ledger_->set_condition(node.index, condition).has_value());
}

// -- attaching ----------------------------------------------------------------

void allocator::hello(const v1::Hello& hello, link_id link, instant now,
                      outbox& out) {
  const auto& name = hello.node().name();
  attached_node* node = nullptr;
  const auto last_here = last_session_of(name);
  if (auto admitted = admit(hello, now, node); !admitted) {
    auto* refused = out.agent(link).add_refused();
    refused->set_node(name);
    refused->set_code(static_cast<int>(admitted.failure().code));
    refused->set_message(admitted.failure().message);
    if (admitted.failure().code == error_code::stale_epoch)
      refused->set_last_session(last_here);
    return;
  }
  detach(*node, now);
  node->attached = true;
  ++attached_;
  node->link = link;
  links_[link].insert(name);
  node->heard_at = now.steady_milliseconds;
  node->not_at.clear();
  node->asked_from = 0;
  node->paused_until = node->pause = 0;
  paused_.erase(name);
  out.put(std::string{node_prefix} + name, node->record);

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
  reconcile(*node, hello, last_here, now, out);
  apply_condition(*node);
  made_room();
  for (const auto& server : known_peers_)
    *out.to(server, mesh::v1::Envelope::ALLOCATOR).mutable_node_attached()
        = manifest(*node);
}

std::uint64_t allocator::last_session_of(const std::string& node) const {
  if (auto here = nodes_.find(node); here != nodes_.end())
    return here->second.record.session();
  auto lost = last_sessions_.find(node);
  return lost == last_sessions_.end() ? 0 : lost->second;
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
  const auto last = last_session_of(spec->name);
  if (hello.last_session() < last)
    return {error_code::stale_epoch,
            fmt::format("session {} of {} was given before; say hello with at "
                        "least that one as the last",
                        last, spec->name)};
  // The hello alone decides, so that no two servers give the same session.
  const auto session = hello.last_session() + 1;
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
                          std::uint64_t last_here, instant now, outbox& out) {
  auto missing_here = node.tasks;
  std::vector<const v1::HeldTask*> to_adopt;
  std::vector<const v1::HeldTask*> held_here;
  for (const auto& task : hello.tasks()) {
    const auto& order = task.order();
    auto known = allocations_.find(order.task());
    if (known != allocations_.end()
        && known->second.record.attempt() < order.attempt()) {
      missing_here.erase(order.task());
      drop(order.task(), out); // The newer one is the truth.
      known = allocations_.end();
    }
    if (known == allocations_.end()) {
      to_adopt.push_back(&task);
      continue;
    }
    auto& a = known->second;
    if (a.record.attempt() == order.attempt()
        && a.record.node() == node.record.spec().name()) {
      missing_here.erase(order.task());
      held_here.push_back(&task);
    } else {
      order_stop(order.task(), order.attempt(), "it has been given up", node,
                 out);
    }
  }
  // What runs is the truth: what does not yet makes room for it.
  const bool was_elsewhere
      = hello.last_session() > last_here || !to_adopt.empty();
  for (const auto& task : missing_here)
    missing(node, task, was_elsewhere, out);
  // By name again: a later attempt of the same hello may have replaced one.
  for (const auto* task : held_here)
    if (auto* a = find(task->order().task(), task->order().attempt()))
      held(node, *task, *a, out);
  // Another server may have given them more than was free here.
  for (const auto* task : held_here)
    if (auto* a = find(task->order().task(), task->order().attempt()))
      count_as_held(node, *task, *a, out);
  for (const auto* task : to_adopt)
    adopt(node, *task, now, out);
}

/// Both sides know this attempt.
void allocator::held(attached_node& node, const v1::HeldTask& held,
                     allocation& a, outbox& out) {
  a.record.set_session(node.record.session());
  if (held.has_outcome()) {
    a.acknowledge_agent = true;
    end(a, false, a.evicting, held.outcome(), out);
    return;
  }
  if (a.now == phase::ended || a.now == phase::stopping) {
    order_stop(a, node, out);
    return;
  }
  if (held.order().has_demand())
    settle(a, held.order().demand(), nullptr, out);
  if (held.started() && a.now == phase::ordered) {
    a.now = phase::running;
    (void)ledger_->start(a.task); // Fails only when it has started already.
  }
  report_soon(a); // Its session is another.
}

/// After all that has shrunk or gone: what has grown elsewhere is counted as it
/// is, or has to go where there is room.
void allocator::count_as_held(attached_node& node, const v1::HeldTask& held,
                              allocation& a, outbox& out) {
  if (a.now == phase::ended || a.now == phase::stopping || !a.holds
      || !held.order().has_demand())
    return;
  const auto& has = held.order().demand();
  const auto counted = make_room(
      node,
      [&]() -> result<> {
        settle(a, has, nullptr, out);
        if (from_proto(demand_of(a)) == from_proto(has))
          return done{};
        return {error_code::insufficient,
                "it has grown at another server beyond what is free here"};
      },
      out);
  if (counted)
    return;
  a.evicting = true;
  a.record.set_evicted(true);
  write(a, out);
  stop(a, counted.failure().message, out);
}

/// The agent does not have it.
void allocator::missing(attached_node& node, const std::string& task,
                        bool was_elsewhere, outbox& out) {
  auto found = allocations_.find(task);
  if (found == allocations_.end() || found->second.now == phase::ended
      || found->second.record.reserved())
    return;
  auto& a = found->second;
  a.record.set_session(node.record.session());
  if (a.now == phase::running)
    end(a, true, false, ended_because("its agent has lost its memory"), out);
  else if (a.now == phase::stopping)
    end(a, false, a.evicting, ended_because(a.stop_reason), out);
  else if (was_elsewhere) // Where it may have come and gone.
    end(a, false, true, ended_because("its node was with another server"), out);
  else
    order_start(a, node, out); // The order never arrived.
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
  record.set_session(node.record.session());
  *record.mutable_devices() = order.devices();
  *record.mutable_profile() = order.profile();
  *record.mutable_work() = order.work();
  if (order.has_demand()
      && from_proto(order.demand()) != from_proto(order.profile().demand()))
    *record.mutable_demand() = order.demand();
  a.now = held.started() ? phase::running : phase::ordered;
  a.started_unix_milliseconds = now.unix_milliseconds;
  if (!held.has_outcome()) {
    auto taken = hold_adopted(a, node, out);
    if (!taken) {
      // It runs, but not where this cell can count it: it has to go elsewhere.
      a.now = phase::stopping;
      a.evicting = true;
      a.stop_reason = taken.failure().message;
      record.set_evicted(true);
    } else if (a.now == phase::running) {
      (void)ledger_->start(a.task); // It has just been placed.
    }
  }
  auto& kept = allocations_[order.task()] = std::move(a);
  node.tasks.insert(order.task());
  write(kept, out);
  if (held.has_outcome()) {
    kept.acknowledge_agent = true;
    end(kept, false, false, held.outcome(), out);
  } else if (kept.now == phase::stopping) {
    order_stop(kept, node, out);
  }
  report_soon(kept);
}

result<> allocator::hold_adopted(allocation& a, attached_node& node,
                                 outbox& out) {
  auto profile = from_proto(a.record.profile());
  if (!profile)
    return profile.failure();
  const auto devices = devices_of(a.record);
  return make_room(
      node, [&] { return hold_placed(a, *profile, node.index, devices); }, out);
}

/// Reservations give way, for nothing runs in them that is known here.
template <class Take>
result<> allocator::make_room(attached_node& node, const Take& take,
                              outbox& out) {
  auto taken = take();
  for (const auto& task : std::set<std::string>{node.tasks}) {
    if (taken)
      break;
    if (!allocations_.at(task).record.reserved())
      continue;
    drop(task, out);
    taken = take();
  }
  return taken;
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
  *order->mutable_demand() = demand_of(a);
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
  order_stop(a.record.task(), a.record.attempt(), a.stop_reason, node, out);
}

void allocator::order_stop(const std::string& task, std::uint32_t attempt,
                           std::string_view reason, const attached_node& node,
                           outbox& out) {
  if (!node.attached)
    return; // Its hello asks what to do.
  auto* order = out.agent(node.link).add_stops();
  order->set_node(node.record.spec().name());
  order->set_session(node.record.session());
  order->set_task(task);
  order->set_attempt(attempt);
  order->set_reason(std::string{reason});
}

} // namespace skerry
