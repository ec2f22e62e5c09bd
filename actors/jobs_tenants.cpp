// Whose tasks they are: quotas, which a task is charged to before it is
// offered to any cell, and shares, which say whose turn it is.
#include "actors/jobs.hpp"
#include "messages/convert.hpp"
#include "messages/job_stages.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <set>

namespace skerry {

namespace {

/// What quotas count: the most that a task may ever hold, as it may be resized
/// without a word to JOBS.
tenant_amounts most_of(const v1::TaskProfile& profile) {
  const auto& asked = profile.demand();
  const auto& most = profile.maximum();
  tenant_amounts out;
  out.of = {std::max(asked.cpu_millicores(), most.cpu_millicores()),
            std::max(asked.memory_bytes(), most.memory_bytes()), 0};
  for (const auto& device : profile.devices())
    if (device.kind() == "gpu")
      out.of[2] += device.share_milli() != 0
                       ? device.share_milli()
                       : std::int64_t{1000} * std::max(1, device.count());
  return out;
}

} // namespace

std::string jobs::tenant_of(const v1::TaskGroup& group) {
  const auto& name = group.profile().tenant();
  return name.empty() ? "default" : name;
}

/// What could never start under its tenant's quota.
result<> jobs::check_tenants(const v1::Job& wire) const {
  std::set<std::string> fresh;
  tenant_amounts all;
  for (const auto& group : wire.groups()) {
    const auto name = tenant_of(group);
    if (wire.gang() && name != tenant_of(wire.groups(0)))
      return {error_code::invalid_argument,
              fmt::format("a gang starts as one, so its tasks have one tenant, "
                          "not {} and {}",
                          tenant_of(wire.groups(0)), name)};
    const auto known = share_.tenants().find(name);
    if (known == share_.tenants().end()) {
      fresh.insert(name);
      continue;
    }
    auto most = most_of(group.profile());
    if (wire.gang()) {
      for (std::uint32_t i = 0; i < count_of(group); ++i)
        all += most;
      most = all;
    }
    if (!fair_share::fits_quota(known->second, most))
      return {error_code::infeasible,
              fmt::format("group {}: {} more than the quota of tenant {}, so "
                          "it could never start",
                          name_of(group),
                          wire.gang() ? "the gang asks for" : "a task may hold",
                          name)};
  }
  if (share_.tenants().size() + fresh.size() > options_.max_tenants)
    return {error_code::limit_exceeded,
            fmt::format("tasks of {} tenants are here already; submit under "
                        "one of them",
                        share_.tenants().size())};
  return done{};
}

void jobs::count_users(job& owner) {
  for (const auto& group : owner.record.job().groups()) {
    auto& tenant = share_.of(tenant_of(group));
    ++tenant.users;
    tenant.queued += count_of(group);
    owner.charged.push_back({&tenant, most_of(group.profile())});
  }
}

void jobs::note_time(instant now) {
  now_ = std::max(now_, now.steady_milliseconds);
  share_.advance(now_);
}

void jobs::count_capacity() {
  tenant_amounts all;
  for (const auto& [name, cell] : cells_)
    all += cell.capacity;
  share_.set_capacity(all);
}

bool jobs::has_room(task_of t) {
  const auto& [tenant, most] = t.owner->charged[t->group];
  return fair_share::has_room(*tenant, most);
}

void jobs::charge(task_of t, bool is_charged) {
  if (t->is_charged == is_charged)
    return;
  t->is_charged = is_charged;
  const auto& [tenant, most] = t.owner->charged[t->group];
  if (is_charged) {
    share_.take(*tenant, most);
    return;
  }
  share_.give_back(*tenant, most);
  unpark(*tenant);
}

/// Its quota may have room now: for the first in order, as its own tasks are
/// not to overtake each other for ever.
void jobs::unpark(const fair_share::tenant& tenant) {
  const auto line = parked_.find(&tenant);
  if (line == parked_.end())
    return;
  for (std::size_t i = 0; i < options_.retries && !line->second.empty(); ++i) {
    auto* queue = line->second.begin()->second;
    queue->since = now_; // So far it was held up by nobody else.
    list(*queue, place::ready);
  }
  if (line->second.empty())
    parked_.erase(line);
}

void jobs::forget_tenants() {
  std::set<const fair_share::tenant*> kept;
  for (const auto& [profile, queue] : classes_)
    kept.insert(queue->tenant);
  share_.forget([&](const fair_share::tenant& one) {
    return one.users > 0 || kept.contains(&one);
  });
}

/// The weights of those who want something, together.
double jobs::weights_in_use() const {
  double weights = 0;
  for (const auto& [name, tenant] : share_.tenants())
    weights += tenant.queued + tenant.live > 0 ? tenant.weight : 0;
  return weights;
}

v1::TenantStatus jobs::status_of(const fair_share::tenant& tenant,
                                 double weights) const {
  v1::TenantStatus status;
  status.set_server(options_.server);
  status.set_name(tenant.name);
  status.set_weight(tenant.weight);
  *status.mutable_quota() = to_proto(tenant.quota);
  *status.mutable_held() = to_proto(tenant.held());
  status.set_recent_share(share_.recent_share(tenant));
  status.set_held_share(share_.held_share(tenant));
  if (tenant.queued + tenant.live > 0)
    status.set_fair_share(tenant.weight / weights);
  status.set_queued(tenant.queued);
  status.set_live(tenant.live);
  return status;
}

v1::TenantsReply jobs::tenants() const {
  const auto weights = weights_in_use();
  v1::TenantsReply reply;
  for (const auto& [name, tenant] : share_.tenants())
    *reply.add_tenants() = status_of(tenant, weights);
  return reply;
}

} // namespace skerry
