#include "actors/allocator.hpp"
#include "messages/convert.hpp"

#include <algorithm>
#include <utility>

namespace skerry {

// -- of agents ---------------------------------------------------------------

void allocator::report(const v1::TaskReport& report, link_id link, instant now,
                       outbox& out) {
  auto node = nodes_.find(report.node());
  if (node == nodes_.end() || !node->second.attached
      || node->second.link != link
      || node->second.record.session() != report.session())
    return; // Of a session that has ended.
  auto* a = find(report.task(), report.attempt());
  if (a == nullptr || a->record.node() != report.node()) {
    // Its owner has the outcome, or does not want it: the agent may forget it.
    if (report.has_ended()) {
      auto* ack = out.agent(link).add_acknowledges();
      ack->set_node(report.node());
      ack->set_task(report.task());
      ack->set_attempt(report.attempt());
    }
    return;
  }
  switch (report.what_case()) {
  case v1::TaskReport::kStarted:
    if (a->now != phase::ordered)
      return;
    a->now = phase::running;
    node->second.pause = 0;
    a->started_unix_milliseconds = report.started().unix_milliseconds();
    (void)ledger_->start(a->task); // Fails only when it has started already.
    report_soon(*a);
    break;
  case v1::TaskReport::kEnded:
    a->acknowledge_agent = true;
    if (a->now == phase::ended)
      report_soon(*a); // The agent asks again; its owner has not answered.
    else
      end(*a, false, a->evicting, report.ended(), out);
    break;
  case v1::TaskReport::kRefused:
    refused(*a, report.refused(), now, out);
    break;
  case v1::TaskReport::kResized:
    settle(*a, report.resized(), nullptr, out);
    break;
  case v1::TaskReport::kUsage:
    used(*a, report.usage(), now);
    break;
  case v1::TaskReport::WHAT_NOT_SET:
    break;
  }
}

void allocator::refused(allocation& a, const v1::OrderRefused& refusal,
                        instant now, outbox& out) {
  const auto why = error_from_wire(refusal.code(), refusal.message());
  if (refusal.was_resize()) {
    // The agent has what it had: what was taken for more is given back.
    if (auto open = resizes_.find(a.record.task()); open != resizes_.end())
      settle(a, to_proto(open->second.before), &why, out);
    return;
  }
  if (why.code == error_code::stale_epoch)
    return; // An old order; the hello that ended it has sent it again.
  if (a.now == phase::ended)
    return;
  // What does not fit now may fit elsewhere; anything else would not help.
  const bool elsewhere = why.code == error_code::insufficient
                         || why.code == error_code::conflict;
  if (elsewhere)
    pause(nodes_.at(a.record.node()), why.message, now);
  end(a, false, elsewhere, ended_because(why.message), out);
}

void allocator::pause(attached_node& node, const std::string& why,
                      instant now) {
  node.pause = std::clamp(2 * node.pause, options_.first_pause_milliseconds,
                          options_.last_pause_milliseconds);
  node.paused_until = now.steady_milliseconds + node.pause;
  node.refusal = why;
  paused_.insert(node.record.spec().name());
  apply_condition(node);
}

void allocator::end_pauses(instant now) {
  std::erase_if(paused_, [&](const std::string& name) {
    auto& node = nodes_.at(name);
    if (now.steady_milliseconds < node.paused_until)
      return false;
    node.paused_until = 0;
    apply_condition(node);
    made_room();
    return true;
  });
}

// -- to owners ---------------------------------------------------------

void allocator::report_soon(allocation& a) {
  a.reporting = true;
  a.reported_at = -1;
  to_report_[a.record.owner()].insert(a.record.task());
}

mesh::v1::Report allocator::report_on(const allocation& a) const {
  using mesh::v1::Report;
  Report report;
  const auto& record = a.record;
  report.set_task(record.task());
  report.set_attempt(record.attempt());
  report.set_node(record.node());
  *report.mutable_devices() = record.devices();
  report.set_session(record.session());
  if (a.now == phase::ended) {
    report.set_kind(record.lost()      ? Report::LOST
                    : record.evicted() ? Report::EVICTED
                                       : Report::ENDED);
    report.set_never_started(record.lost() && record.evicted());
    *report.mutable_outcome() = record.outcome();
    report.set_reason(record.outcome().reason());
    return report;
  }
  report.set_kind(a.now == phase::running ? Report::STARTED : Report::PLACED);
  report.mutable_outcome()->set_started_unix_milliseconds(
      a.started_unix_milliseconds);
  if (record.has_demand())
    *report.mutable_demand() = record.demand();
  return report;
}

void allocator::send_reports(instant now, outbox& out) {
  for (auto& [owner, tasks] : to_report_) {
    const bool reachable
        = owner == options_.server
          || std::ranges::find(reachable_, owner) != reachable_.end();
    if (!reachable)
      continue;
    mesh::v1::ReportBatch* batch = nullptr;
    for (const auto& task : tasks) {
      auto& a = allocations_.at(task);
      if (a.reported_at >= 0
          && now.steady_milliseconds - a.reported_at
                 < options_.resend_milliseconds)
        continue;
      a.reported_at = now.steady_milliseconds;
      if (batch == nullptr
          || static_cast<std::size_t>(batch->reports_size())
                 >= options_.report_batch) {
        batch = out.to(owner, mesh::v1::Envelope::JOBS).mutable_report_batch();
        batch->set_cell(options_.server);
        batch->set_number(next_number_++);
      }
      *batch->add_reports() = report_on(a);
    }
  }
}

void allocator::replied(const mesh::v1::ReportReply& reply, outbox& out) {
  for (const auto& accepted : reply.accepted()) {
    auto* a = find(accepted.task(), accepted.attempt());
    // Of an older report: what came since is told again.
    if (a == nullptr || report_on(*a).kind() != accepted.kind())
      continue;
    a->reporting = false;
    if (auto owner = to_report_.find(a->record.owner());
        owner != to_report_.end())
      owner->second.erase(accepted.task());
    if (a->now != phase::ended)
      continue;
    if (auto node = nodes_.find(a->record.node());
        a->acknowledge_agent && node != nodes_.end() && node->second.attached) {
      auto* ack = out.agent(node->second.link).add_acknowledges();
      ack->set_node(a->record.node());
      ack->set_task(accepted.task());
      ack->set_attempt(accepted.attempt());
    }
    drop(accepted.task(), out);
  }
  for (const auto& id : reply.stop())
    if (auto* a = find(id))
      stop(*a, "its owner does not want it any more", out);
  for (const auto& id : reply.forget()) {
    auto* a = find(id);
    if (a == nullptr)
      continue;
    // It was with another cell when the owner said so; since then the node may
    // have come back here.
    auto node = nodes_.find(a->record.node());
    if (node != nodes_.end() && a->record.session() == id.session())
      drop(id.task(), out);
  }
}

} // namespace skerry
