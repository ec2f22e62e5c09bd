#include "actors/jobs.hpp"
#include "actors/records.hpp"
#include "messages/convert.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

namespace skerry {

namespace {

/// Between two requests to stop the same task.
constexpr std::int64_t stop_again_milliseconds = 1'000;

} // namespace

void jobs::take(const mesh::v1::Envelope& envelope, instant now, outbox& out) {
  using mesh::v1::Envelope;
  note_time(now);
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
    choose(reply.number(), now, out);
    pump(now, out);
    break;
  }
  case Envelope::kAwardReply:
    answered(envelope.award_reply(), now, out);
    break;
  case Envelope::kReportBatch:
    reported(envelope.report_batch(), now, out);
    break;
  case Envelope::kCellFreed:
    freed(envelope.cell_freed(), now, out);
    break;
  case Envelope::kQuestion: {
    auto reply = answer(envelope.question(), now, out);
    *out.to(envelope.from(), Envelope::NOBODY).mutable_answer()
        = std::move(reply);
    break;
  }
  default:
    break; // Of another role or a later version.
  }
}

void jobs::freed(const mesh::v1::CellFreed& news, instant now, outbox& out) {
  auto found = cells_.find(news.cell());
  if (found == cells_.end() || news.epoch() < found->second.epoch)
    return;
  auto& cell = found->second;
  if (cell.epoch != news.epoch()) {
    // Another reign: it knows nothing of awards to the one before.
    cell.epoch = news.epoch();
    for (auto& [number, open] : awards_)
      if (open.cell == news.cell())
        open.sent_at = now.steady_milliseconds - options_.resend_milliseconds;
  }
  cell.freed = std::max(cell.freed, news.freed());
  cell.capacity = from_proto(news.capacity());
  count_capacity();
  unblock();
  pump(now, out);
}

// -- reports ------------------------------------------------------------------

void jobs::reported(const mesh::v1::ReportBatch& batch, instant now,
                    outbox& out) {
  mesh::v1::ReportReply reply;
  reply.set_owner(options_.server);
  reply.set_number(batch.number());
  for (const auto& one : batch.reports()) {
    report(one, batch.cell(), reply, now, out);
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

void jobs::report(const mesh::v1::Report& report, const std::string& cell,
                  mesh::v1::ReportReply& reply, instant now, outbox& out) {
  using mesh::v1::Report;
  const auto t = find(report.task());
  const bool is_alive
      = report.kind() == Report::PLACED || report.kind() == Report::STARTED;
  if (t.owner == nullptr || has_ended(t->state)
      || report.attempt() < t->attempt) {
    if (is_alive) {
      auto* stop = reply.add_stop();
      stop->set_task(report.task());
      stop->set_attempt(report.attempt());
      stop->set_session(report.session());
    }
    return;
  }
  if (is_alive) {
    alive(t, report, cell, reply, out);
    return;
  }
  // That it was lost counts only from the cell that had it last.
  const bool same_attempt = report.attempt() == t->attempt;
  if (report.kind() == Report::LOST && same_attempt
      && (report.session() < t->session
          || (report.session() == t->session && t->cell != cell)))
    return;
  dequeue(t);
  t->open = 0;
  t->attempt = report.attempt();
  if (!report.node().empty())
    t->node = report.node(); // Where its output is.
  if (report.kind() == Report::ENDED && report.outcome().succeeded()) {
    t->outcome = report.outcome();
    end(t, v1::FINISHED, now, out);
    return;
  }
  const bool counts
      = report.kind() != Report::EVICTED && !report.never_started();
  requeue(t, counts, report.outcome(), now, out);
}

void jobs::alive(task_of t, const mesh::v1::Report& report,
                 const std::string& cell, mesh::v1::ReportReply& reply,
                 outbox& out) {
  using mesh::v1::Report;
  auto& task = *t;
  const bool same_attempt = report.attempt() == task.attempt;
  if (same_attempt && task.cell != cell && !task.cell.empty()
      && report.session() <= task.session) {
    auto* forget = reply.add_forget();
    forget->set_task(report.task());
    forget->set_attempt(report.attempt());
    forget->set_session(report.session());
    return;
  }
  const bool same = same_attempt && task.cell == cell;
  if (same && report.session() < task.session)
    return; // Late; it was here before, too.
  auto state = report.kind() == Report::STARTED ? v1::RUNNING : v1::PLACED;
  if (same && task.state == v1::RUNNING)
    state = v1::RUNNING;
  const bool to_disk = cell != options_.server
                           ? !same || state != task.state || task.session == 0
                           : task.elsewhere_on_disk;
  dequeue(t);
  task.open = 0;
  task.attempt = report.attempt();
  task.cell = cell;
  task.node = report.node();
  task.session = report.session();
  task.devices.assign(report.devices().begin(), report.devices().end());
  task.demand.reset();
  if (report.has_demand())
    task.demand = std::make_unique<v1::Resources>(report.demand());
  task.outcome.set_started_unix_milliseconds(
      report.outcome().started_unix_milliseconds());
  set_state(t, state);
  if (to_disk)
    write(t, out);
  if (t.owner->record.cancelled())
    to_stop_.insert(report.task());
}

/// After an attempt that did not succeed: the next one, or the end.
void jobs::requeue(task_of t, bool failed, const v1::Outcome& outcome,
                   instant now, outbox& out) {
  auto& task = *t;
  task.outcome = outcome;
  task.cell.clear();
  task.devices.clear();
  task.demand.reset();
  task.session = 0;
  const auto most
      = std::max<std::uint32_t>(1, group_of(t).profile().max_attempts());
  if (failed)
    ++task.failures;
  if (t.owner->record.cancelled()) {
    end(t, v1::CANCELLED, now, out);
  } else if (task.failures >= most) {
    end(t, v1::FAILED, now, out);
  } else {
    ++task.attempt;
    set_state(t, v1::QUEUED);
    if (const auto delay = failed ? retry_delay(t) : 0; delay > 0) {
      task.not_before = now.unix_milliseconds + delay;
      timers_.emplace(
          std::tuple{task.not_before, t.owner->record.number(), t.index}, t);
    }
    write(t, out);
    enqueue(t);
  }
}

// -- cancelling ---------------------------------------------------------------

result<v1::JobStatus> jobs::cancel(const v1::CancelJobRequest& request,
                                   instant now, outbox& out) {
  note_time(now);
  auto found = jobs_.find(request.id());
  if (found == jobs_.end())
    return error{error_code::not_found,
                 fmt::format("no job {} was submitted to server {}",
                             request.id(), options_.server)};
  auto& owner = found->second;
  if (owner.record.cancelled() || owner.ended)
    return status_of(owner, true);
  cancel(owner, request.reason(), out, now);
  release_followers(now, out);
  stops_sent_at_ = now.steady_milliseconds - stop_again_milliseconds;
  ask_to_stop(now, out);
  return status_of(owner, true);
}

void jobs::cancel(job& owner, const std::string& reason, outbox& out,
                  instant now) {
  owner.record.set_cancelled(true);
  owner.record.set_cancel_reason(reason);
  out.put(std::string{job_prefix} + owner.record.job().id(), owner.record);
  for (std::uint32_t i = 0; i < owner.tasks.size(); ++i) {
    const task_of t{&owner, i};
    if (t->state == v1::QUEUED)
      end(t, v1::CANCELLED, now, out);
    else if (!has_ended(t->state))
      to_stop_.insert(id_of(t));
  }
}

void jobs::ask_to_stop(instant now, outbox& out) {
  if (to_stop_.empty()
      || now.steady_milliseconds - stops_sent_at_ < stop_again_milliseconds)
    return;
  stops_sent_at_ = now.steady_milliseconds;
  std::map<std::string, mesh::v1::StopBatch> batches;
  for (const auto& id : to_stop_) {
    const auto t = find(id);
    if (t->open != 0 || !cells_.contains(t->cell))
      continue; // Asked when it is known where it is.
    auto& batch = batches[t->cell];
    batch.set_owner(options_.server);
    batch.set_reason("its job is cancelled");
    auto* stop = batch.add_tasks();
    stop->set_task(id);
    stop->set_attempt(t->attempt);
    stop->set_session(t->session);
  }
  for (auto& [cell, batch] : batches)
    *out.to(cell, mesh::v1::Envelope::ALLOCATOR).mutable_stop_batch()
        = std::move(batch);
}

} // namespace skerry
