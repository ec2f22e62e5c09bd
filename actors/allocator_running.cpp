// What users ask of tasks that run, through their agents: output, other
// amounts.
#include "actors/allocator.hpp"
#include "messages/convert.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

namespace skerry {

namespace {

/// How long an agent may take to read a file or to change a task's amounts.
constexpr std::int64_t agent_milliseconds = 5'000;

void put(v1::LogsChunk chunk, mesh::v1::Answer& answer) {
  *answer.mutable_logs() = std::move(chunk);
}

void put(v1::ResizeReply reply, mesh::v1::Answer& answer) {
  *answer.mutable_resize() = std::move(reply);
}

error not_attached() {
  return {error_code::insufficient,
          "its node is not attached; try again later"};
}

error not_here(const std::string& task) {
  return {error_code::not_found,
          fmt::format("{} does not run in this cell", task)};
}

} // namespace

template <class T>
void allocator::tell(const asker<T>& who, result<T> answer, outbox& out) {
  if (who.then) {
    out.replies.push_back(
        [then = who.then, answer = std::move(answer)]() mutable {
          then(std::move(answer));
        });
    return;
  }
  auto* reply = out.to(who.server, mesh::v1::Envelope::NOBODY).mutable_answer();
  reply->set_number(who.number);
  if (answer)
    put(std::move(*answer), *reply);
  else
    *reply->mutable_failure() = failure_of(answer.failure());
}

// -- output -------------------------------------------------------------------

void allocator::logs(const v1::LogsRequest& request, instant now,
                     cluster_gateway::reply<v1::LogsChunk> then, outbox& out) {
  logs(request, now, asker<v1::LogsChunk>{std::move(then), {}, 0}, out);
}

void allocator::logs(const v1::LogsRequest& request, instant now,
                     asker<v1::LogsChunk> who, outbox& out) {
  // A task that has ended has left the table; its output stays at its node.
  auto found = allocations_.find(request.task());
  const auto node
      = nodes_.find(found == allocations_.end() ? request.node()
                                                : found->second.record.node());
  if (node == nodes_.end())
    return tell<v1::LogsChunk>(who, not_here(request.task()), out);
  if (!node->second.attached)
    return tell<v1::LogsChunk>(who, not_attached(), out);
  auto* order = out.agent(node->second.link).add_logs();
  order->set_request(next_logs_);
  order->set_node(node->first);
  order->set_task(request.task());
  order->set_stderr(request.stderr());
  order->set_offset_bytes(request.offset_bytes());
  order->set_limit_bytes(request.limit_bytes());
  logs_[next_logs_++]
      = {std::move(who), now.steady_milliseconds + agent_milliseconds};
}

void allocator::take(const v1::LogsAnswer& answer, outbox& out) {
  auto waiting = logs_.find(answer.request());
  if (waiting == logs_.end())
    return; // Too late.
  auto who = std::move(waiting->second.who);
  logs_.erase(waiting);
  if (!answer.error().empty())
    return tell<v1::LogsChunk>(
        who, error{error_code::not_found, answer.error()}, out);
  v1::LogsChunk chunk;
  chunk.set_data(answer.data());
  tell<v1::LogsChunk>(who, std::move(chunk), out);
}

// -- other amounts ------------------------------------------------------------

void allocator::resize(const v1::ResizeRequest& request, instant now,
                       cluster_gateway::reply<v1::ResizeReply> then,
                       outbox& out) {
  resize(request, now, asker<v1::ResizeReply>{std::move(then), {}, 0}, out);
}

void allocator::resize(const v1::ResizeRequest& request, instant now,
                       asker<v1::ResizeReply> who, outbox& out) {
  auto found = allocations_.find(request.task());
  if (found == allocations_.end() || found->second.record.reserved())
    return tell<v1::ResizeReply>(who, not_here(request.task()), out);
  auto& a = found->second;
  const auto before = from_proto(demand_of(a));
  auto wanted = from_proto(request.demand());
  for (const auto kind : {resource_kind::cpu, resource_kind::memory,
                          resource_kind::disk, resource_kind::network})
    if (wanted[kind] == 0)
      wanted.set(kind, before[kind]);
  if (auto begun = begin_resize(a, wanted, out); !begun)
    return tell<v1::ResizeReply>(who, begun.failure(), out);
  resizes_[request.task()]
      = {.who = std::move(who),
         .before = before,
         .wanted = wanted,
         .until = now.steady_milliseconds + agent_milliseconds};
}

/// Takes what it gains and sends the order.
result<> allocator::begin_resize(allocation& a, const resources& wanted,
                                 outbox& out) {
  const auto& task = a.record.task();
  if (a.now != phase::running || !a.holds)
    return {error_code::conflict, fmt::format("{} does not run now", task)};
  if (resizes_.contains(task))
    return {error_code::conflict,
            fmt::format("{} is being resized; wait for that", task)};
  auto& node = nodes_.at(a.record.node());
  if (!node.attached)
    return not_attached();
  auto profile = from_proto(a.record.profile());
  if (!profile)
    return profile.failure();
  if (!profile->minimum)
    return {
        error_code::invalid_argument,
        fmt::format("{} has no minimum and maximum: its size is fixed", task)};
  if (!profile->minimum->fits_in(wanted) || !wanted.fits_in(*profile->maximum))
    return {error_code::invalid_argument,
            "demand is outside of the task's minimum and maximum"};
  // Until the agent has answered, it may use the one or the other.
  const auto before = from_proto(demand_of(a));
  auto both = before;
  for (std::size_t i = 0; i < both.kinds_used() || i < wanted.kinds_used();
       ++i) {
    const auto kind = static_cast<resource_kind>(i);
    both.set(kind, std::max(before[kind], wanted[kind]));
  }
  if (auto taken = ledger_->resize(a.task, both); !taken)
    return taken;
  used_ = *plus(*minus(used_, before), both);
  *a.record.mutable_demand() = to_proto(both);
  write(a, out);
  auto* order = out.agent(node.link).add_resizes();
  order->set_node(a.record.node());
  order->set_session(node.record.session());
  order->set_task(task);
  order->set_attempt(a.record.attempt());
  *order->mutable_demand() = to_proto(wanted);
  return done{};
}

/// The agent has said what the task has.
/// @param refusal Why that is not what was ordered, if it said so.
void allocator::settle(allocation& a, const v1::Resources& demand,
                       const error* refusal, outbox& out) {
  if (!a.holds)
    return;
  const auto before = from_proto(demand_of(a));
  const auto now = from_proto(demand);
  if (now != before) {
    if (!ledger_->resize(a.task, now))
      return; // More than was ever taken for it; then that stays.
    used_ = *plus(*minus(used_, before), now);
    *a.record.mutable_demand() = demand;
    write(a, out);
    report_soon(a);
    if (!before.fits_in(now))
      made_room();
  }
  auto open = resizes_.find(a.record.task());
  if (open == resizes_.end())
    return;
  auto settled = std::move(open->second);
  resizes_.erase(open);
  if (settled.ours)
    return settled_by_use(a, refusal == nullptr && now == settled.wanted,
                          refusal);
  if (settled.answered)
    return;
  if (refusal == nullptr && now == settled.wanted) {
    v1::ResizeReply reply;
    reply.set_node(a.record.node());
    *reply.mutable_demand() = demand;
    tell<v1::ResizeReply>(settled.who, std::move(reply), out);
  } else {
    tell<v1::ResizeReply>(settled.who,
                          refusal != nullptr
                              ? *refusal
                              : error{error_code::unreachable,
                                      "the order did not reach its agent"},
                          out);
  }
}

void allocator::give_up_resize(const std::string& task, const error& why,
                               outbox& out) {
  auto open = resizes_.find(task);
  if (open == resizes_.end())
    return;
  if (!open->second.answered && !open->second.ours)
    tell<v1::ResizeReply>(open->second.who, why, out);
  resizes_.erase(open);
}

/// Amounts of a late resize stay taken until the agent says what it has.
void allocator::give_up_late(instant now, outbox& out) {
  const error late{error_code::unreachable,
                   "the agent has not answered in time"};
  std::erase_if(logs_, [&](auto& entry) {
    if (now.steady_milliseconds < entry.second.until)
      return false;
    tell<v1::LogsChunk>(entry.second.who, late, out);
    return true;
  });
  for (auto& [task, open] : resizes_)
    if (!open.ours && !open.answered && now.steady_milliseconds >= open.until) {
      open.answered = true;
      tell<v1::ResizeReply>(open.who, late, out);
    }
}

} // namespace skerry
