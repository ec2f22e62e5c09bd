// Why tasks wait, for people.
#include "actors/jobs.hpp"
#include "messages/convert.hpp"
#include "messages/job_stages.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

namespace skerry {

namespace {

/// Of what goes before a group, as many are named.
constexpr std::size_t most_ahead = 5;

std::string_view ended_text(v1::TaskState state) {
  switch (state) {
  case v1::FINISHED:
    return "it waits for nothing: it has finished";
  case v1::FAILED:
    return "it waits for nothing: it has failed";
  default:
    return "it waits for nothing: it was cancelled";
  }
}

} // namespace

/// Whether the first would be awarded before the other, as charges are now.
bool jobs::goes_before(const queue_class& one, const queue_class& other) const {
  const auto key = [this](const queue_class& queue) {
    return std::tuple{tier_of(queue), share_.charge(*queue.tenant),
                      queue.listed.arrival, queue.number};
  };
  return key(one) < key(other);
}

void jobs::add_ahead(const queue_class& queue,
                     v1::GroupExplanation& out) const {
  std::vector<const queue_class*> ahead;
  std::uint64_t tasks = 0;
  const auto look = [&](const line_key&, const queue_class* other) {
    if (!goes_before(*other, queue))
      return;
    ahead.push_back(other);
    tasks += other->waiting.size();
  };
  ready_.for_each(look);
  for (const auto& [key, other] : blocked_)
    look(key, other);
  out.set_tasks_ahead(tasks);
  const auto named = std::min(ahead.size(), most_ahead);
  std::ranges::partial_sort(
      ahead, ahead.begin() + static_cast<std::ptrdiff_t>(named),
      [this](const auto* a, const auto* b) { return goes_before(*a, *b); });
  for (std::size_t i = 0; i < named; ++i) {
    auto* one = out.add_ahead();
    one->set_job(ahead[i]->waiting.begin()->owner->record.job().id());
    one->set_tenant(ahead[i]->tenant->name);
    one->set_effective_priority(-tier_of(*ahead[i]));
    one->set_tasks(ahead[i]->waiting.size());
  }
}

void jobs::add_what_holds(task_of t, v1::GroupExplanation& out) const {
  const auto& owner = *t.owner;
  const auto& wire = owner.record.job();
  for (const auto& id : wire.after())
    if (const auto parent = jobs_.find(id);
        parent != jobs_.end() && state_of(parent->second) != v1::FINISHED)
      out.add_after(id);
  if (owner.stages)
    for (const auto& name : group_of(t).after())
      if (owner.stages->unfinished[*find_group(wire, name)] > 0)
        out.add_after(name);
  out.set_not_before_unix_milliseconds(
      std::max(owner.held_until, t->not_before));
}

/// What it waits for when nothing holds it.
std::string jobs::turn_of(task_of t) const {
  if (t->open != 0)
    return "the cells are being asked for a place";
  if (auto why = waits_because(t); !why.empty())
    return why;
  return std::ranges::any_of(
             cells_, [](const auto& entry) { return entry.second.epoch != 0; })
             ? "its turn comes next"
             : "no cell can be reached";
}

void jobs::explain(task_of first, v1::GroupExplanation& out) const {
  out.set_name(name_of(group_of(first)));
  const auto& queue = *first.owner->classes[first->group];
  out.set_text(is_held(first) ? held_because(first) : turn_of(first));
  add_what_holds(first, out);
  *out.mutable_tenant() = status_of(*queue.tenant, weights_in_use());
  out.set_over_quota(queue.at == place::parked);
  out.set_priority(queue.priority);
  out.set_effective_priority(-tier_of(queue));
  if (!is_held(first) && first->open == 0)
    add_ahead(queue, out);
}

/// What would be asked for if it were its turn.
mesh::v1::BidRequest jobs::bid_request(task_of first) const {
  mesh::v1::BidRequest request;
  const auto& queue = *first.owner->classes[first->group];
  if (is_held(first) || queue.at == place::parked)
    return request;
  request.set_explain(true);
  request.set_gang(queue.gang);
  if (queue.gang && first->open == 0)
    for (const auto t : queue.waiting)
      *request.add_tasks() = group_of(t).profile();
  else
    *request.add_tasks() = group_of(first).profile();
  return request;
}

result<mesh::v1::JobInQueue> jobs::explain(const std::string& id) const {
  const auto found = owner_of(id);
  if (!found)
    return found.failure();
  auto& owner = const_cast<job&>(**found); // For `task_of`; it is only read.
  mesh::v1::JobInQueue whole;
  auto& out = *whole.mutable_explanation();
  out.set_id(id);
  out.set_server(options_.server);
  out.set_state(state_of(owner));
  std::map<std::uint32_t, int> known; // Explanations by group.
  for (std::uint32_t i = 0; i < owner.tasks.size(); ++i) {
    const task_of t{&owner, i};
    if (t->state != v1::QUEUED)
      continue;
    const auto [at, is_new] = known.emplace(t->group, out.groups_size());
    if (is_new) {
      explain(t, *out.add_groups());
      *whole.add_asks() = bid_request(t);
    }
    auto& group = *out.mutable_groups(at->second);
    group.set_queued(group.queued() + 1);
  }
  if (has_ended(out.state()))
    out.set_text(std::string{ended_text(out.state())});
  else if (out.groups().empty())
    out.set_text("it waits for nothing: all its tasks have a place");
  else
    out.set_text(fmt::format("{} of {} tasks wait; group {}: {}",
                             owner.counts[v1::QUEUED], owner.tasks.size(),
                             out.groups(0).name(), out.groups(0).text()));
  return whole;
}

} // namespace skerry
