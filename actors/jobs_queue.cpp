#include "actors/jobs.hpp"

#include <algorithm>
#include <utility>

namespace skerry {

namespace {

/// Between two sweeps of classes that no job has any more.
constexpr std::int64_t sweep_milliseconds = 10'000;

} // namespace

/// @pre The task is QUEUED and waits nowhere yet.
/// @param was_refused It goes on waiting: it does not begin to.
void jobs::enqueue(task_of t, bool was_refused) {
  charge(t, false);
  if (is_held(t))
    return; // What holds it enqueues it then.
  auto& queue = *t.owner->classes[t->group];
  if (queue.waiting.empty() && !was_refused)
    queue.since = now_;
  // Jobs mostly come in order, so the end is mostly right.
  queue.waiting.insert(queue.waiting.end(), t);
  list(queue, queue.at == place::nowhere ? place::ready : queue.at);
}

void jobs::dequeue(task_of t) {
  if (t->state != v1::QUEUED || t->open != 0)
    return;
  if (t->not_before != 0)
    timers_.erase(std::tuple{t->not_before, t.owner->record.number(), t.index});
  t->not_before = 0;
  auto& queue = *t.owner->classes[t->group];
  if (queue.waiting.erase(t) > 0)
    list(queue);
}

/// Puts the class where its oldest task belongs.
void jobs::list(queue_class& queue, place at) {
  line_key key;
  if (queue.waiting.empty())
    at = place::nowhere;
  else
    key = {tier_of(queue), queue.waiting.begin()->owner->record.number(),
           queue.number};
  if (queue.at == at && queue.listed == key)
    return;
  switch (queue.at) {
  case place::nowhere:
    break;
  case place::ready:
    ready_.erase(queue.listed, queue.tenant);
    break;
  case place::blocked:
    blocked_.erase(queue.listed);
    break;
  case place::parked:
    parked_[queue.tenant].erase(queue.listed);
    break;
  }
  queue.at = at;
  queue.listed = key;
  switch (at) {
  case place::nowhere:
    break;
  case place::ready:
    ready_.insert(key, queue.tenant, &queue);
    break;
  case place::blocked:
    blocked_.emplace(key, &queue);
    break;
  case place::parked:
    parked_[queue.tenant].emplace(key, &queue);
    break;
  }
}

/// What has waited counts as higher priority, so that none waits for ever.
std::int32_t jobs::tier_of(const queue_class& queue) const {
  const auto waited = queue.since < 0 ? 0 : now_ - queue.since;
  constexpr std::int64_t most = 1 << 30;
  return -queue.priority
         - static_cast<std::int32_t>(
             std::min(waited / options_.age_milliseconds, most));
}

/// Not at each tick: with many classes it takes a while.
void jobs::grow_older() {
  if (aged_at_ >= 0 && now_ - aged_at_ < options_.age_milliseconds / 8)
    return;
  aged_at_ = now_;
  std::vector<queue_class*> older;
  const auto look = [&](const line_key& key, queue_class* queue) {
    if (queue->since < 0)
      queue->since = now_; // It is from before the start.
    if (tier_of(*queue) != key.tier)
      older.push_back(queue);
  };
  ready_.for_each(look);
  for (const auto& [key, queue] : blocked_)
    look(key, queue);
  for (auto* queue : older)
    list(*queue);
}

bool jobs::is_blocked(const queue_class& queue) const {
  return std::ranges::all_of(cells_, [&](const auto& entry) {
    if (entry.second.epoch == 0)
      return true; // It cannot be asked yet.
    auto refused = queue.refused_at.find(entry.first);
    return refused != queue.refused_at.end()
           && refused->second >= entry.second.freed;
  });
}

/// Some of the blocked classes may fit now. With very many of them not all are
/// tried at each news, or the cells would do nothing but refuse: the first in
/// order always are, and the others in turn.
void jobs::unblock() {
  std::vector<queue_class*> retry;
  for (auto next = blocked_.begin();
       next != blocked_.end() && retry.size() < options_.retries; ++next)
    retry.push_back(next->second);
  auto next = blocked_.upper_bound(retried_);
  for (std::size_t i = 0; i < options_.retries && !blocked_.empty(); ++i) {
    if (next == blocked_.end())
      next = blocked_.begin();
    retried_ = next->first;
    retry.push_back(next->second);
    ++next;
  }
  for (auto* queue : retry) {
    if (queue->at == place::blocked && !is_blocked(*queue))
      list(*queue, place::ready);
  }
}

void jobs::forget_classes() {
  std::erase_if(classes_, [](const auto& entry) {
    return entry.second.use_count() == 1; // Then nothing waits in it.
  });
}

/// The next tasks to award together: all that wait of a gang, or of a class as
/// many as it is its tenant's turn for. From here on they are charged.
/// @returns None when its tenant's quota has no room for the first.
std::vector<jobs::task_of> jobs::next_of(queue_class& queue,
                                         double next_charge) {
  const auto most = queue.gang ? queue.waiting.size()
                               : std::min(queue.batch, queue.waiting.size());
  if (queue.gang) {
    tenant_amounts all;
    for (const auto t : queue.waiting)
      all += t.owner->charged[t->group].most;
    if (!fair_share::has_room(*queue.tenant, all))
      return {};
  }
  std::vector<task_of> tasks;
  for (const auto t : queue.waiting) {
    if (tasks.size() == most || !has_room(t)
        || (!queue.gang && !tasks.empty()
            && share_.charge(*queue.tenant) > next_charge))
      break;
    charge(t, true);
    tasks.push_back(t);
  }
  queue.waiting.erase(queue.waiting.begin(),
                      std::next(queue.waiting.begin(),
                                static_cast<std::ptrdiff_t>(tasks.size())));
  list(queue);
  return tasks;
}

void jobs::pump(instant now, outbox& out) {
  release_followers(now, out);
  std::vector<const std::string*> cells;
  std::size_t open = bids_.size();
  for (const auto& [name, cell] : cells_) {
    open += cell.open_awards;
    if (cell.epoch != 0)
      cells.push_back(&name);
  }
  if (cells.empty())
    return;
  while (!ready_.empty() && open < options_.award_window * cells.size()) {
    const auto turn = ready_.first(share_);
    auto& queue = *turn.entry;
    if (is_blocked(queue)) {
      list(queue, place::blocked);
      continue;
    }
    auto tasks = next_of(queue, turn.next_charge);
    if (tasks.empty()) {
      list(queue, place::parked);
      continue;
    }
    const auto first = tasks.front();
    const class_ptr shared = first.owner->classes[first->group];
    if (cells.size() == 1)
      award(*cells.front(), shared, std::move(tasks), now, out);
    else
      ask_for_bids(shared, std::move(tasks), now, out);
    ++open; // Answers will call this again.
  }
}

// -- time and peers -----------------------------------------------------------

void jobs::set_peers(std::vector<std::string> reachable) {
  reachable.push_back(options_.server);
  std::map<std::string, cell_view> cells;
  for (const auto& name : reachable) {
    auto known = cells_.find(name);
    cells[name] = known == cells_.end() ? cell_view{} : known->second;
  }
  // What it has freed is heard from it at once; that it lives is known.
  cells[options_.server].epoch = options_.epoch;
  cells_ = std::move(cells);
  for (auto& [name, cell] : cells_)
    cell.open_awards = static_cast<std::size_t>(std::ranges::count_if(
        awards_, [&](const auto& entry) { return entry.second.cell == name; }));
  count_capacity();
  unblock();
}

void jobs::tick(instant now, outbox& out) {
  note_time(now);
  grow_older();
  forget_oldest(out);
  release_due(now);
  resend(now, out);
  ask_to_stop(now, out);
  if (now.steady_milliseconds - swept_at_ >= sweep_milliseconds) {
    swept_at_ = now.steady_milliseconds;
    forget_classes();
    forget_tenants();
  }
  pump(now, out);
}

} // namespace skerry
