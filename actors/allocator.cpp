#include "actors/allocator.hpp"

#include "actors/records.hpp"
#include "messages/convert.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <bit>
#include <utility>

namespace skerry {

allocator::allocator(allocator_options options)
    : options_{std::move(options)}, ledger_{std::make_unique<ledger>(
                                        options_.epoch)},
      resizer_{options_.resizing},
      // Both grow over starts: what was said in an earlier reign is older.
      next_number_{(options_.epoch << 32) + 1}, freed_{(options_.epoch << 32)
                                                       + 1} {}

result<std::unique_ptr<allocator>> allocator::make(allocator_options options) {
  std::unique_ptr<allocator> made{new allocator{std::move(options)}};
  auto policies = cell_policies::make(
      {made->options_.policy}, made->ledger_->nodes(), made->options_.seed);
  if (!policies)
    return policies.failure();
  made->policies_ = std::move(*policies);
  made->note_versions();
  if (const auto& how = made->options_.experience) {
    if (auto checked = validate(*how); !checked)
      return checked.failure();
    made->experience_ = std::make_unique<cell_recorder>(
        *how, *made->ledger_, version_of(made->options_.policy));
  }
  return made;
}

// -- start --------------------------------------------------------------------

result<> allocator::recover(std::string_view key, std::string_view value) {
  if (key.starts_with(allocation_prefix)) {
    auto record = read_record<mesh::v1::AllocationRecord>(key, value);
    if (!record)
      return record.failure();
    auto task = record->task();
    allocations_[task].record = std::move(*record);
  } else if (key.starts_with(node_prefix)) {
    auto record = read_record<mesh::v1::NodeRecord>(key, value);
    if (!record)
      return record.failure();
    auto name = record->spec().name();
    nodes_[name].record = std::move(*record);
  } else if (key.starts_with(moved_prefix)) {
    auto record = read_record<mesh::v1::MovedRecord>(key, value);
    if (!record)
      return record.failure();
    std::string task{key.substr(moved_prefix.size())};
    gone_[task] = {record->attempt(), true};
    gone_order_.push_back(std::move(task));
  } else if (key.starts_with(peer_prefix)) {
    known_peers_.emplace(key.substr(peer_prefix.size()));
  }
  return done{};
}

result<> allocator::finish_recovery(instant now) {
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
    const auto node = nodes_.find(a.record.node());
    if (node != nodes_.end())
      node->second.tasks.insert(task);
    if (a.record.reserved()) {
      auto& ids = by_request_[a.record.request_id()];
      ids.resize(
          std::max<std::size_t>(ids.size(), a.record.request_index() + 1));
      ids[a.record.request_index()] = task;
      if (a.record.expires_unix_milliseconds() != 0)
        expiring_.emplace(a.record.expires_unix_milliseconds(), task);
    } else {
      report_soon(a);
    }
    if (node == nodes_.end() || a.record.ended()) {
      // Without its node: that was lost, and the owner had not answered yet.
      a.now = phase::ended;
      a.record.set_lost(a.record.lost() || !a.record.ended());
      a.record.set_ended(true);
      if (!a.record.has_outcome())
        a.record.mutable_outcome()->set_reason("its node was lost");
      continue;
    }
    a.evicting = a.record.evicted();
    if (a.evicting)
      a.now = phase::stopping;
    auto profile = from_proto(a.record.profile());
    if (!profile)
      return profile.failure();
    a.record.set_session(node->second.record.session());
    auto held
        = hold_placed(a, *profile, node->second.index, devices_of(a.record));
    if (!held && !a.evicting) // What did not fit is only being stopped.
      return held.failure();
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

/// With the demand it has now, for which it may have been made to fit.
result<> allocator::hold(allocation& a, const task_profile& profile,
                         node_index node, device_mask devices) {
  auto sized = profile;
  const auto demand = from_proto(demand_of(a));
  sized.shape.demand = demand;
  auto interned = ledger_->intern(sized);
  if (!interned)
    return interned.failure();
  auto task = ledger_->submit(a.record.task(), *interned);
  ledger_->release(*interned);
  if (!task)
    return task.failure();
  if (auto placed = ledger_->place(*task, node, devices); !placed) {
    (void)ledger_->cancel(*task); // It is there: `submit` has just said so.
    return placed.failure();
  }
  a.task = *task;
  a.holds = true;
  used_ = *plus(used_, demand);
  return done{};
}

/// What was placed stays, whatever its profile asks of other tasks and of
/// nodes: that was held against those of the time.
result<> allocator::hold_placed(allocation& a, task_profile profile,
                                node_index node, device_mask devices) {
  profile.shape.constraints.clear();
  profile.shape.affinity.clear();
  profile.shape.anti_affinity.clear();
  profile.shape.spread.reset();
  return hold(a, profile, node, devices);
}

v1::Resources allocator::demand_of(const allocation& a) {
  return a.record.has_demand() ? a.record.demand()
                               : a.record.profile().demand();
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

void allocator::free_amounts(allocation& a, outbox& out) {
  if (const auto before = std::exchange(a.now, phase::ended); a.recorded != 0) {
    if (before == phase::ordered && !a.record.reserved())
      recorder_.not_run(a.recorded);
    else
      recorder_.ended(a.recorded, unix_milliseconds_);
    a.recorded = 0;
  }
  give_up_resize(a.record.task(), {error_code::conflict, "it has ended"}, out);
  if (auto* sized = std::exchange(a.sized, nullptr))
    resizer_.forget(sized);
  if (!std::exchange(a.holds, false))
    return;
  SKERRY_ASSERT(ledger_->cancel(a.task).has_value());
  used_ = *minus(used_, from_proto(demand_of(a)));
  made_room();
}

v1::Outcome allocator::ended_because(std::string_view reason) {
  v1::Outcome outcome;
  outcome.set_reason(std::string{reason});
  return outcome;
}

/// On disk before anybody takes the amounts: a restart that found both would
/// hold them twice, or start again what its owner has given up.
void allocator::end(allocation& a, bool lost, bool evicted,
                    const v1::Outcome& outcome, outbox& out) {
  if (a.now == phase::ended) {
    report_soon(a);
    return;
  }
  free_amounts(a, out);
  if (experience_)
    experience_->ended(a.record, outcome, a.submitted_unix_milliseconds);
  if (a.record.reserved()) {
    drop(a.record.task(), out);
    return;
  }
  a.record.set_ended(true);
  a.record.set_lost(lost);
  a.record.set_evicted(evicted);
  *a.record.mutable_outcome() = outcome;
  a.record.clear_profile(); // Nobody needs them any more.
  a.record.clear_work();
  a.record.clear_demand();
  write(a, out);
  report_soon(a);
}

void allocator::drop(const std::string& task, outbox& out) {
  auto found = allocations_.find(task);
  if (found == allocations_.end())
    return;
  auto& a = found->second;
  free_amounts(a, out);
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
    auto request = by_request_.find(a.record.request_id());
    if (request != by_request_.end()) {
      std::ranges::replace(request->second, task, std::string{});
      if (std::ranges::all_of(request->second, &std::string::empty))
        by_request_.erase(request);
    }
  }
  out.erase(std::string{allocation_prefix} + task);
  if (!a.record.reserved())
    remember_gone(task, a.record.attempt(), nullptr, out);
  allocations_.erase(found);
}

/// Takes back a placement that nobody has heard of yet.
void allocator::undo(const std::string& task) {
  outbox unheard;
  auto found = allocations_.find(task);
  free_amounts(found->second, unheard);
  nodes_.at(found->second.record.node()).tasks.erase(task);
  allocations_.erase(found);
}

/// Awards of it that are still on their way come too late.
void allocator::remember_gone(const std::string& task, std::uint32_t attempt,
                              const mesh::v1::NodeAttached* moved,
                              outbox& out) {
  auto [entry, is_new] = gone_.try_emplace(task);
  if (is_new)
    gone_order_.push_back(task);
  entry->second.attempt = std::max(entry->second.attempt, attempt);
  if (moved != nullptr) {
    entry->second.moved = true;
    mesh::v1::MovedRecord record;
    record.set_attempt(attempt);
    record.set_cell(moved->cell());
    record.set_session(moved->session());
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

void allocator::set_peers(const std::vector<std::string>& known,
                          std::vector<std::string> reachable, outbox& out) {
  for (const auto& name : known)
    if (known_peers_.insert(name).second) {
      mesh::v1::PeerRecord record;
      record.set_name(name);
      out.put(std::string{peer_prefix} + name, record);
    }
  reachable_ = std::move(reachable);
  told_freed_at_ = -1'000'000; // Who is new asks for nothing before he hears.
}

void allocator::forget_peer(const std::string& name, outbox& out) {
  if (known_peers_.erase(name) > 0)
    out.erase(std::string{peer_prefix} + name);
}

void allocator::tick(instant now, outbox& out) {
  unix_milliseconds_ = now.unix_milliseconds;
  expire_reservations(now, out);
  look_for_silent(now, out);
  end_pauses(now);
  send_reports(now, out);
  give_up_late(now, out);
  resize_by_use(now, out);
  if (experience_)
    experience_->tick(now, out);
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
    freed->set_epoch(options_.epoch);
    *freed->mutable_capacity() = capacity();
  };
  tell(options_.server);
  for (const auto& server : reachable_)
    tell(server);
}

void allocator::finish_experience(instant now, outbox& out) {
  if (experience_)
    experience_->finish(now, out);
}

// -- envelopes ----------------------------------------------------------------

void allocator::take(const mesh::v1::Envelope& envelope, instant now,
                     outbox& out) {
  using mesh::v1::Envelope;
  switch (envelope.payload_case()) {
  case Envelope::kBidRequest:
    *out.to(envelope.from(), mesh::v1::Envelope::JOBS).mutable_bid_reply()
        = bid(envelope.bid_request(), out);
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
    const auto& question = envelope.question();
    // These wait for the agent.
    if (question.has_logs()) {
      logs(question.logs(), now, {{}, envelope.from(), question.number()}, out);
    } else if (question.has_resize()) {
      resize(question.resize(), now, {{}, envelope.from(), question.number()},
             out);
    } else {
      auto reply = answer(question, now, out);
      *out.to(envelope.from(), Envelope::NOBODY).mutable_answer()
          = std::move(reply);
    }
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
  case Envelope::kWhereIsReply:
    take(envelope.where_is_reply(), envelope.from(), out);
    break;
  default:
    break; // Of another role or a later version.
  }
}

result<> allocator::check_invariants() const {
  if (auto checked = ledger_->check_invariants(); !checked)
    return checked;
  std::size_t holding = 0;
  resources used;
  for (const auto& [task, a] : allocations_) {
    if (!a.holds)
      continue;
    ++holding;
    used = *plus(used, from_proto(demand_of(a)));
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
  if (used != used_)
    return {error_code::conflict, "the sum of what is used is wrong"};
  const auto attached = std::ranges::count_if(
      nodes_, [](const auto& entry) { return entry.second.attached; });
  if (attached != attached_)
    return {error_code::conflict, "attached nodes are counted wrongly"};
  for (const auto& [owner, tasks] : to_report_)
    for (const auto& task : tasks)
      if (!allocations_.contains(task))
        return {error_code::conflict,
                fmt::format("{} is reported but not there", task)};
  return done{};
}

} // namespace skerry
