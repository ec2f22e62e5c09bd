// Committing a plan:
//
//   for each item                      nothing is changed yet, so that items of
//     check task, attempt, node        one plan cannot make each other stale
//     refuse it, or note it; link items of a gang
//   for each noted item, in order
//     of no gang: carry it out, or refuse it
//     the last of its gang: place them all, or take back and refuse them all
#include "scheduling/ledger.hpp"

#include <fmt/format.h>

namespace skerry {
namespace {

constexpr auto no_slot = task_table::no_slot;

task_ref task_of(const plan_item& item) {
  return std::visit([](const auto& each) { return each.task; }, item);
}

std::uint32_t attempt_of(const plan_item& item) {
  return std::visit([](const auto& each) { return each.attempt; }, item);
}

bool is_place(const plan_item& item) {
  return std::holds_alternative<plan_place>(item);
}

} // namespace

result<plan_outcome> ledger::commit(const plan& proposal,
                                    std::vector<event>& events) {
  if (proposal.epoch != epoch_)
    return {error_code::stale_epoch,
            fmt::format("the plan is for epoch {}, this is epoch {}",
                        proposal.epoch, epoch_)};
  if (proposal.version > nodes_.version())
    return {error_code::invalid_argument,
            fmt::format("the plan is for version {}, the last one is {}",
                        proposal.version, nodes_.version())};
  const auto count = static_cast<std::uint32_t>(proposal.items.size());
  plan_scratch_.assign(count, {});
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto& item = proposal.items[i];
    const auto slot = check_item(proposal, i);
    if (slot) {
      plan_scratch_[i].slot = *slot;
      tasks_[*slot].in_plan = true;
    } else {
      events.emplace_back(plan_item_refused{i, slot.failure()});
    }
    const auto live = tasks_.find(task_of(item));
    if (is_place(item) && live != no_slot && tasks_[live].gang != no_gang)
      enter_gang(i, tasks_[live].gang);
  }
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto& item = proposal.items[i];
    auto& scratch = plan_scratch_[i];
    if (scratch.gang != no_gang) {
      auto& gang = gangs_[index_of(scratch.gang)];
      if (gang.last_item == i)
        commit_gang(proposal, gang, events);
    } else if (scratch.slot != no_slot) {
      tasks_[scratch.slot].in_plan = false;
      if (auto ok = commit_item(item, scratch.slot, events); !ok) {
        events.emplace_back(plan_item_refused{i, ok.failure()});
        scratch.slot = no_slot;
      }
    }
  }
  plan_outcome out;
  for (const auto& scratch : plan_scratch_)
    ++(scratch.slot == no_slot ? out.refused : out.accepted);
  return out;
}

/// @returns The slot of the item's task, or why the item cannot hold.
result<std::uint32_t> ledger::check_item(const plan& proposal,
                                         std::uint32_t item) const {
  const auto& what = proposal.items[item];
  const auto slot = tasks_.find(task_of(what));
  if (slot == no_slot)
    return {error_code::stale_snapshot, "the task is gone"};
  const auto& record = tasks_[slot];
  if (record.in_plan)
    return named(slot, error_code::invalid_argument,
                 "another item of the plan is about it");
  if (record.attempt != attempt_of(what))
    return named(slot, error_code::stale_snapshot,
                 fmt::format("planned for attempt {}, but attempt {} is "
                             "current",
                             attempt_of(what), record.attempt));
  if (is_place(what) && record.state != task_state::pending)
    return named(slot, error_code::stale_snapshot, "it is not pending");
  if (!is_place(what) && record.state == task_state::pending)
    return named(slot, error_code::conflict, "it is pending, on no node");
  auto node = record.node;
  if (const auto* place = std::get_if<plan_place>(&what))
    node = place->node;
  if (const auto* move = std::get_if<plan_move>(&what))
    node = move->node;
  if (index_of(node) >= nodes_.size())
    return named(slot, error_code::invalid_argument,
                 fmt::format("there is no node {}", index_of(node)));
  if (nodes_.version(node) > proposal.version)
    return named(slot, error_code::stale_snapshot,
                 fmt::format("node {} has changed since version {}",
                             nodes_.name(node), proposal.version));
  return slot;
}

void ledger::enter_gang(std::uint32_t item, gang_id id) {
  auto& gang = gangs_[index_of(id)];
  auto& scratch = plan_scratch_[item];
  scratch.gang = id;
  if (gang.last_item == no_slot)
    gang.first_item = item;
  else
    plan_scratch_[gang.last_item].next_of_gang = item;
  gang.last_item = item;
  ++gang.items;
  gang.refused |= scratch.slot == no_slot;
}

result<> ledger::commit_item(const plan_item& item, std::uint32_t slot,
                             std::vector<event>& events) {
  const auto ref = tasks_.ref(slot);
  const auto& record = tasks_[slot];
  const auto from = record.node;
  if (const auto* place = std::get_if<plan_place>(&item)) {
    if (auto ok = check_node(place->node); !ok)
      return ok;
    if (auto ok = place_slot(slot, place->node, place->devices); !ok)
      return ok;
    events.emplace_back(
        task_placed{ref, record.attempt, place->node, place->devices});
  } else if (const auto* move = std::get_if<plan_move>(&item)) {
    if (auto ok = move_slot(slot, move->node, move->devices); !ok)
      return ok;
    events.emplace_back(
        task_moved{ref, record.attempt, from, move->node, move->devices});
  } else if (const auto* resize = std::get_if<plan_resize>(&item)) {
    if (auto ok = resize_slot(slot, resize->demand); !ok)
      return ok;
    events.emplace_back(task_resized{ref, record.shape});
  } else {
    const auto back = return_to_pending(slot);
    events.emplace_back(task_evicted{ref, back.attempt - 1, from});
    events.emplace_back(task_requeued{ref, back.attempt});
  }
  return done{};
}

/// Places all items of the gang, or none, and forgets that it was in a plan.
void ledger::commit_gang(const plan& proposal, gang_record& gang,
                         std::vector<event>& events) {
  const auto first = gang.first_item;
  const auto complete = gang.items == gang.pending;
  const auto refused = gang.refused;
  gang.first_item = gang.last_item = no_slot;
  gang.items = 0;
  gang.refused = false;
  for (auto i = first; i != no_slot; i = plan_scratch_[i].next_of_gang)
    if (plan_scratch_[i].slot != no_slot)
      tasks_[plan_scratch_[i].slot].in_plan = false;
  if (refused)
    return refuse_gang(
        first, no_slot,
        {error_code::stale_snapshot, "another task of its gang was refused"},
        events);
  if (!complete)
    return refuse_gang(first, no_slot,
                       {error_code::invalid_argument,
                        "the plan holds only a part of its gang"},
                       events);
  for (auto i = first; i != no_slot; i = plan_scratch_[i].next_of_gang) {
    const auto& place = std::get<plan_place>(proposal.items[i]);
    auto ok = check_node(place.node);
    if (ok)
      ok = place_slot(plan_scratch_[i].slot, place.node, place.devices);
    if (ok)
      continue;
    for (auto j = first; j != i; j = plan_scratch_[j].next_of_gang) {
      release_node(plan_scratch_[j].slot);
      set_state(plan_scratch_[j].slot, task_state::pending);
    }
    return refuse_gang(first, i, ok.failure(), events);
  }
  for (auto i = first; i != no_slot; i = plan_scratch_[i].next_of_gang) {
    const auto& place = std::get<plan_place>(proposal.items[i]);
    events.emplace_back(
        task_placed{place.task, place.attempt, place.node, place.devices});
  }
}

/// Refuses those items of a gang that were not refused before: `culprit` for
/// `why`, the others because of it.
void ledger::refuse_gang(std::uint32_t first, std::uint32_t culprit,
                         const error& why, std::vector<event>& events) {
  for (auto i = first; i != no_slot; i = plan_scratch_[i].next_of_gang) {
    auto& slot = plan_scratch_[i].slot;
    if (slot == no_slot)
      continue;
    const auto* text
        = culprit == no_slot || i == culprit ? "{}" : "its gang: {}";
    events.emplace_back(plan_item_refused{
        i,
        named(slot, why.code, fmt::format(fmt::runtime(text), why.message))});
    slot = no_slot;
  }
}

} // namespace skerry
