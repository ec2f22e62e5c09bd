#include "scheduling/ledger.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace skerry {

namespace {

result<> broken(std::string what) {
  return {error_code::conflict, std::move(what)};
}

/// What the tasks of a node hold, counted again from nothing.
struct held_on_node {
  resources amounts;
  std::array<std::int64_t, max_devices_per_node> milli{};
  std::array<std::int64_t, max_devices_per_node> memory_bytes{};
  std::array<std::int32_t, max_devices_per_node> whole{}; ///< Of how many.
  std::map<std::uint32_t, std::uint32_t> groups;
  std::uint32_t tasks = 0;
};

} // namespace

/// One walk over a ledger, comparing what is kept with what is counted.
class ledger::checker {
public:
  explicit checker(const ledger& of) : ledger_{of}, nodes_{of.nodes_} {}

  result<> check();

private:
  result<> check_node(node_index node);
  result<> check_list(node_index node, held_on_node& held);
  result<> add_devices(std::uint32_t slot, held_on_node& held) const;
  result<> check_devices(node_index node, const held_on_node& held) const;
  result<> check_task(std::uint32_t slot);
  result<> check_gangs() const;
  result<> check_references();

  const ledger& ledger_;
  const cluster& nodes_;
  std::size_t listed_ = 0;
  std::array<std::size_t, task_states> counts_{};
  std::vector<gang_record> gangs_;
  std::map<profile_id, std::uint32_t> profile_users_;
  std::map<shape_id, std::uint32_t> shape_users_;
};

result<> ledger::check_invariants() const {
  return checker{*this}.check();
}

result<> ledger::checker::check() {
  gangs_.resize(ledger_.gangs_.size());
  resources capacity;
  std::size_t live = 0;
  for (std::size_t n = 0; n < nodes_.size(); ++n) {
    const auto node = static_cast<node_index>(n);
    if (auto ok = check_node(node); !ok)
      return ok;
    if (nodes_.condition(node) == node_condition::gone)
      continue;
    ++live;
    capacity = *plus(capacity, nodes_.class_of(node).capacity);
  }
  if (live != nodes_.live_nodes() || !(capacity == nodes_.capacity()))
    return broken("live nodes or their capacity are miscounted");
  const auto& tasks = ledger_.tasks_;
  for (std::uint32_t slot = 0; slot < tasks.slots(); ++slot)
    if (auto ok = check_task(slot); !ok)
      return ok;
  std::size_t sum = 0;
  for (const auto counted : counts_)
    sum += counted;
  if (counts_ != ledger_.counts_ || sum != tasks.size())
    return broken("tasks by state are miscounted");
  const auto on_nodes
      = counts_[static_cast<std::size_t>(task_state::placed)]
        + counts_[static_cast<std::size_t>(task_state::running)];
  if (listed_ != on_nodes)
    return broken(fmt::format("{} tasks are in lists of nodes, {} should be",
                              listed_, on_nodes));
  if (auto ok = check_gangs(); !ok)
    return ok;
  return check_references();
}

result<> ledger::checker::check_node(node_index node) {
  if (index_of(node) >= ledger_.on_nodes_.size())
    return broken(fmt::format("node {} has no list", index_of(node)));
  held_on_node held;
  if (auto ok = check_list(node, held); !ok)
    return ok;
  if (nodes_.condition(node) == node_condition::gone) {
    if (held.tasks > 0)
      return broken(fmt::format("node {} is gone and has {} tasks",
                                index_of(node), held.tasks));
    return done{};
  }
  const auto& name = nodes_.name(node);
  if (nodes_.find(name) != node)
    return broken(fmt::format("node {} is not found by its name", name));
  if (held.tasks != nodes_.task_count(node))
    return broken(fmt::format("node {} counts {} tasks and has {}", name,
                              nodes_.task_count(node), held.tasks));
  const auto free = nodes_.free(node);
  const auto& of = nodes_.class_of(node);
  for (std::size_t kind = 0; kind < max_resource_kinds; ++kind)
    if (free[kind] < 0 || free[kind] + held.amounts[kind] != of.capacity[kind])
      return broken(fmt::format("node {}: free {} + held {} is not the "
                                "capacity {} of kind {}",
                                name, free[kind], held.amounts[kind],
                                of.capacity[kind], kind));
  for (const auto& [group, tasks] : held.groups)
    if (nodes_.group_count(node, group) != tasks)
      return broken(fmt::format("node {} counts {} tasks of group {} and has "
                                "{}",
                                name, nodes_.group_count(node, group), group,
                                tasks));
  return check_devices(node, held);
}

result<> ledger::checker::check_list(node_index node, held_on_node& held) {
  const auto& tasks = ledger_.tasks_;
  auto previous = task_table::no_slot;
  for (auto slot = ledger_.on_nodes_[index_of(node)].first_task;
       slot != task_table::no_slot; slot = tasks[slot].next) {
    const auto& record = tasks[slot];
    if (record.node != node || record.previous != previous)
      return broken(fmt::format("the list of node {} is broken at task {}",
                                index_of(node), tasks.id(slot)));
    if (++listed_ > tasks.size())
      return broken(
          fmt::format("the list of node {} has no end", index_of(node)));
    const auto& shape = nodes_.shape(record.shape);
    const auto sum = plus(held.amounts, shape.demand);
    if (!sum)
      return sum.failure();
    held.amounts = *sum;
    if (auto ok = add_devices(slot, held); !ok)
      return ok;
    for (const auto group : shape.groups)
      ++held.groups[group];
    ++held.tasks;
    previous = slot;
  }
  return done{};
}

result<> ledger::checker::add_devices(std::uint32_t slot,
                                      held_on_node& held) const {
  const auto& record = ledger_.tasks_[slot];
  const auto& shape = nodes_.shape(record.shape);
  const auto& of = nodes_.class_of(record.node);
  std::array<std::int32_t, max_device_requests> served{};
  for (std::size_t d = 0; d < max_devices_per_node; ++d) {
    if ((record.devices >> d & 1) == 0)
      continue;
    const auto& requests = shape.source.devices;
    const auto request = d < of.devices.size()
                             ? std::ranges::find(requests, of.devices[d].kind,
                                                 &device_request::kind)
                             : requests.end();
    if (request == requests.end())
      return broken(fmt::format("task {} holds device {} and asked for none",
                                ledger_.tasks_.id(slot), d));
    ++served[static_cast<std::size_t>(request - requests.begin())];
    if (held.whole[d] > 0 || (request->share_milli == 0 && held.milli[d] > 0))
      return broken(fmt::format("task {} shares device {} that is held whole",
                                ledger_.tasks_.id(slot), d));
    if (request->share_milli == 0)
      held.whole[d] = request->count;
    held.milli[d] += request->share_milli;
    held.memory_bytes[d] += request->memory_bytes;
  }
  for (std::size_t i = 0; i < shape.source.devices.size(); ++i)
    if (served[i] != shape.source.devices[i].count)
      return broken(fmt::format("task {} holds {} devices for request {}",
                                ledger_.tasks_.id(slot), served[i], i));
  return done{};
}

result<> ledger::checker::check_devices(node_index node,
                                        const held_on_node& held) const {
  const auto& of = nodes_.class_of(node);
  const auto states = nodes_.devices(node);
  if (states.size() != of.devices.size())
    return broken(fmt::format("node {} has {} devices, its class has {}",
                              nodes_.name(node), states.size(),
                              of.devices.size()));
  for (std::size_t d = 0; d < states.size(); ++d) {
    const auto whole = held.whole[d] > 0;
    const auto milli = whole ? 0 : of.devices[d].capacity_milli - held.milli[d];
    const auto memory_bytes
        = whole ? 0 : of.devices[d].memory_bytes - held.memory_bytes[d];
    const auto idle = !whole && held.milli[d] == 0;
    const auto& state = states[d];
    if (milli < 0 || memory_bytes < 0 || state.free_milli != milli
        || state.free_memory_bytes != memory_bytes
        || state.held_by_whole != held.whole[d]
        || (nodes_.idle_devices(node) >> d & 1) != (idle ? 1U : 0U))
      return broken(fmt::format("node {}: device {} has {} milli free, {} "
                                "should be",
                                nodes_.name(node), d, state.free_milli, milli));
  }
  return done{};
}

result<> ledger::checker::check_task(std::uint32_t slot) {
  const auto& record = ledger_.tasks_[slot];
  if (record.state == task_state::gone)
    return done{};
  const auto id = ledger_.tasks_.id(slot);
  if (ledger_.tasks_.find(id) != slot)
    return broken(fmt::format("task {} is not found by its id", id));
  ++counts_[static_cast<std::size_t>(record.state)];
  const auto pending = record.state == task_state::pending;
  if (pending != (record.node == no_node) || (pending && record.devices != 0))
    return broken(
        fmt::format("task {}: its node does not go with its state", id));
  const auto& profile = ledger_.profiles_[record.profile];
  if (record.attempt <= record.failures
      || record.failures >= profile.max_attempts)
    return broken(fmt::format("task {}: {} failures in {} attempts, at most {}",
                              id, record.failures, record.attempt,
                              profile.max_attempts));
  if (record.in_plan)
    return broken(fmt::format("task {} is still in a plan", id));
  ++profile_users_[record.profile];
  if (record.shape != profile.shape)
    ++shape_users_[record.shape];
  if (record.gang != no_gang) {
    ++gangs_[index_of(record.gang)].live;
    gangs_[index_of(record.gang)].pending += pending ? 1 : 0;
  }
  return done{};
}

result<> ledger::checker::check_gangs() const {
  std::size_t unused = 0;
  for (std::size_t g = 0; g < gangs_.size(); ++g) {
    const auto& kept = ledger_.gangs_[g];
    unused += kept.live == 0 ? 1 : 0;
    if (kept.live != gangs_[g].live || kept.pending != gangs_[g].pending)
      return broken(fmt::format("gang {} is miscounted", g));
    if (kept.items != 0 || kept.refused)
      return broken(fmt::format("gang {} is still in a plan", g));
  }
  if (unused != ledger_.unused_gangs_.size())
    return broken("a gang is lost");
  return done{};
}

/// Callers hold references to profiles; to shapes only profiles and resized
/// tasks do.
result<> ledger::checker::check_references() {
  for (const auto& [profile, users] : profile_users_)
    if (ledger_.profiles_[profile].users < users)
      return broken(
          fmt::format("profile {} has too few references", index_of(profile)));
  for (const auto& profile : ledger_.profiles_.all())
    if (profile.serial != 0)
      ++shape_users_[profile.shape];
  const auto shapes = nodes_.shapes();
  for (std::size_t s = 0; s < shapes.size(); ++s) {
    const auto users = shape_users_[static_cast<shape_id>(s)];
    if (shapes[s].users != users)
      return broken(fmt::format("shape {} counts {} references and has {}", s,
                                shapes[s].users, users));
  }
  return done{};
}

} // namespace skerry
