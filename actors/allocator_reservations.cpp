#include "actors/allocator.hpp"
#include "messages/convert.hpp"

#include <fmt/core.h>

#include <utility>

namespace skerry {

/// All tasks or none.
result<v1::DecideReply> allocator::reserve(const v1::DecideRequest& request,
                                           instant now, outbox& out) {
  if (auto checked = validate_id(request.request_id(), "request_id"); !checked)
    return checked.failure();
  if (request.reserve_milliseconds() > options_.max_hold_milliseconds)
    return error{error_code::invalid_argument,
                 fmt::format("reserve_milliseconds {} is above {}",
                             request.reserve_milliseconds(),
                             options_.max_hold_milliseconds)};
  v1::DecideReply reply;
  if (auto known = by_request_.find(request.request_id());
      known != by_request_.end()) {
    for (const auto& id : known->second) {
      auto* decision = reply.add_decisions();
      decision->set_reservation(id);
      if (id.empty())
        decision->set_text("it has been released or its node was lost");
      else
        describe(*decision, allocations_.at(id));
    }
    return reply;
  }
  outbox attempt;
  std::vector<std::string> made;
  const auto expires = now.unix_milliseconds + request.reserve_milliseconds();
  for (const auto& task : request.tasks()) {
    mesh::v1::Award award;
    award.set_task(fmt::format("{}.{}.{}", options_.server, options_.epoch,
                               next_reservation_++));
    award.set_attempt(1);
    *award.mutable_profile() = task;
    mesh::v1::AllocationRecord record;
    record.set_reserved(true);
    record.set_expires_unix_milliseconds(expires);
    record.set_request_id(request.request_id());
    record.set_request_index(static_cast<std::uint32_t>(made.size()));
    auto placed = place(award, std::move(record), now, attempt);
    auto* decision = reply.add_decisions();
    if (placed) {
      made.push_back(award.task());
      describe(*decision, **placed);
      decision->set_reservation(award.task());
      continue;
    }
    // Why, in words; the others of the request are taken back.
    auto why = offer(task, 1, true, false, nullptr, out);
    why.set_placed(false);
    for (const auto& id : made)
      undo(id);
    reply.clear_decisions();
    for (int i = 0; i < request.tasks_size(); ++i)
      *reply.add_decisions() = why;
    return reply;
  }
  if (made.empty())
    return error{error_code::invalid_argument, "tasks is empty"};
  for (const auto& id : made)
    expiring_.emplace(expires, id);
  by_request_[request.request_id()] = std::move(made);
  out.absorb(std::move(attempt));
  return reply;
}

result<std::uint32_t>
allocator::reservations(const mesh::v1::ReservationCommand& what, outbox& out) {
  using mesh::v1::ReservationCommand;
  for (const auto& id : what.reservations()) {
    auto found = allocations_.find(id);
    const bool known
        = found != allocations_.end() && found->second.record.reserved();
    // Releasing twice is no fault, confirming what has run out is.
    if (!known && what.kind() == ReservationCommand::CONFIRM)
      return error{error_code::not_found,
                   fmt::format("reservation {} has run out or never was; ask "
                               "for another",
                               id)};
  }
  std::uint32_t changed = 0;
  for (const auto& id : what.reservations()) {
    auto found = allocations_.find(id);
    if (found == allocations_.end() || !found->second.record.reserved())
      continue;
    auto& record = found->second.record;
    if (what.kind() == ReservationCommand::RELEASE) {
      drop(id, out);
    } else {
      expiring_.erase({record.expires_unix_milliseconds(), id});
      record.set_expires_unix_milliseconds(0);
      write(found->second, out);
    }
    ++changed;
  }
  return changed;
}

void allocator::expire_reservations(instant now, outbox& out) {
  while (!expiring_.empty()
         && expiring_.begin()->first <= now.unix_milliseconds) {
    const auto task = expiring_.begin()->second;
    expiring_.erase(expiring_.begin());
    drop(task, out);
  }
}

} // namespace skerry
