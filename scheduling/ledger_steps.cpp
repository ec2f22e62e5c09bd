// The steps that the ledger's methods, commands and plans share. They know the
// slot of a live task; what can fail is checked before anything is changed.
#include "scheduling/ledger.hpp"
#include "scheduling/spread.hpp"

#include <fmt/format.h>

namespace skerry {

std::uint32_t ledger::add_task(std::string_view id, profile_id profile,
                               gang_id gang) {
  const auto slot = tasks_.insert(id);
  auto& record = tasks_[slot];
  record.profile = profile;
  record.shape = profiles_[profile].shape;
  record.gang = gang;
  profiles_.retain(profile);
  ++counts_[static_cast<std::size_t>(task_state::pending)];
  if (gang != no_gang) {
    ++gangs_[index_of(gang)].live;
    ++gangs_[index_of(gang)].pending;
  }
  return slot;
}

void ledger::remove_task(std::uint32_t slot) {
  auto& record = tasks_[slot];
  if (record.node != no_node)
    release_node(slot);
  set_state(slot, task_state::gone);
  if (record.gang != no_gang)
    leave_gang(record.gang);
  const auto profile = record.profile;
  if (record.shape != profiles_[profile].shape)
    nodes_.release(record.shape);
  profiles_.release(nodes_, profile);
  tasks_.erase(slot);
}

void ledger::set_state(std::uint32_t slot, task_state state) {
  auto& record = tasks_[slot];
  --counts_[static_cast<std::size_t>(record.state)];
  if (state != task_state::gone)
    ++counts_[static_cast<std::size_t>(state)];
  if (record.gang != no_gang) {
    auto& gang = gangs_[index_of(record.gang)];
    gang.pending -= record.state == task_state::pending ? 1 : 0;
    gang.pending += state == task_state::pending ? 1 : 0;
  }
  record.state = state;
}

// -- on and off a node --------------------------------------------------------

void ledger::link(std::uint32_t slot, node_index node) {
  auto& record = tasks_[slot];
  auto& first = on_nodes_[index_of(node)].first_task;
  record.node = node;
  record.previous = task_table::no_slot;
  record.next = first;
  if (first != task_table::no_slot)
    tasks_[first].previous = slot;
  first = slot;
}

void ledger::unlink(std::uint32_t slot) {
  auto& record = tasks_[slot];
  if (record.next != task_table::no_slot)
    tasks_[record.next].previous = record.previous;
  if (record.previous != task_table::no_slot)
    tasks_[record.previous].next = record.next;
  else
    on_nodes_[index_of(record.node)].first_task = record.next;
  record.node = no_node;
}

/// Whether the task may come to `node`, seen across nodes: `cluster::take`
/// looks at the node alone.
result<> ledger::check_spread(std::uint32_t slot, node_index node) const {
  const auto& record = tasks_[slot];
  const auto& shape = nodes_.shape(record.shape);
  if (!shape.source.spread)
    return done{};
  const auto leaving
      = record.node == no_node ? std::nullopt : std::optional{record.node};
  if (spread_filter{nodes_, shape, leaving}.allows(node))
    return done{};
  return named(slot, error_code::insufficient,
               to_string(refusal_reason::spread));
}

result<> ledger::place_slot(std::uint32_t slot, node_index node,
                            device_mask devices) {
  auto& record = tasks_[slot];
  if (auto ok = check_spread(slot, node); !ok)
    return ok;
  if (auto ok = nodes_.take(node, record.shape, devices); !ok)
    return ok;
  record.devices = devices;
  link(slot, node);
  set_state(slot, task_state::placed);
  return done{};
}

void ledger::release_node(std::uint32_t slot) {
  auto& record = tasks_[slot];
  nodes_.give_back(record.node, record.shape, record.devices);
  unlink(slot);
  record.devices = 0;
}

task_return ledger::return_to_pending(std::uint32_t slot) {
  auto& record = tasks_[slot];
  release_node(slot);
  set_state(slot, task_state::pending);
  ++record.attempt;
  return {true, record.attempt, record.failures};
}

task_return ledger::count_failure(std::uint32_t slot) {
  auto& record = tasks_[slot];
  ++record.failures;
  if (record.failures < profiles_[record.profile].max_attempts)
    return return_to_pending(slot);
  const task_return out{false, 0, record.failures};
  remove_task(slot);
  return out;
}

result<> ledger::resize_slot(std::uint32_t slot, const resources& demand) {
  auto& record = tasks_[slot];
  if (auto ok = check_on_node(slot); !ok)
    return ok;
  const auto& profile = profiles_[record.profile];
  const auto& bounds = profile.source;
  if (!bounds.minimum)
    return named(slot, error_code::invalid_argument, "its size is fixed");
  if (!bounds.minimum->fits_in(demand) || !demand.fits_in(*bounds.maximum))
    return named(slot, error_code::invalid_argument,
                 "the demand is outside of its minimum and maximum");
  auto resized = bounds.shape;
  resized.demand = demand;
  const auto shape = nodes_.intern(resized);
  if (!shape)
    return shape.failure();
  const auto before = record.shape;
  if (*shape != before)
    if (auto ok = nodes_.exchange(record.node, before, record.devices, *shape,
                                  record.devices);
        !ok) {
      nodes_.release(*shape);
      return ok;
    }
  // A task holds its shape through its profile, or itself if it is another.
  if (*shape == before || *shape == profile.shape)
    nodes_.release(*shape);
  if (*shape != before && before != profile.shape)
    nodes_.release(before);
  record.shape = *shape;
  return done{};
}

result<> ledger::move_slot(std::uint32_t slot, node_index node,
                           device_mask devices) {
  auto& record = tasks_[slot];
  if (auto ok = check_on_node(slot); !ok)
    return ok;
  if (auto ok = check_node(node); !ok)
    return ok;
  if (node == record.node) {
    if (devices == record.devices)
      return named(slot, error_code::invalid_argument, "it is there already");
    if (auto ok = nodes_.exchange(node, record.shape, record.devices,
                                  record.shape, devices);
        !ok)
      return ok;
  } else {
    if (auto ok = check_spread(slot, node); !ok)
      return ok;
    if (auto ok = nodes_.take(node, record.shape, devices); !ok)
      return ok;
    release_node(slot);
    link(slot, node);
  }
  record.devices = devices;
  ++record.attempt;
  set_state(slot, task_state::placed);
  return done{};
}

// -- gangs --------------------------------------------------------------------

gang_id ledger::new_gang() {
  if (unused_gangs_.empty()) {
    gangs_.emplace_back();
    return static_cast<gang_id>(gangs_.size() - 1);
  }
  const auto gang = static_cast<gang_id>(unused_gangs_.back());
  unused_gangs_.pop_back();
  return gang;
}

void ledger::leave_gang(gang_id id) {
  auto& gang = gangs_[index_of(id)];
  if (--gang.live > 0)
    return;
  gang = {};
  unused_gangs_.push_back(static_cast<std::uint32_t>(index_of(id)));
}

} // namespace skerry
