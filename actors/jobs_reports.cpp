#include "actors/jobs.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

namespace skerry {

namespace {

bool has_ended(v1::TaskState state) {
  return state == v1::FINISHED || state == v1::FAILED || state == v1::CANCELLED;
}

/// Between two requests to stop the same task.
constexpr std::int64_t stop_again_milliseconds = 1'000;

} // namespace

void jobs::take(const mesh::v1::Envelope& envelope, instant now, outbox& out) {
  using mesh::v1::Envelope;
  switch (envelope.payload_case()) {
  case Envelope::kBidReply: {
    const auto& reply = envelope.bid_reply();
    auto open = bids_.find(reply.number());
    if (open == bids_.end())
      return; // Too late.
    auto& bid = open->second;
    if (bid.waits_for.erase(reply.cell()) == 0)
      return;
    bid.replies[reply.cell()] = reply;
    if (!bid.waits_for.empty())
      return;
    auto whole = std::move(bid);
    bids_.erase(open);
    choose(std::move(whole), now, out);
    pump(now, out);
    break;
  }
  case Envelope::kAwardReply:
    answered(envelope.award_reply(), now, out);
    break;
  case Envelope::kReportBatch:
    reported(envelope.report_batch(), now, out);
    break;
  case Envelope::kCellFreed: {
    auto cell = cells_.find(envelope.cell_freed().cell());
    if (cell == cells_.end()
        || cell->second.freed == envelope.cell_freed().freed())
      return;
    cell->second.freed = envelope.cell_freed().freed();
    unblock();
    pump(now, out);
    break;
  }
  default:
    break; // Of another role or a later version.
  }
}

// -- reports ------------------------------------------------------------------

void jobs::reported(const mesh::v1::ReportBatch& batch, instant now,
                    outbox& out) {
  mesh::v1::ReportReply reply;
  reply.set_owner(options_.server);
  reply.set_number(batch.number());
  for (const auto& one : batch.reports()) {
    if (!report(one, batch.cell(), reply, now, out))
      continue;
    auto* accepted = reply.add_accepted();
    accepted->set_task(one.task());
    accepted->set_attempt(one.attempt());
    accepted->set_kind(one.kind());
  }
  // It leaves when what it has changed is on disk, as all does.
  *out.to(batch.cell(), mesh::v1::Envelope::ALLOCATOR).mutable_report_reply()
      = std::move(reply);
  pump(now, out);
}

/// @returns Whether the cell need not tell it again.
bool jobs::report(const mesh::v1::Report& report, const std::string& cell,
                  mesh::v1::ReportReply& reply, instant now, outbox& out) {
  using mesh::v1::Report;
  const bool alive
      = report.kind() == Report::PLACED || report.kind() == Report::STARTED;
  auto refuse = [&](auto* list) {
    list->set_task(report.task());
    list->set_attempt(report.attempt());
    list->set_session(report.session());
    return true;
  };
  const auto t = find(report.task());
  if (t.owner == nullptr)
    return alive ? refuse(reply.add_stop()) : true;
  auto& task = t.owner->tasks[t.index];
  if (has_ended(task.state) || report.attempt() < task.attempt)
    return alive ? refuse(reply.add_stop()) : true;
  if (alive) {
    const bool known_elsewhere = report.attempt() == task.attempt
                                 && task.cell != cell && !task.cell.empty()
                                 && report.session() <= task.session;
    if (known_elsewhere)
      return refuse(reply.add_forget());
    const bool to_disk
        = cell != options_.server
          && (task.cell != cell || report.attempt() != task.attempt);
    const bool from_here = task.cell == options_.server && task.cell != cell;
    task.attempt = report.attempt();
    task.cell = cell;
    task.node = report.node();
    task.session = report.session();
    task.devices.assign(report.devices().begin(), report.devices().end());
    task.awarding = false;
    task.outcome.set_started_unix_milliseconds(
        report.outcome().started_unix_milliseconds());
    set_state(t, report.kind() == Report::STARTED ? v1::RUNNING : v1::PLACED);
    if (to_disk || from_here)
      write(t, out);
    if (t.owner->record.cancelled())
      to_stop_.insert(report.task());
    return true;
  }
  // That it was lost counts only from the cell that had it.
  if (report.kind() == Report::LOST && task.cell != cell)
    return true;
  if (report.kind() == Report::LOST && task.awarding)
    return true; // The award is still to be answered.
  task.attempt = report.attempt();
  task.awarding = false;
  if (report.kind() == Report::ENDED && report.outcome().succeeded()) {
    task.outcome = report.outcome();
    to_stop_.erase(report.task());
    set_state(t, v1::FINISHED);
    write(t, out);
    ended(*t.owner, now, out);
    return true;
  }
  requeue(t, report.kind() != Report::EVICTED, report.outcome(), now, out);
  return true;
}

/// After an attempt that did not succeed: the next one, or the end.
void jobs::requeue(task_of t, bool failed, const v1::Outcome& outcome,
                   instant now, outbox& out) {
  auto& task = t.owner->tasks[t.index];
  task.outcome = outcome;
  task.cell.clear();
  task.devices.clear();
  const auto most
      = std::max<std::uint32_t>(1, group_of(t).profile().max_attempts());
  if (failed)
    ++task.failures;
  if (t.owner->record.cancelled()) {
    to_stop_.erase(id_of(t));
    set_state(t, v1::CANCELLED);
  } else if (task.failures >= most) {
    set_state(t, v1::FAILED);
  } else {
    ++task.attempt;
    set_state(t, v1::QUEUED);
  }
  write(t, out);
  if (task.state == v1::QUEUED)
    enqueue(t);
  else
    ended(*t.owner, now, out);
}

// -- cancelling ---------------------------------------------------------------

result<v1::JobStatus> jobs::cancel(const v1::CancelJobRequest& request,
                                   instant now, outbox& out) {
  auto found = jobs_.find(request.id());
  if (found == jobs_.end())
    return error{error_code::not_found,
                 fmt::format("no job {} was submitted to server {}",
                             request.id(), options_.server)};
  auto& owner = found->second;
  if (!owner.record.cancelled() && !has_ended(state_of(owner))) {
    owner.record.set_cancelled(true);
    owner.record.set_cancel_reason(request.reason());
    out.put("job/" + request.id(), owner.record);
    for (std::uint32_t i = 0; i < owner.tasks.size(); ++i) {
      const task_of t{&owner, i};
      auto& task = owner.tasks[i];
      if (task.state == v1::QUEUED)
        set_state(t, v1::CANCELLED);
      else if (!has_ended(task.state))
        to_stop_.insert(id_of(t));
    }
    // The queues keep no pointer to a job that may be forgotten.
    for (auto& [key, queue] : queues_)
      std::erase_if(queue.waiting,
                    [&](task_of t) { return t.owner == &owner; });
    stops_sent_at_ = -stop_again_milliseconds;
    ended(owner, now, out);
    ask_to_stop(now, out);
  }
  return status_of(owner, true);
}

void jobs::ask_to_stop(instant now, outbox& out) {
  if (to_stop_.empty()
      || now.steady_milliseconds - stops_sent_at_ < stop_again_milliseconds)
    return;
  stops_sent_at_ = now.steady_milliseconds;
  std::map<std::string, mesh::v1::StopBatch> batches;
  for (const auto& id : to_stop_) {
    const auto t = find(id);
    const auto& task = t.owner->tasks[t.index];
    if (task.awarding || !cells_.contains(task.cell))
      continue; // Asked when it is known where it is.
    auto& batch = batches[task.cell];
    batch.set_owner(options_.server);
    batch.set_reason("its job is cancelled");
    auto* stop = batch.add_tasks();
    stop->set_task(id);
    stop->set_attempt(task.attempt);
  }
  for (auto& [cell, batch] : batches)
    *out.to(cell, mesh::v1::Envelope::ALLOCATOR).mutable_stop_batch()
        = std::move(batch);
}

result<> jobs::check_invariants() const {
  decltype(counts_) counts{};
  std::uint64_t queued = 0;
  for (const auto& [id, owner] : jobs_)
    for (const auto& task : owner.tasks)
      ++counts[task.state];
  if (counts != counts_)
    return {error_code::conflict, "tasks by state are counted wrongly"};
  for (const auto& [key, queue] : queues_)
    for (const auto t : queue.waiting)
      queued += t.owner->tasks[t.index].state == v1::QUEUED ? 1 : 0;
  for (const auto& [number, bid] : bids_)
    for (const auto t : bid.tasks)
      queued += t.owner->tasks[t.index].state == v1::QUEUED ? 1 : 0;
  if (queued != counts_[v1::QUEUED])
    return {error_code::conflict,
            fmt::format("{} tasks are queued, {} wait in the queues",
                        counts_[v1::QUEUED], queued)};
  return done{};
}

} // namespace skerry
