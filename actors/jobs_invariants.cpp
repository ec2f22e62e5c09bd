#include "actors/jobs.hpp"

#include <fmt/core.h>

namespace skerry {

result<> jobs::check_invariants() const {
  decltype(counts_) counts{};
  std::map<const fair_share::tenant*, tenant_amounts> held;
  std::map<const fair_share::tenant*, std::uint64_t> live;
  for (const auto& [id, owner] : jobs_)
    for (std::uint32_t i = 0; i < owner.tasks.size(); ++i) {
      const task_of t{const_cast<job*>(&owner), i}; // Read only, below.
      ++counts[t->state];
      const auto& [tenant, most] = owner.charged[t->group];
      const bool is_live = t->state == v1::PLACED || t->state == v1::RUNNING;
      live[tenant] += is_live ? 1 : 0;
      if (is_live || (t->state == v1::QUEUED && t->open != 0))
        held[tenant] += most;
      const bool waits = owner.classes[t->group]->waiting.contains(t);
      const bool is_open = awards_.contains(t->open) || bids_.contains(t->open);
      const bool is_queued = t->state == v1::QUEUED && t->open == 0;
      if (waits != (is_queued && !is_held(t)))
        return {error_code::conflict,
                fmt::format("{} is queued or waits, not both", id_of(t))};
      if ((is_queued && t->not_before != 0)
          != timers_.contains({t->not_before, owner.record.number(), t.index}))
        return {error_code::conflict,
                fmt::format("{} waits for a time without a timer", id_of(t))};
      const bool after_others
          = owner.parents_left > 0
            || (owner.stages && owner.stages->parents_left[t->group] > 0);
      if (after_others && t->state != v1::QUEUED && t->state != v1::CANCELLED)
        return {error_code::conflict,
                fmt::format("{} is after what has not finished", id_of(t))};
      if (t->open != 0 && !is_open)
        return {error_code::conflict,
                fmt::format("{} waits for an answer to nothing", id_of(t))};
    }
  if (counts != counts_)
    return {error_code::conflict, "tasks by state are counted wrongly"};
  bool sound = true;
  const auto look = [&](place at) {
    return [&sound, at](const line_key& key, const queue_class* queue) {
      sound
          &= !queue->waiting.empty() && queue->listed == key && queue->at == at;
    };
  };
  ready_.for_each(look(place::ready));
  for (const auto& [key, queue] : blocked_)
    look(place::blocked)(key, queue);
  for (const auto& [tenant, line] : parked_)
    for (const auto& [key, queue] : line)
      look(place::parked)(key, queue);
  if (!sound)
    return {error_code::conflict, "a class is listed wrongly"};
  for (const auto& [name, tenant] : share_.tenants())
    if (tenant.held() != held[&tenant] || tenant.live != live[&tenant])
      return {error_code::conflict,
              fmt::format("what tenant {} holds is counted wrongly", name)};
  return done{};
}

} // namespace skerry
