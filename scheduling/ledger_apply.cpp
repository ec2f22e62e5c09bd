// Commands: names become handles, results become events.
#include "scheduling/ledger.hpp"

#include <fmt/format.h>

namespace skerry {

result<> ledger::apply(const command& what, std::vector<event>& events) {
  return std::visit(
      [this, &events](const auto& each) { return on(each, events); }, what);
}

result<node_index> ledger::find_node(std::string_view name) const {
  const auto node = nodes_.find(name);
  if (!node)
    return {error_code::not_found, fmt::format("there is no node {}", name)};
  return *node;
}

result<std::uint32_t> ledger::find_task(std::string_view id) const {
  const auto slot = tasks_.find(id);
  if (slot == task_table::no_slot)
    return {error_code::not_found, fmt::format("there is no task {}", id)};
  return slot;
}

// -- nodes --------------------------------------------------------------------

result<> ledger::on(const struct register_node& what,
                    std::vector<event>& events) {
  const auto registered = register_node(what.node, what.session);
  if (!registered)
    return registered.failure();
  events.emplace_back(*registered);
  return done{};
}

result<> ledger::on(const struct update_node& what,
                    std::vector<event>& events) {
  const auto updated = update_node(what.node);
  if (!updated)
    return updated.failure();
  events.emplace_back(*updated);
  return done{};
}

result<> ledger::on(const set_node_condition& what,
                    std::vector<event>& events) {
  const auto node = find_node(what.node);
  if (!node)
    return node.failure();
  const auto before = nodes_.condition(*node);
  if (auto ok = set_condition(*node, what.condition); !ok)
    return ok;
  if (before != what.condition)
    events.emplace_back(node_condition_set{*node, what.condition});
  return done{};
}

result<> ledger::on(const struct lose_node& what, std::vector<event>& events) {
  const auto node = find_node(what.node);
  if (!node)
    return node.failure();
  if (what.session && *what.session < session(*node))
    return {error_code::stale_epoch,
            fmt::format("node {}: session {} has ended, but session {} is "
                        "current",
                        what.node, *what.session, session(*node))};
  if (what.session && *what.session > session(*node))
    return {error_code::invalid_argument,
            fmt::format("node {}: session {} has not begun", what.node,
                        *what.session)};
  return lose_node(*node, events);
}

// -- tasks --------------------------------------------------------------------

result<> ledger::on(const submit_tasks& what, std::vector<event>& events) {
  if (what.tasks.empty())
    return {error_code::invalid_argument, "no tasks are submitted"};
  const auto gang = what.gang ? new_gang() : no_gang;
  std::vector<std::uint32_t> added;
  added.reserve(what.tasks.size());
  const auto add = [&](const task_submission& task) -> result<> {
    const auto profile = intern(task.profile);
    if (!profile)
      return {profile.failure().code,
              fmt::format("task {}: {}", task.id, profile.failure().message)};
    auto ok = check_new(task.id, *profile);
    if (ok)
      added.push_back(add_task(task.id, *profile, gang));
    release(*profile); // The task has its own reference.
    return ok;
  };
  for (const auto& task : what.tasks) {
    auto ok = add(task);
    if (ok)
      continue;
    if (gang != no_gang && added.empty())
      unused_gangs_.push_back(static_cast<std::uint32_t>(index_of(gang)));
    while (!added.empty()) {
      remove_task(added.back());
      added.pop_back();
    }
    return ok;
  }
  for (const auto slot : added)
    events.emplace_back(task_submitted{tasks_.ref(slot), gang});
  return done{};
}

result<> ledger::on(const commit_plan& what, std::vector<event>& events) {
  const auto outcome = commit(what.proposal, events);
  if (!outcome)
    return outcome.failure();
  return done{};
}

result<> ledger::on(const start_task& what, std::vector<event>& events) {
  const auto slot = find_task(what.task);
  if (!slot)
    return slot.failure();
  const auto ref = tasks_.ref(*slot);
  if (auto ok = start(ref, what.report); !ok)
    return ok;
  events.emplace_back(task_started{ref, what.report.attempt});
  return done{};
}

result<> ledger::on(const finish_task& what, std::vector<event>& events) {
  const auto slot = find_task(what.task);
  if (!slot)
    return slot.failure();
  const auto ref = tasks_.ref(*slot);
  if (auto ok = finish(ref, what.report); !ok)
    return ok;
  events.emplace_back(task_finished{ref, what.report.attempt});
  return done{};
}

result<> ledger::on(const fail_task& what, std::vector<event>& events) {
  const auto slot = find_task(what.task);
  if (!slot)
    return slot.failure();
  const auto ref = tasks_.ref(*slot);
  const auto back = fail(ref, what.report);
  if (!back)
    return back.failure();
  events.emplace_back(task_failed{ref, what.report.attempt});
  if (back->requeued)
    events.emplace_back(task_requeued{ref, back->attempt});
  else
    events.emplace_back(task_given_up{ref, back->failures});
  return done{};
}

result<> ledger::on(const resize_task& what, std::vector<event>& events) {
  const auto slot = find_task(what.task);
  if (!slot)
    return slot.failure();
  if (auto ok = resize_slot(*slot, what.demand); !ok)
    return ok;
  events.emplace_back(task_resized{tasks_.ref(*slot), tasks_[*slot].shape});
  return done{};
}

result<> ledger::on(const move_task& what, std::vector<event>& events) {
  const auto slot = find_task(what.task);
  if (!slot)
    return slot.failure();
  const auto node = find_node(what.node);
  if (!node)
    return node.failure();
  const auto from = tasks_[*slot].node;
  if (auto ok = move_slot(*slot, *node, what.devices); !ok)
    return ok;
  events.emplace_back(task_moved{tasks_.ref(*slot), tasks_[*slot].attempt, from,
                                 *node, what.devices});
  return done{};
}

result<> ledger::on(const evict_task& what, std::vector<event>& events) {
  const auto slot = find_task(what.task);
  if (!slot)
    return slot.failure();
  const auto before = tasks_[*slot];
  const auto ref = tasks_.ref(*slot);
  const auto back = evict(ref);
  if (!back)
    return back.failure();
  events.emplace_back(task_evicted{ref, before.attempt, before.node});
  events.emplace_back(task_requeued{ref, back->attempt});
  return done{};
}

result<> ledger::on(const cancel_task& what, std::vector<event>& events) {
  const auto slot = find_task(what.task);
  if (!slot)
    return slot.failure();
  const auto ref = tasks_.ref(*slot);
  remove_task(*slot);
  events.emplace_back(task_cancelled{ref});
  return done{};
}

} // namespace skerry
