#include "actors/jobs.hpp"
#include "actors/offer_value.hpp"

#include <algorithm>
#include <utility>

namespace skerry {

// -- bids ---------------------------------------------------------------------

void jobs::ask_for_bids(const class_ptr& queue, std::vector<task_of> tasks,
                        instant now, outbox& out) {
  const auto number = next_number_++;
  auto& open = bids_[number];
  open.queue = queue;
  open.until = now.steady_milliseconds + options_.bid_milliseconds;
  for (const auto t : tasks)
    t->open = number;
  for (const auto& [name, cell] : cells_) {
    if (cell.epoch == 0)
      continue;
    open.waits_for.insert(name);
    auto* request
        = out.to(name, mesh::v1::Envelope::ALLOCATOR).mutable_bid_request();
    request->set_number(number);
    request->set_gang(queue->gang);
    for (const auto t : tasks)
      *request->add_tasks() = group_of(t).profile();
  }
  open.tasks = std::move(tasks);
}

/// Each task goes to the cell with the best score for it, a gang to the one
/// with the best sum. Equal scores go to the first name.
std::map<std::string, std::vector<jobs::task_of>>
jobs::best_cells(const open_bid& bid, std::vector<task_of>& nowhere,
                 std::string& why) const {
  struct best_offer {
    const std::string* cell = nullptr;
    offer_value value = {};

    void look_at(const std::string& name, offer_value offered) {
      if (cell == nullptr || offered.better_than(value))
        *this = {&name, std::move(offered)};
    }
  };
  const auto size = static_cast<int>(bid.tasks.size());
  std::vector<best_offer> best(bid.tasks.size());
  for (const auto& [name, reply] : bid.replies) {
    if (auto cell = cells_.find(name);
        cell == cells_.end() || cell->second.epoch == 0)
      continue; // It has been lost since.
    offer_value sum;
    int placed = 0;
    for (int i = 0; i < size && i < reply.bids_size(); ++i) {
      const auto& offer = reply.bids(i);
      if (!offer.placed()) {
        why = offer.text();
        continue;
      }
      ++placed;
      sum.add(offer);
      if (!bid.queue->gang)
        best[static_cast<std::size_t>(i)].look_at(name, value_of(offer));
    }
    if (bid.queue->gang && placed == size)
      best.front().look_at(name, sum);
  }
  std::map<std::string, std::vector<task_of>> to;
  for (std::size_t i = 0; i < best.size(); ++i) {
    const auto t = bid.tasks[i];
    const auto* cell = best[bid.queue->gang ? 0 : i].cell;
    (cell == nullptr ? nowhere : to[*cell]).push_back(t);
  }
  return to;
}

void jobs::choose(std::uint64_t number, instant now, outbox& out) {
  auto bid = std::move(bids_.at(number));
  bids_.erase(number);
  // Cancelled since, or found to run somewhere.
  const bool whole
      = std::erase_if(bid.tasks, [&](task_of t) { return t->open != number; })
        == 0;
  if (bid.tasks.empty())
    return;
  for (const auto t : bid.tasks)
    t->open = 0;
  auto& queue = *bid.queue;
  if (!whole) { // The offers are of other tasks: ask again.
    for (const auto t : bid.tasks)
      enqueue(t, true);
    return;
  }
  std::vector<task_of> nowhere;
  std::string why;
  auto to = best_cells(bid, nowhere, why);
  if (!nowhere.empty()) {
    queue.why = why.empty() ? "no cell has answered" : why;
    queue.batch = std::max<std::size_t>(1, bid.tasks.size() - nowhere.size());
    for (const auto& [name, reply] : bid.replies)
      queue.refused_at[name] = reply.freed();
    for (const auto t : nowhere)
      enqueue(t, true);
  }
  for (auto& [name, tasks] : to)
    award(name, bid.queue, std::move(tasks), now, out);
}

// -- awards -------------------------------------------------------------------

void jobs::award(const std::string& cell, const class_ptr& queue,
                 std::vector<task_of> tasks, instant now, outbox& out) {
  for (const auto t : tasks) {
    t->cell = cell;
    t->session = 0;
    set_state(t, v1::PLACED);
    if (cell != options_.server || t->elsewhere_on_disk)
      write(t, out);
  }
  send({cell, std::move(tasks), queue, queue->gang, 0}, now, out);
}

/// Under a new number: the cell ignores the older ones from then on.
void jobs::send(open_award open, instant now, outbox& out) {
  auto& cell = cells_.at(open.cell);
  open.sent_at = now.steady_milliseconds;
  const auto number = next_number_++;
  auto* batch
      = out.to(open.cell, mesh::v1::Envelope::ALLOCATOR).mutable_award_batch();
  batch->set_owner(options_.server);
  batch->set_epoch(options_.epoch);
  batch->set_cell_epoch(cell.epoch);
  batch->set_number(number);
  batch->set_gang(open.gang);
  for (const auto t : open.tasks) {
    t->open = number;
    const auto& group = group_of(t);
    auto* award = batch->add_awards();
    award->set_task(id_of(t));
    award->set_attempt(t->attempt);
    *award->mutable_profile() = group.profile();
    *award->mutable_work() = group.work();
    award->set_submitted_unix_milliseconds(
        t.owner->record.submitted_unix_milliseconds());
  }
  ++cell.open_awards;
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
  std::map<std::string_view, const mesh::v1::AwardResult*> results;
  for (const auto& one : reply.results())
    results[one.task()] = &one;
  std::size_t refused = 0;
  auto& queue = *open.queue;
  for (const auto t : open.tasks) {
    if (t->open != reply.number())
      continue; // A report was quicker.
    auto one = results.find(id_of(t));
    if (one == results.end() || one->second->attempt() != t->attempt)
      continue;
    t->open = 0;
    if (answered(t, *one->second, now, out))
      continue;
    ++refused;
    queue.refused_at[open.cell] = reply.freed();
    queue.why = one->second->error_message();
  }
  queue.batch = refused > 0
                    ? std::max<std::size_t>(1, open.tasks.size() - refused)
                    : std::min(options_.award_batch,
                               std::max(queue.batch, 2 * open.tasks.size()));
  if (refused < open.tasks.size()) {
    queue.since = now_;
    list(queue);
  }
  pump(now, out);
}

/// @returns False when the task waits again.
bool jobs::answered(task_of t, const mesh::v1::AwardResult& result, instant now,
                    outbox& out) {
  if (result.placed()) {
    t->node = result.node();
    t->devices.assign(result.devices().begin(), result.devices().end());
    return true;
  }
  const auto code = static_cast<error_code>(result.error_code());
  if (code == error_code::stale_snapshot)
    return true; // It has moved on to another cell, which reports it.
  if (code == error_code::invalid_argument
      || code == error_code::already_exists) {
    v1::Outcome outcome;
    outcome.set_reason(result.error_message());
    t->failures = group_of(t).profile().max_attempts();
    requeue(t, true, outcome, now, out);
    return true;
  }
  // Another attempt: whatever still travels of this one is void.
  ++t->attempt;
  t->cell.clear();
  if (t.owner->record.cancelled()) {
    end(t, v1::CANCELLED, now, out);
    return true;
  }
  set_state(t, v1::QUEUED);
  // What is on disk as awarded is awarded again after a crash: before its place
  // in a quota goes to another, the disk must know better.
  if (t->elsewhere_on_disk
      && t.owner->charged[t->group].tenant->quota != tenant_amounts{})
    write(t, out);
  enqueue(t, true);
  return false;
}

void jobs::resend(instant now, outbox& out) {
  const auto time = now.steady_milliseconds;
  std::vector<std::uint64_t> late;
  for (const auto& [number, open] : awards_)
    if (auto cell = cells_.find(open.cell);
        cell != cells_.end() && cell->second.epoch != 0
        && time - open.sent_at >= options_.resend_milliseconds)
      late.push_back(number);
  for (const auto number : late) {
    auto open = std::move(awards_.at(number));
    awards_.erase(number);
    if (auto& cell = cells_.at(open.cell); cell.open_awards > 0)
      --cell.open_awards;
    // Of the others a report was quicker than the answer.
    std::erase_if(open.tasks, [&](task_of t) { return t->open != number; });
    if (!open.tasks.empty())
      send(std::move(open), now, out);
  }
  std::vector<std::uint64_t> over;
  for (const auto& [number, bid] : bids_)
    if (time >= bid.until)
      over.push_back(number);
  for (const auto number : over)
    choose(number, now, out);
}

} // namespace skerry
