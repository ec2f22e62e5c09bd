#include "scheduling/ledger.hpp"

#include "scheduling/explanation.hpp"

#include <fmt/format.h>

namespace skerry {

ledger::ledger(std::uint64_t epoch, ledger_limits limits)
    : epoch_{epoch}, limits_{limits} {}

// -- reading ------------------------------------------------------------------

std::optional<task_ref> ledger::find(std::string_view id) const {
  const auto slot = tasks_.find(id);
  if (slot == task_table::no_slot)
    return std::nullopt;
  return tasks_.ref(slot);
}

std::optional<task_view> ledger::task(task_ref ref) const {
  const auto slot = tasks_.find(ref);
  if (slot == task_table::no_slot)
    return std::nullopt;
  const auto& record = tasks_[slot];
  return task_view{.id = tasks_.id(slot),
                   .state = record.state,
                   .attempt = record.attempt,
                   .failures = record.failures,
                   .profile = record.profile,
                   .shape = record.shape,
                   .node = record.node,
                   .devices = record.devices,
                   .gang = record.gang};
}

std::size_t ledger::hot_bytes() const {
  return tasks_.hot_bytes() + on_nodes_.capacity() * sizeof(node_entry)
         + gangs_.capacity() * sizeof(gang_record);
}

// -- checks -------------------------------------------------------------------

error ledger::named(std::uint32_t slot, error_code code,
                    std::string_view why) const {
  return {code, fmt::format("task {}: {}", tasks_.id(slot), why)};
}

result<std::uint32_t> ledger::resolve(task_ref ref) const {
  const auto slot = tasks_.find(ref);
  if (slot == task_table::no_slot)
    return {error_code::not_found, "the task is gone"};
  return slot;
}

result<> ledger::check_node(node_index node) const {
  if (index_of(node) >= nodes_.size()
      || nodes_.condition(node) == node_condition::gone)
    return {error_code::not_found,
            fmt::format("there is no node {}", index_of(node))};
  return done{};
}

result<> ledger::check_on_node(std::uint32_t slot) const {
  if (tasks_[slot].state == task_state::pending)
    return named(slot, error_code::conflict, "it is pending, on no node");
  return done{};
}

result<> ledger::check_report(std::uint32_t slot,
                              const std::optional<report_stamp>& stamp) const {
  const auto& record = tasks_[slot];
  // The attempt first: an old one ran on another node, of other sessions.
  if (stamp && stamp->attempt != record.attempt)
    return named(slot, error_code::conflict,
                 fmt::format("report of attempt {}, but attempt {} is current",
                             stamp->attempt, record.attempt));
  if (auto ok = check_on_node(slot); !ok)
    return ok;
  if (!stamp || !stamp->session)
    return done{};
  const auto current = session(record.node);
  if (*stamp->session < current)
    return named(slot, error_code::stale_epoch,
                 fmt::format("report of session {} of node {}, but session {} "
                             "is current",
                             *stamp->session, nodes_.name(record.node),
                             current));
  if (*stamp->session > current)
    return named(slot, error_code::invalid_argument,
                 fmt::format("report of session {} of node {}, which has not "
                             "begun",
                             *stamp->session, nodes_.name(record.node)));
  return done{};
}

result<> ledger::check_new(std::string_view id, profile_id profile) const {
  if (auto ok = validate_id(id, "task id"); !ok)
    return ok;
  if (tasks_.find(id) != task_table::no_slot)
    return {error_code::already_exists,
            fmt::format("task {} exists already", id)};
  if (!profiles_.in_use(profile))
    return {
        error_code::not_found,
        fmt::format("task {}: there is no profile {}", id, index_of(profile))};
  if (tasks_.size() >= limits_.tasks)
    return {error_code::limit_exceeded,
            fmt::format("task {} is one more than the {} that are allowed", id,
                        limits_.tasks)};
  const auto& shape = nodes_.shape(profiles_[profile].shape);
  if (nodes_.live_nodes() > 0 && !nodes_.can_ever_fit(shape))
    return {
        error_code::infeasible,
        fmt::format("task {}: {}", id, explain_when_empty(nodes_, shape).text)};
  return done{};
}

// -- nodes --------------------------------------------------------------------

result<node_registered> ledger::register_node(const node_spec& spec,
                                              std::uint64_t session) {
  const auto last = sessions_.find(spec.name);
  if (last != sessions_.end() && session <= last->second)
    return {error_code::stale_epoch,
            fmt::format("node {}: session {} is not above {}, the last one",
                        spec.name, session, last->second)};
  if (last == sessions_.end() && sessions_.size() >= limits_.node_names)
    return {error_code::limit_exceeded,
            fmt::format("node {} is one more name than the {} that are "
                        "remembered",
                        spec.name, limits_.node_names)};
  node_registered out{.session = session};
  if (const auto live = nodes_.find(spec.name)) {
    if (auto ok = nodes_.update_node(*live, spec); !ok)
      return ok.failure();
    out.node = *live;
    out.renewed = true;
  } else {
    const auto added = nodes_.add_node(spec);
    if (!added)
      return added.failure();
    out.node = *added;
    if (on_nodes_.size() < nodes_.size())
      on_nodes_.resize(nodes_.size());
  }
  on_nodes_[index_of(out.node)].session = session;
  sessions_.insert_or_assign(spec.name, session);
  return out;
}

result<node_updated> ledger::update_node(const node_spec& spec) {
  const auto node = find_node(spec.name);
  if (!node)
    return node.failure();
  if (auto ok = nodes_.update_node(*node, spec); !ok)
    return ok.failure();
  return node_updated{*node};
}

result<> ledger::set_condition(node_index node, node_condition condition) {
  if (auto ok = check_node(node); !ok)
    return ok;
  if (condition == node_condition::gone)
    return {error_code::invalid_argument,
            fmt::format("node {}: gone is not a condition to be set; it is "
                        "lost or removed",
                        nodes_.name(node))};
  if (nodes_.condition(node) != condition)
    nodes_.set_condition(node, condition);
  return done{};
}

result<> ledger::lose_node(node_index node, std::vector<event>& events) {
  if (auto ok = check_node(node); !ok)
    return ok;
  auto& first = on_nodes_[index_of(node)].first_task;
  while (first != task_table::no_slot) {
    const auto slot = first;
    const auto ref = tasks_.ref(slot);
    events.emplace_back(task_lost{ref, tasks_[slot].attempt, node});
    const auto back = count_failure(slot);
    if (back.requeued)
      events.emplace_back(task_requeued{ref, back.attempt});
    else
      events.emplace_back(task_given_up{ref, back.failures});
  }
  const auto removed = nodes_.remove_node(node);
  SKERRY_ASSERT(removed.has_value());
  events.emplace_back(node_lost{node});
  return done{};
}

// -- tasks --------------------------------------------------------------------

result<task_ref> ledger::submit(std::string_view id, profile_id profile) {
  if (auto ok = check_new(id, profile); !ok)
    return ok.failure();
  return tasks_.ref(add_task(id, profile, no_gang));
}

result<> ledger::place(task_ref ref, node_index node, device_mask devices) {
  const auto slot = resolve(ref);
  if (!slot)
    return slot.failure();
  if (tasks_[*slot].state != task_state::pending)
    return named(*slot, error_code::conflict, "it is not pending");
  if (tasks_[*slot].gang != no_gang)
    return named(*slot, error_code::conflict,
                 "it is of a gang, which a plan places as a whole");
  if (auto ok = check_node(node); !ok)
    return ok;
  return place_slot(*slot, node, devices);
}

result<> ledger::start(task_ref ref, const std::optional<report_stamp>& stamp) {
  const auto slot = resolve(ref);
  if (!slot)
    return slot.failure();
  if (auto ok = check_report(*slot, stamp); !ok)
    return ok;
  if (tasks_[*slot].state != task_state::placed)
    return named(*slot, error_code::conflict, "this attempt has started");
  set_state(*slot, task_state::running);
  return done{};
}

result<> ledger::finish(task_ref ref,
                        const std::optional<report_stamp>& stamp) {
  const auto slot = resolve(ref);
  if (!slot)
    return slot.failure();
  if (auto ok = check_report(*slot, stamp); !ok)
    return ok;
  remove_task(*slot);
  return done{};
}

result<task_return> ledger::fail(task_ref ref,
                                 const std::optional<report_stamp>& stamp) {
  const auto slot = resolve(ref);
  if (!slot)
    return slot.failure();
  if (auto ok = check_report(*slot, stamp); !ok)
    return ok.failure();
  return count_failure(*slot);
}

result<task_return> ledger::evict(task_ref ref) {
  const auto slot = resolve(ref);
  if (!slot)
    return slot.failure();
  if (auto ok = check_on_node(*slot); !ok)
    return ok.failure();
  return return_to_pending(*slot);
}

result<> ledger::cancel(task_ref ref) {
  const auto slot = resolve(ref);
  if (!slot)
    return slot.failure();
  remove_task(*slot);
  return done{};
}

result<> ledger::resize(task_ref ref, const resources& demand) {
  const auto slot = resolve(ref);
  if (!slot)
    return slot.failure();
  return resize_slot(*slot, demand);
}

result<> ledger::move(task_ref ref, node_index node, device_mask devices) {
  const auto slot = resolve(ref);
  if (!slot)
    return slot.failure();
  return move_slot(*slot, node, devices);
}

} // namespace skerry
