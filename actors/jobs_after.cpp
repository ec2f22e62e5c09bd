// What does not wait for room: groups after groups, jobs after jobs, attempts
// after a delay, jobs that are held.
//
//     task finished --> last of its group --> groups after it are enqueued
//     task failed   --> groups after its own are cancelled, and those after
//                       them
//     job ended     --> jobs after it are enqueued, or cancelled
//
// All of it follows from the tasks' own records, so it has none of its own: a
// restart derives it again.
#include "actors/jobs.hpp"
#include "messages/job_stages.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <unordered_map>
#include <utility>

namespace skerry {

namespace {

/// What an attempt waits at most after one that failed, unless its group asks
/// for more from the first on: what is broken for hours is tried all the same.
constexpr std::int64_t max_retry_delay_milliseconds = 300'000;

std::string how_it_ended(v1::TaskState state) {
  return state == v1::FAILED ? "has failed" : "was cancelled";
}

} // namespace

// -- submitting ---------------------------------------------------------------

result<> jobs::check_parents(const v1::SubmitRequest& request) const {
  std::unordered_map<std::string, std::size_t> here;
  for (int i = 0; i < request.jobs_size(); ++i)
    here.emplace(request.jobs(i).id(), static_cast<std::size_t>(i));
  std::vector<std::vector<std::size_t>> edges(
      static_cast<std::size_t>(request.jobs_size()));
  for (int i = 0; i < request.jobs_size(); ++i) {
    const auto& wire = request.jobs(i);
    if (jobs_.contains(wire.id()))
      continue; // The same as before: it was sound then.
    if (wire.after_size() > options_.max_parents)
      return {error_code::limit_exceeded,
              fmt::format("job {} is after {} jobs, more than {}", wire.id(),
                          wire.after_size(), options_.max_parents)};
    for (const auto& parent : wire.after()) {
      if (auto beside = here.find(parent); beside != here.end())
        edges[static_cast<std::size_t>(i)].push_back(beside->second);
      else if (!jobs_.contains(parent))
        return {error_code::invalid_argument,
                fmt::format("job {} is after job {}, which server {} does not "
                            "know; a job can be after jobs of its own server",
                            wire.id(), parent, options_.server)};
    }
  }
  if (const auto at = find_cycle(edges))
    return {error_code::invalid_argument,
            fmt::format("job {} is after itself, through its `after`",
                        request.jobs(static_cast<int>(*at)).id())};
  return done{};
}

void jobs::make_stages(job& owner) {
  const auto& wire = owner.record.job();
  if (std::ranges::all_of(wire.groups(),
                          [](const auto& g) { return g.after().empty(); }))
    return;
  const auto groups = static_cast<std::size_t>(wire.groups_size());
  auto stages = std::make_unique<stage_table>();
  stages->next.resize(groups);
  stages->doomed.resize(groups);
  stages->parents_left.resize(groups);
  for (std::uint32_t g = 0; g < groups; ++g) {
    const auto& group = wire.groups(static_cast<int>(g));
    stages->unfinished.push_back(count_of(group));
    for (const auto& name : group.after())
      if (const auto parent = find_group(wire, name)) {
        stages->next[*parent].push_back(g);
        ++stages->parents_left[g];
      }
  }
  owner.stages = std::move(stages);
}

/// After a start: as if the tasks had ended one by one.
void jobs::recover_stages(job& owner) {
  if (!owner.stages)
    return;
  outbox nothing; // What only waited has no record.
  // Held and ended meanwhile: nothing is enqueued, nobody is told.
  owner.parents_left = 1;
  owner.ended = true;
  for (std::uint32_t i = 0; i < owner.tasks.size(); ++i) {
    const task_of t{&owner, i};
    const bool only_waited
        = owner.record.cancelled() && t->state == v1::CANCELLED;
    if (has_ended(t->state) && !only_waited)
      stage_left(t, t->state, {}, nothing);
  }
  owner.parents_left = 0;
  owner.ended = false;
}

void jobs::follow_parents(job& owner) {
  for (const auto& id : owner.record.job().after()) {
    auto parent = jobs_.find(id);
    // One that is gone had finished: otherwise this one were cancelled.
    if (parent == jobs_.end()
        || (parent->second.ended && state_of(parent->second) == v1::FINISHED))
      continue;
    ++owner.parents_left;
    followers_[id].push_back(owner.record.job().id());
    if (parent->second.ended)
      just_ended_.push_back(id);
  }
}

void jobs::hold(job& owner) {
  const auto hold = owner.record.job().hold_milliseconds();
  if (hold == 0)
    return;
  owner.held_until = owner.record.submitted_unix_milliseconds() + hold;
  timers_.emplace(
      std::tuple{owner.held_until, owner.record.number(), whole_job},
      task_of{&owner, whole_job});
}

// -- holding and releasing ----------------------------------------------------

bool jobs::is_held(task_of t) const {
  const auto& owner = *t.owner;
  return owner.parents_left > 0 || owner.held_until != 0 || t->not_before != 0
         || (owner.stages && owner.stages->parents_left[t->group] > 0);
}

/// Of a task that was cancelled before it was anything: why.
std::string jobs::held_because(task_of t) const {
  const auto& owner = *t.owner;
  const auto& wire = owner.record.job();
  if (owner.stages && !owner.stages->doomed[t->group].empty())
    return owner.stages->doomed[t->group];
  if (owner.record.cancelled())
    return owner.record.cancel_reason();
  for (const auto& id : wire.after())
    if (auto parent = jobs_.find(id);
        parent != jobs_.end() && state_of(parent->second) != v1::FINISHED)
      return fmt::format("job {} has not finished", id);
  if (owner.held_until != 0)
    return "its job is held for a time";
  if (owner.stages)
    for (const auto& name : group_of(t).after())
      if (owner.stages->unfinished[*find_group(wire, name)] > 0)
        return fmt::format("group {} has not finished", name);
  if (t->not_before != 0)
    return fmt::format("it has failed {} times and is tried again later",
                       t->failures);
  return {};
}

void jobs::enqueue_all(job& owner) {
  for (std::uint32_t i = 0; i < owner.tasks.size(); ++i)
    if (const task_of t{&owner, i}; t->state == v1::QUEUED && t->open == 0) {
      if (t->not_before != 0)
        timers_.emplace(
            std::tuple{t->not_before, owner.record.number(), t.index}, t);
      enqueue(t);
    }
}

void jobs::enqueue_group(job& owner, std::uint32_t group) {
  for (std::uint32_t i = 0; i < owner.tasks.size(); ++i)
    if (const task_of t{&owner, i};
        t->group == group && t->state == v1::QUEUED && t->open == 0)
      enqueue(t);
}

/// What the end of a task means for the groups after its own.
void jobs::stage_left(task_of t, v1::TaskState state, instant now,
                      outbox& out) {
  auto& owner = *t.owner;
  if (!owner.stages)
    return;
  auto& stages = *owner.stages;
  if (state == v1::FINISHED) {
    if (--stages.unfinished[t->group] == 0)
      for (const auto next : stages.next[t->group])
        if (--stages.parents_left[next] == 0)
          enqueue_group(owner, next);
    return;
  }
  if (!stages.doomed[t->group].empty() || owner.record.cancelled())
    return; // It follows from another's end.
  std::vector<std::uint32_t> cut{t->group};
  for (std::size_t i = 0; i < cut.size(); ++i)
    for (const auto next : stages.next[cut[i]])
      if (stages.doomed[next].empty()) {
        stages.doomed[next] = fmt::format("group {} {}", name_of(group_of(t)),
                                          how_it_ended(state));
        cut.push_back(next);
      }
  for (std::uint32_t i = 0; i < owner.tasks.size() && cut.size() > 1; ++i) {
    const task_of other{&owner, i};
    if (other->state == v1::QUEUED && !stages.doomed[other->group].empty())
      end(other, v1::CANCELLED, now, out);
  }
}

void jobs::release_followers(instant now, outbox& out) {
  while (!just_ended_.empty()) {
    const auto id = std::move(just_ended_.back());
    just_ended_.pop_back();
    auto followers = followers_.extract(id);
    const auto parent = jobs_.find(id);
    if (followers.empty() || parent == jobs_.end())
      continue;
    const auto state = state_of(parent->second);
    for (const auto& name : followers.mapped()) {
      auto& follower = jobs_.at(name); // It has not ended, so it is there.
      if (follower.ended || follower.record.cancelled())
        continue;
      if (state != v1::FINISHED)
        cancel(follower, fmt::format("job {} {}", id, how_it_ended(state)), out,
               now);
      else if (--follower.parents_left == 0)
        enqueue_all(follower);
    }
  }
}

void jobs::release_due(instant now) {
  while (!timers_.empty()
         && std::get<0>(timers_.begin()->first) <= now.unix_milliseconds) {
    const auto t = timers_.begin()->second;
    timers_.erase(timers_.begin());
    if (t.index != whole_job) {
      t->not_before = 0;
      enqueue(t);
      continue;
    }
    t.owner->held_until = 0;
    enqueue_all(*t.owner);
  }
}

std::int64_t jobs::retry_delay(task_of t) {
  const auto first = group_of(t).retry_delay_milliseconds();
  const auto most = std::max(first, max_retry_delay_milliseconds);
  auto delay = first;
  for (std::uint32_t i = 1; i < t->failures && delay < most; ++i)
    delay *= 2;
  return std::min(delay, most);
}

} // namespace skerry
