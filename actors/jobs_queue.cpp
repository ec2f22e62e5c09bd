#include "actors/jobs.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

namespace skerry {

namespace {

mesh::v1::Award award_of(std::string id, std::uint32_t attempt,
                         const v1::TaskGroup& group) {
  mesh::v1::Award award;
  award.set_task(std::move(id));
  award.set_attempt(attempt);
  *award.mutable_profile() = group.profile();
  *award.mutable_work() = group.work();
  return award;
}

} // namespace

// -- the queue ----------------------------------------------------------------

/// Tasks of one class are placed by the same scores; a gang is a class alone.
std::string jobs::key_of(task_of t) {
  if (t.owner->record.job().gang())
    return "gang/" + t.owner->record.job().id();
  return "profile/" + group_of(t).profile().SerializeAsString();
}

void jobs::enqueue(task_of t) {
  const auto key = key_of(t);
  auto& queue = queues_[key];
  const auto number = t.owner->record.number();
  if (queue.waiting.empty() && !queue.blocked) {
    queue.priority = group_of(t).profile().priority();
    queue.first = number;
    queue.gang = t.owner->record.job().gang();
    order_.emplace(-queue.priority, queue.first, key);
  }
  // A task that comes back goes before younger ones.
  auto at = queue.waiting.end();
  while (at != queue.waiting.begin()
         && std::prev(at)->owner->record.number() > number)
    --at;
  queue.waiting.insert(at, t);
}

bool jobs::is_blocked(const queue_class& queue) const {
  return std::ranges::all_of(cells_, [&](const auto& entry) {
    auto refused = queue.refused_at.find(entry.first);
    return refused != queue.refused_at.end()
           && refused->second >= entry.second.freed;
  });
}

void jobs::list_in_order(const std::string& key, queue_class& queue) {
  queue.blocked = false;
  if (queue.waiting.empty())
    return;
  queue.first = queue.waiting.front().owner->record.number();
  order_.emplace(-queue.priority, queue.first, key);
}

void jobs::unblock() {
  for (const auto& key : std::exchange(blocked_, {}))
    list_in_order(key, queues_.at(key));
}

/// The next tasks to award together: all of a gang, or one batch.
std::vector<jobs::task_of> jobs::next_of(queue_class& queue) {
  std::vector<task_of> tasks;
  auto cancelled
      = [](task_of t) { return t.owner->tasks[t.index].state != v1::QUEUED; };
  while (!queue.waiting.empty()
         && (queue.gang || tasks.size() < options_.award_batch)) {
    const auto t = queue.waiting.front();
    queue.waiting.pop_front();
    if (!cancelled(t))
      tasks.push_back(t);
  }
  return tasks;
}

void jobs::pump(instant now, outbox& out) {
  if (cells_.empty())
    return;
  while (!order_.empty()) {
    std::size_t open = bids_.size();
    for (const auto& [name, cell] : cells_)
      open += cell.open_awards;
    if (open >= options_.award_window * cells_.size())
      return; // Answers will call this again.
    const auto key = std::get<2>(*order_.begin());
    order_.erase(order_.begin());
    auto& queue = queues_.at(key);
    if (is_blocked(queue)) {
      queue.blocked = true;
      blocked_.push_back(key);
      continue;
    }
    auto tasks = next_of(queue);
    list_in_order(key, queue);
    if (tasks.empty()) {
      if (queue.waiting.empty())
        queues_.erase(key);
      continue;
    }
    if (cells_.size() == 1)
      award(cells_.begin()->first, key, std::move(tasks), now, out);
    else
      ask_for_bids(key, std::move(tasks), now, out);
  }
}

/// The tasks stay queued; what refused them is in the class.
void jobs::put_back(const std::string&, const std::vector<task_of>& tasks) {
  for (const auto t : tasks)
    if (t.owner->tasks[t.index].state == v1::QUEUED)
      enqueue(t);
}

// -- bids ---------------------------------------------------------------------

void jobs::ask_for_bids(const std::string& key, std::vector<task_of> tasks,
                        instant now, outbox& out) {
  const auto number = next_number_++;
  auto& open = bids_[number];
  open.queue = key;
  open.until = now.steady_milliseconds + options_.bid_milliseconds;
  for (const auto& [name, cell] : cells_) {
    open.waits_for.insert(name);
    auto* request
        = out.to(name, mesh::v1::Envelope::ALLOCATOR).mutable_bid_request();
    request->set_number(number);
    request->set_gang(tasks.front().owner->record.job().gang());
    for (const auto t : tasks)
      *request->add_tasks() = group_of(t).profile();
  }
  open.tasks = std::move(tasks);
}

/// Each task goes to the cell with the best score for it, a gang to the one
/// with the best sum. Equal scores go to the first name.
void jobs::choose(open_bid bid, instant now, outbox& out) {
  std::erase_if(bid.tasks, [](task_of t) {
    return t.owner->tasks[t.index].state != v1::QUEUED;
  });
  if (bid.tasks.empty())
    return;
  const auto size = static_cast<int>(bid.tasks.size());
  std::map<std::string, std::vector<task_of>> to;
  std::vector<task_of> nowhere;
  std::string why;
  if (bid.tasks.front().owner->record.job().gang()) {
    const std::string* best = nullptr;
    double best_sum = 0;
    for (const auto& [name, reply] : bid.replies) {
      double sum = 0;
      int placed = 0;
      for (const auto& offer : reply.bids()) {
        placed += offer.placed() ? 1 : 0;
        sum += offer.score();
        if (!offer.placed())
          why = offer.text();
      }
      if (placed >= size && (best == nullptr || sum > best_sum)) {
        best = &name;
        best_sum = sum;
      }
    }
    (best == nullptr ? nowhere : to[*best]) = bid.tasks;
  } else {
    for (int i = 0; i < size; ++i) {
      const std::string* best = nullptr;
      double best_score = 0;
      for (const auto& [name, reply] : bid.replies) {
        if (i >= reply.bids_size())
          continue;
        const auto& offer = reply.bids(i);
        if (!offer.placed())
          why = offer.text();
        else if (best == nullptr || offer.score() > best_score) {
          best = &name;
          best_score = offer.score();
        }
      }
      (best == nullptr ? nowhere : to[*best])
          .push_back(bid.tasks[static_cast<std::size_t>(i)]);
    }
  }
  if (!nowhere.empty()) {
    auto& queue = queues_[bid.queue];
    queue.why = why.empty() ? "no cell has answered" : why;
    for (const auto& [name, reply] : bid.replies)
      queue.refused_at[name] = reply.freed();
    put_back(bid.queue, nowhere);
  }
  for (auto& [name, tasks] : to)
    award(name, bid.queue, std::move(tasks), now, out);
}

// -- awards -------------------------------------------------------------------

void jobs::award(const std::string& cell, const std::string& key,
                 std::vector<task_of> tasks, instant now, outbox& out) {
  for (const auto t : tasks) {
    auto& task = t.owner->tasks[t.index];
    task.cell = cell;
    task.awarding = true;
    set_state(t, v1::PLACED);
    if (cell != options_.server)
      write(t, out);
  }
  const bool gang = tasks.front().owner->record.job().gang();
  open_award open{cell, std::move(tasks), key, gang, 0};
  send(open, now, out);
}

/// Under a new number: the cell ignores the older ones from then on.
void jobs::send(open_award& open, instant now, outbox& out) {
  open.sent_at = now.steady_milliseconds;
  const auto number = next_number_++;
  auto* batch
      = out.to(open.cell, mesh::v1::Envelope::ALLOCATOR).mutable_award_batch();
  batch->set_owner(options_.server);
  batch->set_epoch(options_.epoch);
  batch->set_number(number);
  batch->set_gang(open.gang);
  for (const auto t : open.tasks)
    *batch->add_awards()
        = award_of(id_of(t), t.owner->tasks[t.index].attempt, group_of(t));
  if (auto cell = cells_.find(open.cell); cell != cells_.end())
    ++cell->second.open_awards;
  awards_[number] = std::move(open);
}

void jobs::answered(const mesh::v1::AwardReply& reply, instant now,
                    outbox& out) {
  auto found = awards_.find(reply.number());
  if (found == awards_.end() || found->second.cell != reply.cell())
    return; // Of a batch that was sent again.
  const auto open = std::move(found->second);
  awards_.erase(found);
  if (auto cell = cells_.find(open.cell);
      cell != cells_.end() && cell->second.open_awards > 0)
    --cell->second.open_awards;
  std::vector<task_of> refused;
  for (std::size_t i = 0; i < open.tasks.size(); ++i) {
    const auto t = open.tasks[i];
    auto& task = t.owner->tasks[t.index];
    if (static_cast<int>(i) >= reply.results_size() || !task.awarding)
      continue;
    const auto& answer = reply.results(static_cast<int>(i));
    if (answer.attempt() != task.attempt)
      continue;
    task.awarding = false;
    const auto code = static_cast<error_code>(answer.error_code());
    if (answer.placed()) {
      task.node = answer.node();
      task.devices.assign(answer.devices().begin(), answer.devices().end());
      if (t.owner->record.cancelled())
        to_stop_.insert(id_of(t));
      continue;
    }
    if (code == error_code::stale_snapshot)
      continue; // It has moved on to another cell, which reports it.
    if (code == error_code::invalid_argument
        || code == error_code::already_exists) {
      v1::Outcome outcome;
      outcome.set_reason(answer.error_message());
      task.failures = group_of(t).profile().max_attempts();
      requeue(t, true, outcome, now, out);
      continue;
    }
    // Another attempt: whatever still travels of this one is void.
    ++task.attempt;
    task.cell.clear();
    set_state(t, v1::QUEUED);
    if (t.owner->record.cancelled()) {
      set_state(t, v1::CANCELLED);
      write(t, out);
      ended(*t.owner, now, out);
      continue;
    }
    refused.push_back(t);
    auto& queue = queues_[open.queue];
    queue.refused_at[open.cell] = reply.freed();
    queue.why = answer.error_message();
  }
  put_back(open.queue, refused);
  pump(now, out);
}

// -- time and peers -----------------------------------------------------------

void jobs::set_peers(std::vector<std::string> reachable) {
  reachable.push_back(options_.server);
  std::map<std::string, cell_view> cells;
  for (const auto& name : reachable)
    cells[name] = cells_.contains(name) ? cells_[name] : cell_view{};
  cells_ = std::move(cells);
  for (auto& [name, cell] : cells_)
    cell.open_awards = static_cast<std::size_t>(std::ranges::count_if(
        awards_, [&](const auto& entry) { return entry.second.cell == name; }));
  unblock();
}

void jobs::tick(instant now, outbox& out) {
  const auto time = now.steady_milliseconds;
  std::vector<std::uint64_t> late;
  for (const auto& [number, open] : awards_)
    if (cells_.contains(open.cell)
        && time - open.sent_at >= options_.resend_milliseconds)
      late.push_back(number);
  for (const auto number : late) {
    auto open = std::move(awards_.at(number));
    awards_.erase(number);
    if (auto& cell = cells_.at(open.cell); cell.open_awards > 0)
      --cell.open_awards;
    send(open, now, out);
  }
  std::vector<std::uint64_t> over;
  for (const auto& [number, bid] : bids_)
    if (time >= bid.until)
      over.push_back(number);
  for (const auto number : over) {
    auto bid = std::move(bids_.at(number));
    bids_.erase(number);
    choose(std::move(bid), now, out);
  }
  ask_to_stop(now, out);
  pump(now, out);
}

} // namespace skerry
