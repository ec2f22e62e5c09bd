#include "actors/allocator.hpp"

#include "messages/convert.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <bit>
#include <utility>

namespace skerry {

namespace {

constexpr std::string_view allocation_prefix = "allocation/";
constexpr std::string_view node_prefix = "node/";
constexpr std::string_view moved_prefix = "moved/";

template <class Record>
result<Record> read(std::string_view key, std::string_view value) {
  Record record;
  if (!record.ParseFromArray(value.data(), static_cast<int>(value.size())))
    return error{
        error_code::malformed,
        fmt::format("record {} cannot be read; the state is damaged", key)};
  return record;
}

} // namespace

allocator::allocator(allocator_options options)
    : options_{std::move(options)}, ledger_{std::make_unique<ledger>(
                                        options_.epoch)} {}

result<std::unique_ptr<allocator>> allocator::make(allocator_options options) {
  std::unique_ptr<allocator> made{new allocator{std::move(options)}};
  auto policy = make_policy(made->options_.policy, made->ledger_->nodes(),
                            {.seed = made->options_.seed});
  if (!policy)
    return policy.failure();
  made->policy_ = std::move(*policy);
  return made;
}

// -- start --------------------------------------------------------------------

result<> allocator::recover(std::string_view key, std::string_view value) {
  if (key.starts_with(allocation_prefix)) {
    auto record = read<mesh::v1::AllocationRecord>(key, value);
    if (!record)
      return record.failure();
    auto task = record->task();
    allocations_[task].record = std::move(*record);
  } else if (key.starts_with(node_prefix)) {
    auto record = read<mesh::v1::NodeRecord>(key, value);
    if (!record)
      return record.failure();
    auto name = record->spec().name();
    nodes_[name].record = std::move(*record);
  } else if (key.starts_with(moved_prefix)) {
    auto record = read<mesh::v1::MovedRecord>(key, value);
    if (!record)
      return record.failure();
    std::string task{key.substr(moved_prefix.size())};
    gone_[task] = {record->attempt(), true};
    gone_order_.push_back(std::move(task));
  }
  return done{};
}

result<> allocator::finish_recovery(instant now) {
  started_at_ = now.steady_milliseconds;
  for (auto& [name, node] : nodes_) {
    auto spec = from_proto(node.record.spec());
    if (!spec)
      return spec.failure();
    auto registered = ledger_->register_node(*spec, node.record.session());
    if (!registered)
      return registered.failure();
    node.index = registered->node;
    node.heard_at = now.steady_milliseconds;
  }
  for (auto& [task, a] : allocations_) {
    auto node = nodes_.find(a.record.node());
    if (node == nodes_.end()) {
      // The node was lost, and the owner had not answered yet.
      a.now = phase::ended;
      a.record.set_ended(true);
      a.record.set_lost(true);
      a.record.mutable_outcome()->set_reason("its node was lost");
      report_soon(a);
      continue;
    }
    auto profile = from_proto(a.record.profile());
    if (!profile)
      return profile.failure();
    if (auto held = hold(a, *profile, node->second.index, devices_of(a.record));
        !held)
      return held.failure();
    node->second.tasks.insert(task);
    a.evicting = a.record.evicted();
    if (a.evicting)
      a.now = phase::stopping;
    if (!a.record.reserved()) {
      report_soon(a);
      continue;
    }
    by_request_[a.record.request_id()].push_back(task);
    if (a.record.expires_unix_milliseconds() != 0)
      expiring_.emplace(a.record.expires_unix_milliseconds(), task);
  }
  for (const auto& [name, node] : nodes_)
    apply_condition(node);
  return done{};
}

// -- the table of allocations -------------------------------------------------

device_mask
allocator::devices_of(const mesh::v1::AllocationRecord& record) const {
  device_mask devices = 0;
  for (const auto device : record.devices())
    if (device < max_devices_per_node)
      devices |= device_mask{1} << device;
  return devices;
}

result<> allocator::hold(allocation& a, const task_profile& profile,
                         node_index node, device_mask devices) {
  auto interned = ledger_->intern(profile);
  if (!interned)
    return interned.failure();
  auto task = ledger_->submit(a.record.task(), *interned);
  ledger_->release(*interned);
  if (!task)
    return task.failure();
  auto placed = ledger_->place(*task, node, devices);
  if (placed && a.record.has_demand())
    placed = ledger_->resize(*task, from_proto(a.record.demand()));
  if (!placed) {
    (void)ledger_->cancel(*task); // It is there: `submit` has just said so.
    return placed.failure();
  }
  a.task = *task;
  return done{};
}

allocator::allocation* allocator::find(const std::string& task,
                                       std::uint32_t attempt) {
  auto found = allocations_.find(task);
  if (found == allocations_.end() || found->second.record.attempt() != attempt)
    return nullptr;
  return &found->second;
}

allocator::allocation* allocator::find(const mesh::v1::TaskId& id) {
  return find(id.task(), id.attempt());
}

void allocator::write(const allocation& a, outbox& out) const {
  out.put(std::string{allocation_prefix} + a.record.task(), a.record);
}

void allocator::free_amounts(allocation& a) {
  if (a.now == phase::ended)
    return;
  a.now = phase::ended;
  SKERRY_ASSERT(ledger_->cancel(a.task).has_value());
  made_room();
}

/// Not written down: until its owner has the outcome the agent keeps it, and a
/// node that was lost before a restart is lost again after it.
void allocator::end(allocation& a, bool lost, bool evicted,
                    const v1::Outcome& outcome, outbox& out) {
  if (a.now == phase::ended) {
    report_soon(a);
    return;
  }
  free_amounts(a);
  if (a.record.reserved()) {
    drop(a.record.task(), out);
    return;
  }
  a.record.set_ended(true);
  a.record.set_lost(lost);
  a.record.set_evicted(evicted);
  *a.record.mutable_outcome() = outcome;
  report_soon(a);
}

void allocator::drop(const std::string& task, outbox& out) {
  auto found = allocations_.find(task);
  if (found == allocations_.end())
    return;
  auto& a = found->second;
  free_amounts(a);
  if (auto node = nodes_.find(a.record.node()); node != nodes_.end())
    node->second.tasks.erase(task);
  if (auto owner = to_report_.find(a.record.owner());
      owner != to_report_.end()) {
    owner->second.erase(task);
    if (owner->second.empty())
      to_report_.erase(owner);
  }
  if (a.record.reserved()) {
    expiring_.erase({a.record.expires_unix_milliseconds(), task});
    by_request_.erase(a.record.request_id());
  }
  out.erase(std::string{allocation_prefix} + task);
  if (!a.record.reserved())
    remember_gone(task, a.record.attempt(), false, out);
  allocations_.erase(found);
}

/// Awards of it that are still on their way come too late.
void allocator::remember_gone(const std::string& task, std::uint32_t attempt,
                              bool moved, outbox& out) {
  auto [entry, is_new] = gone_.try_emplace(task);
  if (is_new)
    gone_order_.push_back(task);
  entry->second.attempt = std::max(entry->second.attempt, attempt);
  entry->second.moved |= moved;
  if (moved) {
    mesh::v1::MovedRecord record;
    record.set_attempt(attempt);
    out.put(std::string{moved_prefix} + task, record);
  }
  while (gone_order_.size() > options_.max_gone) {
    auto oldest = gone_.find(gone_order_.front());
    if (oldest->second.moved)
      out.erase(std::string{moved_prefix} + oldest->first);
    gone_.erase(oldest);
    gone_order_.pop_front();
  }
}

// -- time ---------------------------------------------------------------------

void allocator::set_peers(std::vector<std::string> known,
                          std::vector<std::string> reachable) {
  known_peers_ = std::move(known);
  reachable_ = std::move(reachable);
}

void allocator::tick(instant now, outbox& out) {
  expire_reservations(now, out);
  look_for_silent(now, out);
  send_reports(now, out);
  std::erase_if(logs_, [&](auto& entry) {
    auto& waiting = entry.second;
    if (now.steady_milliseconds < waiting.until)
      return false;
    out.replies.push_back([then = std::move(waiting.then)] {
      then(error{error_code::io_failed, "the agent has not answered in time"});
    });
    return true;
  });
  const auto since = now.steady_milliseconds - told_freed_at_;
  const bool news = freed_ != told_freed_;
  if (since < options_.heartbeat_milliseconds && !news)
    return;
  told_freed_ = freed_;
  told_freed_at_ = now.steady_milliseconds;
  auto tell = [&](const std::string& server) {
    auto* freed = out.to(server, mesh::v1::Envelope::JOBS).mutable_cell_freed();
    freed->set_cell(options_.server);
    freed->set_freed(freed_);
  };
  tell(options_.server);
  for (const auto& server : reachable_)
    tell(server);
}

void allocator::expire_reservations(instant now, outbox& out) {
  while (!expiring_.empty()
         && expiring_.begin()->first <= now.unix_milliseconds) {
    // `drop` erases the entry.
    const auto task = expiring_.begin()->second;
    drop(task, out);
  }
}

// -- reports to owners --------------------------------------------------------

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
  if (auto node = nodes_.find(record.node()); node != nodes_.end())
    report.set_session(node->second.record.session());
  if (a.now == phase::ended) {
    report.set_kind(record.lost()      ? Report::LOST
                    : record.evicted() ? Report::EVICTED
                                       : Report::ENDED);
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
  for (const auto& [owner, tasks] : to_report_) {
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
    if (node != nodes_.end() && node->second.record.session() == id.session())
      drop(id.task(), out);
  }
}

// -- envelopes ----------------------------------------------------------------

void allocator::take(const mesh::v1::Envelope& envelope, instant now,
                     outbox& out) {
  using mesh::v1::Envelope;
  switch (envelope.payload_case()) {
  case Envelope::kBidRequest:
    bid(envelope.bid_request(), envelope.from(), out);
    break;
  case Envelope::kAwardBatch:
    award(envelope.award_batch(), envelope.from(), now, out);
    break;
  case Envelope::kStopBatch:
    stop(envelope.stop_batch(), out);
    break;
  case Envelope::kReportReply:
    replied(envelope.report_reply(), out);
    break;
  case Envelope::kQuestion: {
    auto reply = answer(envelope.question(), now, out);
    *out.to(envelope.from(), Envelope::NOBODY).mutable_answer()
        = std::move(reply);
    break;
  }
  case Envelope::kNodeAttached:
    attached_elsewhere(envelope.node_attached(), out);
    break;
  case Envelope::kWhereIs: {
    const auto& asked = envelope.where_is();
    auto* reply
        = out.to(envelope.from(), Envelope::ALLOCATOR).mutable_where_is_reply();
    reply->set_cell(options_.server);
    reply->set_number(asked.number());
    for (const auto& name : asked.nodes()) {
      auto node = nodes_.find(name);
      if (node == nodes_.end())
        reply->add_not_here(name);
      else
        *reply->add_here() = manifest(node->second);
    }
    break;
  }
  case Envelope::kWhereIsReply: {
    const auto& reply = envelope.where_is_reply();
    for (const auto& there : reply.here())
      attached_elsewhere(there, out);
    for (const auto& name : reply.not_here())
      if (auto node = nodes_.find(name);
          node != nodes_.end() && reply.number() >= node->second.asked_from)
        node->second.not_at.insert(envelope.from());
    break;
  }
  default:
    break; // Of another role or a later version.
  }
}

result<> allocator::check_invariants() const {
  if (auto checked = ledger_->check_invariants(); !checked)
    return checked;
  std::size_t holding = 0;
  for (const auto& [task, a] : allocations_) {
    if (a.now == phase::ended)
      continue;
    ++holding;
    const auto view = ledger_->task(a.task);
    if (!view || view->id != task)
      return {error_code::conflict,
              fmt::format("allocation {} is not in the ledger", task)};
    auto node = nodes_.find(a.record.node());
    if (node == nodes_.end() || node->second.index != view->node
        || !node->second.tasks.contains(task))
      return {error_code::conflict,
              fmt::format("allocation {} is not on its node", task)};
  }
  if (holding != ledger_->size())
    return {error_code::conflict,
            fmt::format("{} allocations hold amounts, the ledger has {} tasks",
                        holding, ledger_->size())};
  return done{};
}

} // namespace skerry
