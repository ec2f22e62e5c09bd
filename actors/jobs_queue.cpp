#include "actors/jobs.hpp"

#include <algorithm>
#include <utility>

namespace skerry {

namespace {

/// Between two sweeps of classes that no job has any more.
constexpr std::int64_t sweep_milliseconds = 10'000;

} // namespace

/// @pre The task is QUEUED and waits nowhere yet.
void jobs::enqueue(task_of t) {
  if (is_held(t))
    return; // What holds it enqueues it then.
  auto& queue = *t.owner->classes[t->group];
  // Jobs mostly come in order, so the end is mostly right.
  queue.waiting.insert(queue.waiting.end(), t);
  list(queue);
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
void jobs::list(queue_class& queue) {
  if (queue.waiting.empty()) {
    unlist(queue);
    return;
  }
  const class_order order{-queue.priority,
                          queue.waiting.begin()->owner->record.number(),
                          queue.number};
  if (queue.is_listed && queue.listed == order)
    return;
  unlist(queue);
  queue.listed = order;
  queue.is_listed = true;
  (queue.blocked ? blocked_ : order_).emplace(order, &queue);
}

void jobs::unlist(queue_class& queue) {
  if (std::exchange(queue.is_listed, false))
    (queue.blocked ? blocked_ : order_).erase(queue.listed);
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
    if (!queue->blocked || is_blocked(*queue))
      continue;
    unlist(*queue);
    queue->blocked = false;
    list(*queue);
  }
}

void jobs::forget_classes() {
  std::erase_if(classes_, [](const auto& entry) {
    return entry.second.use_count() == 1; // Then nothing waits in it.
  });
}

/// The next tasks to award together: all that wait of a gang, or one batch.
std::vector<jobs::task_of> jobs::next_of(queue_class& queue) {
  const auto most = queue.gang ? queue.waiting.size()
                               : std::min(queue.batch, queue.waiting.size());
  const auto end
      = std::next(queue.waiting.begin(), static_cast<std::ptrdiff_t>(most));
  std::vector<task_of> tasks{queue.waiting.begin(), end};
  queue.waiting.erase(queue.waiting.begin(), end);
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
  while (!order_.empty() && open < options_.award_window * cells.size()) {
    auto& queue = *order_.begin()->second;
    if (is_blocked(queue)) {
      unlist(queue);
      queue.blocked = true;
      list(queue);
      continue;
    }
    auto tasks = next_of(queue);
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
  unblock();
}

void jobs::tick(instant now, outbox& out) {
  forget_oldest(out);
  release_due(now);
  resend(now, out);
  ask_to_stop(now, out);
  if (now.steady_milliseconds - swept_at_ >= sweep_milliseconds) {
    swept_at_ = now.steady_milliseconds;
    forget_classes();
  }
  pump(now, out);
}

} // namespace skerry
