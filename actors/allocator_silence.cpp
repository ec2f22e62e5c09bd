#include "actors/allocator.hpp"
#include "actors/records.hpp"

#include <algorithm>
#include <utility>

namespace skerry {

namespace {

/// Heartbeats without a word from an agent after which its stream is closed.
constexpr std::int64_t missed_heartbeats = 5;

} // namespace

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
      detach(node, now);
      if (!links_.contains(link))
        out.links_to_close.push_back(link);
      continue;
    }
    if (silent < lost_after || now.steady_milliseconds < node.ask_at)
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
  for (const auto& name : gone) {
    lose(name, "its node was lost", false, out);
    auto waiting = nodes_.find(name);
    if (waiting == nodes_.end())
      continue;
    // Its agent may go to another server at any time, and the word of that may
    // be lost: the answers hold for a while only.
    auto& node = waiting->second;
    node.not_at.clear();
    node.asked_from = 0;
    node.ask_at = now.steady_milliseconds + options_.resend_milliseconds;
  }
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

/// @param for_sure Nothing of it runs; else a task that goes on without any
///                 server may: it waits for its agent.
/// @pre Other tasks of it do not run and never will: the lease is over and no
///      server has it, or the operator says so.
void allocator::lose(const std::string& name, std::string_view reason,
                     bool for_sure, outbox& out) {
  auto& node = nodes_.at(name);
  bool waits = false;
  for (const auto& task : std::set<std::string>{node.tasks}) {
    auto& a = allocations_.at(task);
    if (!for_sure && a.now != phase::ended
        && a.record.work().keep_on_disconnect())
      waits = true;
    else
      end(a, true, false, ended_because(reason), out);
  }
  if (waits)
    return;
  detach(node, {});
  std::vector<event> events;
  SKERRY_ASSERT(ledger_->lose_node(node.index, events).has_value());
  out.erase(std::string{node_prefix} + name);
  last_sessions_[name] = node.record.session();
  paused_.erase(name);
  // Ended allocations outlive their node until their owners have answered.
  nodes_.erase(name);
  made_room();
}

mesh::v1::NodeAttached allocator::manifest(const attached_node& node) const {
  mesh::v1::NodeAttached out;
  out.set_cell(options_.server);
  out.set_node(node.record.spec().name());
  out.set_session(node.record.session());
  out.set_agent_id(node.record.agent_id());
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
      || found->second.record.agent_id() != there.agent_id()
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
    const auto attempt = a.record.attempt();
    if (!held.contains({task, attempt})) {
      if (a.now == phase::ordered && !a.record.reserved())
        end(a, true, true, ended_because("its order has not arrived"), out);
      continue;
    }
    drop(task, out);
    remember_gone(task, attempt, &there, out);
  }
  lose(there.node(), "its node has left for another server", true, out);
}

void allocator::take(const mesh::v1::WhereIsReply& reply,
                     const std::string& from, outbox& out) {
  const auto is_not_there = [&](const std::string& name) {
    if (auto node = nodes_.find(name);
        node != nodes_.end() && node->second.asked_from != 0
        && reply.number() >= node->second.asked_from)
      node->second.not_at.insert(from);
  };
  for (const auto& name : reply.not_here())
    is_not_there(name);
  for (const auto& there : reply.here()) {
    auto node = nodes_.find(there.node());
    // Another machine of this name, or this one as it was before it came here.
    if (node != nodes_.end()
        && (node->second.record.agent_id() != there.agent_id()
            || node->second.record.session() >= there.session()))
      is_not_there(there.node());
    else
      attached_elsewhere(there, out);
  }
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

} // namespace skerry
