#include "actors/allocator.hpp"
#include "actors/records.hpp"
#include "messages/convert.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

namespace skerry {

namespace {

mesh::v1::NodesAnswer unknown_node(const std::string& name) {
  mesh::v1::NodesAnswer answer;
  *answer.mutable_failure() = failure_of(
      {error_code::not_found, fmt::format("no node {} is in this cell", name)});
  return answer;
}

/// At most these many nodes in one answer: some megabytes.
constexpr std::uint32_t max_nodes_listed = 10'000;

} // namespace

mesh::v1::Answer allocator::answer(const mesh::v1::Question& question,
                                   instant now, outbox& out) {
  using mesh::v1::Question;
  mesh::v1::Answer answer;
  answer.set_number(question.number());
  switch (question.what_case()) {
  case Question::kNodes:
    *answer.mutable_nodes() = nodes(question.nodes(), now);
    break;
  case Question::kCommand:
    *answer.mutable_nodes() = command(question.command(), now, out);
    break;
  case Question::kDecide: {
    auto reply = decide(question.decide(), now, out);
    if (reply)
      *answer.mutable_decide()->mutable_decisions() = reply->decisions();
    else
      *answer.mutable_failure() = failure_of(reply.failure());
    break;
  }
  case Question::kBids:
    for (const auto& asked : question.bids().asks())
      *answer.mutable_bids()->add_replies() = bid(asked, out);
    break;
  case Question::kReservations: {
    auto changed = reservations(question.reservations(), out);
    if (changed)
      answer.mutable_decide()->set_changed(*changed);
    else
      *answer.mutable_failure() = failure_of(changed.failure());
    break;
  }
  case Question::kResizes:
    *answer.mutable_resizes() = sizes(question.resizes());
    break;
  default:
    *answer.mutable_failure() = failure_of(
        {error_code::invalid_argument, "this server cannot answer that"});
  }
  return answer;
}

// -- nodes --------------------------------------------------------------------

v1::NodeStatus allocator::status(const attached_node& node, bool with_tasks,
                                 instant now) const {
  v1::NodeStatus status;
  *status.mutable_spec() = node.record.spec();
  status.set_cell(options_.server);
  const auto wanted = static_cast<v1::NodeCondition>(node.record.condition());
  status.set_condition(wanted == v1::NODE_CONDITION_UNSPECIFIED ? v1::READY
                                                                : wanted);
  status.set_attached(node.attached);
  status.set_session(node.record.session());
  const auto& cluster = ledger_->nodes();
  *status.mutable_free() = to_proto(cluster.free(node.index));
  status.set_tasks(cluster.task_count(node.index));
  std::int64_t free_milli = 0;
  for (const auto& device : cluster.devices(node.index))
    free_milli += device.free_milli;
  status.set_free_device_milli(free_milli);
  status.set_silent_milliseconds(now.steady_milliseconds - node.heard_at);
  if (node.paused_until != 0)
    status.set_trouble(
        fmt::format("it takes no tasks for {} ms more, for its agent has "
                    "refused one: {}",
                    node.paused_until - now.steady_milliseconds, node.refusal));
  if (with_tasks)
    for (const auto& task : node.tasks)
      status.add_task_ids(task);
  return status;
}

mesh::v1::NodesAnswer allocator::nodes(const mesh::v1::NodesQuery& query,
                                       instant now) const {
  mesh::v1::NodesAnswer answer;
  if (!query.name().empty()) {
    auto node = nodes_.find(query.name());
    if (node == nodes_.end())
      return unknown_node(query.name());
    *answer.add_nodes() = status(node->second, true, now);
    return answer;
  }
  const auto asked = query.list().limit() == 0 ? 100 : query.list().limit();
  const auto limit = static_cast<int>(std::min(asked, max_nodes_listed));
  for (auto node = nodes_.upper_bound(query.list().after());
       node != nodes_.end(); ++node) {
    if (answer.nodes_size() == limit) {
      answer.set_more(true);
      break;
    }
    *answer.add_nodes() = status(node->second, false, now);
  }
  return answer;
}

mesh::v1::NodesAnswer allocator::command(const mesh::v1::NodeCommand& what,
                                         instant now, outbox& out) {
  const std::string name = what.what_case() == mesh::v1::NodeCommand::kForget
                               ? what.forget()
                               : what.condition().name();
  auto found = nodes_.find(name);
  if (found == nodes_.end())
    return unknown_node(name);
  auto& node = found->second;
  mesh::v1::NodesAnswer answer;
  if (what.what_case() == mesh::v1::NodeCommand::kForget) {
    if (node.attached) {
      *answer.mutable_failure() = failure_of(
          {error_code::conflict,
           fmt::format("the agent of {} is attached; a node that answers is "
                       "drained, not forgotten",
                       name)});
      return answer;
    }
    answer.set_tasks_lost(static_cast<std::uint32_t>(node.tasks.size()));
    lose(name, "an operator has given up its node", true, out);
    return answer;
  }
  const auto wanted = what.condition().condition();
  if (wanted != v1::READY && wanted != v1::CORDONED && wanted != v1::DRAINING) {
    *answer.mutable_failure()
        = failure_of({error_code::invalid_argument,
                      "condition is not READY, CORDONED or DRAINING"});
    return answer;
  }
  node.record.set_condition(static_cast<std::uint32_t>(wanted));
  out.put(std::string{node_prefix} + name, node.record);
  apply_condition(node);
  if (wanted == v1::DRAINING)
    drain(node, out);
  else if (wanted == v1::READY)
    made_room();
  *answer.add_nodes() = status(node, true, now);
  return answer;
}

// -- what happened ------------------------------------------------------------

void allocator::log_decision(const std::string& task, std::uint32_t attempt,
                             const v1::Decision& decision, instant now,
                             outbox& out) {
  auto& record = out.decisions.emplace_back();
  record.set_number(next_decision_++);
  record.set_unix_milliseconds(now.unix_milliseconds);
  record.set_task(task);
  record.set_attempt(attempt);
  *record.mutable_decision() = decision;
}

void allocator::describe(v1::Decision& decision, const allocation& a) const {
  decision.set_placed(true);
  decision.set_cell(options_.server);
  decision.set_node(a.record.node());
  *decision.mutable_devices() = a.record.devices();
  decision.set_policy(a.record.policy());
  decision.set_score(a.record.score());
}

std::vector<node_spec> allocator::some_nodes() const {
  constexpr std::size_t most_nodes = 256;
  std::vector<node_spec> out;
  const auto apart = nodes_.size() / most_nodes + 1;
  std::size_t at = 0;
  for (const auto& [name, node] : nodes_)
    if (at++ % apart == 0)
      if (auto spec = from_proto(node.record.spec()))
        out.push_back(*std::move(spec));
  return out;
}

placement_picture allocator::picture() const {
  constexpr std::size_t most_tasks = 512;
  placement_picture out{.nodes = some_nodes(), .tasks = {}};
  const auto tasks = workload_.shapes();
  const auto tasks_apart = tasks.size() / most_tasks + 1;
  for (std::size_t i = 0; i < tasks.size(); i += tasks_apart)
    out.tasks.push_back(tasks[i]);
  return out;
}

// -- the league ---------------------------------------------------------------

cell_history allocator::history() const {
  cell_history out{.nodes = some_nodes(),
                   .tasks = recorder_.entries(),
                   .unix_milliseconds = unix_milliseconds_};
  if (!nodes_.empty())
    out.part = static_cast<double>(out.nodes.size())
               / static_cast<double>(nodes_.size());
  for (const auto& spec : out.nodes)
    if (const auto node = ledger_->nodes().find(spec.name)) {
      const auto amounts = metered_in_use(ledger_->nodes(), *node);
      for (std::size_t kind = 0; kind < metered_kinds; ++kind)
        out.in_use[kind] += amounts[kind];
    }
  return out;
}

/// Worked out when they change: hashing weights takes 10 us.
void allocator::note_versions() {
  const auto& now = policies_->ruling();
  active_version_ = version_of(now.active);
  canary_version_ = now.canary ? version_of(*now.canary) : 0;
}

result<> allocator::rule(policy_ruling ruling) {
  auto ok = policies_->rule(std::move(ruling), workload_.shapes());
  note_versions();
  return ok;
}

cell_record record_of(cell_history history) {
  cell_record out{.nodes = std::move(history.nodes),
                  .tasks = {},
                  .part = history.part,
                  .in_use = history.in_use};
  for (const auto& [shape, arrival, start, end] : history.tasks) {
    auto& task = out.tasks.emplace_back();
    task.shape = *shape;
    task.arrival_milliseconds = arrival;
    task.ended = end >= 0;
    task.waits = start < 0;
    if (!task.waits)
      task.run_milliseconds
          = (task.ended ? end : history.unix_milliseconds) - start;
  }
  return out;
}

/// @cost O(nodes) after some have come or gone.
const v1::TenantAmounts& allocator::capacity() {
  const auto& nodes = ledger_->nodes();
  if (layout_ == nodes.layout_version() && capacity_.ByteSizeLong() > 0)
    return capacity_;
  layout_ = nodes.layout_version();
  capacity_.set_cpu_millicores(nodes.capacity()[resource_kind::cpu]);
  capacity_.set_memory_bytes(nodes.capacity()[resource_kind::memory]);
  std::int64_t gpus = 0;
  for (const auto& [name, node] : nodes_)
    gpus += std::ranges::count(node.record.spec().devices(), "gpu",
                               &v1::Device::kind);
  capacity_.set_gpu_milli(1000 * gpus);
  return capacity_;
}

void allocator::describe(v1::ServerStatus& status) const {
  const auto& capacity = ledger_->nodes().capacity();
  status.set_nodes(static_cast<std::uint32_t>(nodes_.size()));
  status.set_nodes_attached(attached_);
  status.set_tasks_live(ledger_->size());
  status.set_decisions(decisions_);
  status.set_resizes(resizer_.resizes());
  status.set_policy(std::string{policies_->name()});
  const auto& canary = policies_->ruling().canary;
  status.set_canary_policy(canary ? canary->name : std::string{});
  *status.mutable_capacity() = to_proto(capacity);
  resources free;
  for (const auto kind : {resource_kind::cpu, resource_kind::memory,
                          resource_kind::disk, resource_kind::network})
    free.set(kind, capacity[kind] - used_[kind]);
  *status.mutable_free() = to_proto(free);
}

} // namespace skerry
