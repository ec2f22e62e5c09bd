#include "actors/allocator.hpp"
#include "messages/convert.hpp"
#include "scheduling/assert.hpp"
#include "scheduling/explanation.hpp"
#include "scheduling/smallest_change.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <bit>
#include <optional>
#include <utility>

namespace skerry {

namespace {

template <class Repeated>
void add_devices(device_mask devices, Repeated* to) {
  for (; devices != 0; devices &= devices - 1)
    to->Add(static_cast<std::uint32_t>(std::countr_zero(devices)));
}

v1::Decision not_placed(const error& why) {
  v1::Decision decision;
  decision.set_text(why.message);
  decision.set_infeasible(why.code == error_code::infeasible
                          || why.code == error_code::invalid_argument);
  return decision;
}

void explain_to(v1::Decision& decision, const explanation& why,
                const cluster& nodes) {
  decision.set_text(why.text);
  for (const auto& refusal : why.refusals) {
    auto* out = decision.add_refusals();
    std::string reason{to_string(refusal.why.reason)};
    if (refusal.why.reason == refusal_reason::resource)
      reason = fmt::format("{} {} (the most is {})", reason,
                           nodes.resource_names()[refusal.why.about],
                           amount_text(nodes, refusal.why.about, refusal.most));
    out->set_reason(std::move(reason));
    out->set_nodes(static_cast<std::uint32_t>(refusal.nodes));
  }
}

void suggest_to(v1::Decision& decision, const compiled_shape& shape,
                const cluster& nodes) {
  const auto change = find_smallest_change(nodes, shape);
  if (!change)
    return;
  auto* out = decision.mutable_smallest_change();
  out->set_text(change->text);
  out->set_resource(change->resource);
  out->set_less(change->less);
  out->set_node(nodes.name(change->node));
}

} // namespace

/// Some policies leave room for what comes often. The scores cached so far are
/// void then, which is why it is done rarely.
void allocator::learn_of(const task_shape& awarded) {
  const bool wanted = policies_->wants_workload();
  if ((!wanted && !options_.record_workload) || !workload_.add(awarded))
    return;
  if (experience_)
    experience_->learn_of(workload_.shapes());
  if (wanted)
    policies_->learn(workload_.shapes());
}

// -- bids: what the cell would do ---------------------------------------------

std::optional<cell_policies::choice>
allocator::choose(shape_id shape, bool is_decision, outbox& out) {
  const auto chosen = policies_->choose(shape, is_decision);
  if (auto fault = policies_->take_fault())
    out.policy_faults.push_back(*std::move(fault));
  return chosen;
}

/// @param is_decision And not only asked for.
/// @param held When given, the task is placed in the ledger, under a name made
///             of `number`, so that those after it see what is left; the caller
///             takes it back.
v1::Decision allocator::offer(const v1::TaskProfile& wire, int number,
                              bool explain_too, bool is_decision,
                              task_ref* held, outbox& out) {
  auto profile = from_proto(wire);
  if (!profile)
    return not_placed(profile.failure());
  auto interned = ledger_->intern(*profile);
  if (!interned)
    return not_placed(interned.failure());
  ++decisions_;
  const auto shape = ledger_->profile(*interned).shape;
  const auto& nodes = ledger_->nodes();
  const auto chosen = choose(shape, is_decision, out);
  v1::Decision decision;
  decision.set_cell(options_.server);
  decision.set_policy(std::string{chosen ? chosen->by : policies_->name()});
  if (chosen) {
    const auto& [node, devices, score] = chosen->place;
    decision.set_placed(true);
    decision.set_node(nodes.name(node));
    decision.set_score(static_cast<double>(score));
    decision.set_fit(static_cast<double>(policies_->fit(shape, node)));
    add_devices(devices, decision.mutable_devices());
    if (explain_too)
      explain_to(decision, explain(nodes, nodes.shape(shape)), nodes);
    if (held != nullptr) {
      // Two dots are in every task's id, so this one is nobody's.
      auto task = ledger_->submit(fmt::format("bid-{}", number), *interned);
      if (task
          && ledger_->place(*task, chosen->place.node, chosen->place.devices)) {
        *held = *task;
      } else {
        decision = not_placed({error_code::conflict, "the ledger refuses it"});
        if (task)
          (void)ledger_->cancel(*task); // It was submitted just now.
      }
    }
  } else if (!nodes.can_ever_fit(nodes.shape(shape))) {
    decision.set_infeasible(true);
    explain_to(decision, explain_when_empty(nodes, nodes.shape(shape)), nodes);
  } else {
    explain_to(decision, explain(nodes, nodes.shape(shape)), nodes);
    if (explain_too)
      suggest_to(decision, nodes.shape(shape), nodes);
    if (options_.record_workload && !is_decision)
      recorder_.waits(profile->shape, unix_milliseconds_);
  }
  ledger_->release(*interned);
  return decision;
}

mesh::v1::BidReply allocator::bid(const mesh::v1::BidRequest& request,
                                  outbox& out) {
  mesh::v1::BidReply reply;
  reply.set_number(request.number());
  reply.set_cell(options_.server);
  reply.set_freed(freed_);
  const bool several = request.tasks_size() > 1;
  std::vector<task_ref> held;
  for (const auto& task : request.tasks()) {
    task_ref ref;
    auto& bid = *reply.add_bids();
    bid = offer(task, reply.bids_size(), request.explain(), false,
                several ? &ref : nullptr, out);
    if (several && bid.placed())
      held.push_back(ref);
    if (request.gang() && !bid.placed())
      break;
  }
  for (const auto ref : held)
    SKERRY_ASSERT(ledger_->cancel(ref).has_value());
  return reply;
}

result<v1::DecideReply> allocator::decide(const v1::DecideRequest& request,
                                          instant now, outbox& out) {
  if (static_cast<std::size_t>(request.tasks_size())
      > options_.max_tasks_per_request)
    return error{error_code::limit_exceeded,
                 fmt::format("{} tasks are more than {} in one request",
                             request.tasks_size(),
                             options_.max_tasks_per_request)};
  if (request.reserve_milliseconds() > 0)
    return reserve(request, now, out);
  v1::DecideReply reply;
  std::vector<task_ref> held;
  const bool several = request.tasks_size() > 1;
  for (const auto& task : request.tasks()) {
    task_ref ref;
    auto& decision = *reply.add_decisions();
    decision = offer(task, reply.decisions_size(), request.explain(), true,
                     several ? &ref : nullptr, out);
    if (several && decision.placed())
      held.push_back(ref);
    log_decision({}, 0, decision, now, out);
  }
  for (const auto ref : held)
    SKERRY_ASSERT(ledger_->cancel(ref).has_value());
  return reply;
}

// -- awards: what the cell does -----------------------------------------------

/// Places a task or says why not; changes nothing then.
/// @param record Its owner, and what makes it a reservation.
result<allocator::allocation*>
allocator::place(const mesh::v1::Award& award,
                 mesh::v1::AllocationRecord record, instant now, outbox& out) {
  if (auto known = allocations_.find(award.task());
      known != allocations_.end()) {
    auto& a = known->second;
    if (a.record.owner() != record.owner())
      return error{error_code::already_exists,
                   fmt::format("task {} of server {} is in this cell; submit "
                               "the job under another id",
                               award.task(), a.record.owner())};
    if (a.record.attempt() == award.attempt())
      return &a; // The first answer was lost. What came of it is reported.
    return error{error_code::conflict,
                 fmt::format("attempt {} of {} has not left this cell yet",
                             a.record.attempt(), award.task())};
  }
  if (auto gone = gone_.find(award.task());
      gone != gone_.end() && gone->second.attempt >= award.attempt())
    return error{error_code::stale_snapshot,
                 fmt::format("attempt {} of {} has been here and has left",
                             award.attempt(), award.task())};
  auto profile = from_proto(award.profile());
  if (!profile)
    return profile.failure();
  auto interned = ledger_->intern(*profile);
  if (!interned)
    return interned.failure();
  ++decisions_;
  learn_of(profile->shape);
  const auto& nodes = ledger_->nodes();
  const auto shape = ledger_->profile(*interned).shape;
  const auto chosen = choose(shape, true, out);
  if (experience_) {
    const auto& canary = policies_->ruling().canary;
    experience_->set_policy(canary && chosen && chosen->by == canary->name
                                ? canary_version_
                                : active_version_);
    experience_->decided(award, shape,
                         chosen ? std::optional{chosen->place} : std::nullopt,
                         now);
  }
  const bool ever = chosen || nodes.can_ever_fit(nodes.shape(shape));
  allocation a;
  result<> taken = done{};
  if (chosen) {
    record.set_task(award.task());
    record.set_attempt(award.attempt());
    const auto& place = chosen->place;
    record.set_node(nodes.name(place.node));
    add_devices(place.devices, record.mutable_devices());
    record.set_score(static_cast<double>(place.score));
    record.set_policy(std::string{chosen->by});
    *record.mutable_profile() = award.profile();
    if (award.has_work())
      *record.mutable_work() = award.work();
    a.record = std::move(record);
    a.submitted_unix_milliseconds = award.submitted_unix_milliseconds();
    taken = hold(a, *profile, place.node, place.devices);
  }
  ledger_->release(*interned);
  if (!chosen && ever && options_.record_workload)
    recorder_.waits(profile->shape, unix_milliseconds_);
  if (!chosen) // In words only for who asks: this is the way of a full cluster.
    return error{ever ? error_code::insufficient : error_code::infeasible,
                 ever ? "fits no node of this cell now"
                      : "fits no node of this cell even when empty"};
  if (!taken)
    return taken.failure();
  auto& node = nodes_.at(a.record.node());
  a.record.set_agent_id(node.record.agent_id());
  a.record.set_session(node.record.session());
  node.tasks.insert(award.task());
  if (options_.record_workload)
    a.recorded = recorder_.placed(profile->shape, unix_milliseconds_);
  auto& kept = allocations_[award.task()] = std::move(a);
  v1::Decision decision;
  describe(decision, kept);
  log_decision(award.task(), award.attempt(), decision, now, out);
  write(kept, out);
  if (!kept.record.reserved())
    order_start(kept, node, out);
  return &kept;
}

/// Whether the batch has been taken already: then its answer was lost, and some
/// of its tasks may have ended since.
bool allocator::had_before(const mesh::v1::AwardBatch& batch) const {
  return std::ranges::any_of(batch.awards(), [&](const auto& award) {
    const auto known = allocations_.find(award.task());
    const auto gone = gone_.find(award.task());
    return (known != allocations_.end()
            && known->second.record.owner() == batch.owner()
            && known->second.record.attempt() == award.attempt())
           || (gone != gone_.end() && gone->second.attempt >= award.attempt());
  });
}

void allocator::award(const mesh::v1::AwardBatch& batch,
                      const std::string& from, instant now, outbox& out) {
  if (batch.cell_epoch() != options_.epoch)
    return; // Meant for a reign that knew what has come and gone.
  auto& fence = fences_[batch.owner()];
  if (batch.epoch() < fence.epoch
      || (batch.epoch() == fence.epoch && batch.number() <= fence.number))
    return; // Late: the owner has asked again since, or is another now.
  fence = {batch.epoch(), batch.number()};
  mesh::v1::AwardReply reply;
  reply.set_cell(options_.server);
  reply.set_number(batch.number());
  const bool all_or_none = batch.gang() && !had_before(batch);
  outbox attempt; // A gang's orders go out only when all tasks are placed.
  std::optional<error> refusal;
  for (const auto& award : batch.awards()) {
    auto* answer = reply.add_results();
    answer->set_task(award.task());
    answer->set_attempt(award.attempt());
    if (all_or_none && refusal)
      continue;
    mesh::v1::AllocationRecord record;
    record.set_owner(batch.owner());
    auto placed = place(award, std::move(record), now, attempt);
    if (placed) {
      answer->set_placed(true);
      answer->set_node((*placed)->record.node());
      *answer->mutable_devices() = (*placed)->record.devices();
    } else {
      refusal = placed.failure();
      answer->set_error_code(static_cast<int>(refusal->code));
      answer->set_error_message(refusal->message);
    }
  }
  if (all_or_none && refusal) {
    for (auto& answer : *reply.mutable_results()) {
      if (answer.placed())
        undo(answer.task());
      answer.set_placed(false);
      answer.clear_node();
      answer.clear_devices();
      answer.set_error_code(static_cast<int>(refusal->code));
      answer.set_error_message(refusal->message);
    }
  } else {
    out.absorb(std::move(attempt));
  }
  reply.set_freed(freed_);
  *out.to(from, mesh::v1::Envelope::JOBS).mutable_award_reply()
      = std::move(reply);
}

// -- stops --------------------------------------------------------------------

void allocator::stop(const mesh::v1::StopBatch& batch, outbox& out) {
  for (const auto& id : batch.tasks()) {
    if (auto* a = find(id)) {
      if (a->record.owner() == batch.owner())
        stop(*a, batch.reason(), out);
      continue;
    }
    // Nothing is here to stop: the owner may take it as ended, unless it knows
    // of a later session. Should its award be on its way, it comes too late.
    remember_gone(id.task(), id.attempt(), nullptr, out);
    auto* reports = out.to(batch.owner(), mesh::v1::Envelope::JOBS)
                        .mutable_report_batch();
    reports->set_cell(options_.server);
    reports->set_number(next_number_++);
    auto* report = reports->add_reports();
    report->set_task(id.task());
    report->set_attempt(id.attempt());
    report->set_kind(mesh::v1::Report::LOST);
    report->set_session(id.session());
    report->set_reason("it is not in this cell");
  }
}

void allocator::stop(allocation& a, std::string_view reason, outbox& out) {
  if (a.now == phase::ended) {
    report_soon(a);
    return;
  }
  if (a.now == phase::stopping)
    return; // Ordered already; the agent's next hello orders it again.
  a.now = phase::stopping;
  a.stop_reason = std::string{reason};
  if (auto node = nodes_.find(a.record.node()); node != nodes_.end())
    order_stop(a, node->second, out);
}

} // namespace skerry
