#include "scheduling/fair_share.hpp"

#include <algorithm>
#include <cmath>

namespace skerry {

namespace {

/// The dominant part of some amounts: `of` gives them by kind.
template <class Of>
double dominant(const tenant_amounts& capacity, const Of& of) {
  double most = 0;
  for (std::size_t kind = 0; kind < tenant_amounts::kinds; ++kind)
    if (capacity.of[kind] > 0)
      most = std::max(most, of(kind) / static_cast<double>(capacity.of[kind]));
  return most;
}

} // namespace

bool tenant_amounts::fits_in(const tenant_amounts& room) const {
  for (std::size_t kind = 0; kind < kinds; ++kind)
    if (of[kind] > room.of[kind])
      return false;
  return true;
}

tenant_amounts& tenant_amounts::operator+=(const tenant_amounts& other) {
  for (std::size_t kind = 0; kind < kinds; ++kind)
    of[kind] += other.of[kind];
  return *this;
}

tenant_amounts& tenant_amounts::operator-=(const tenant_amounts& other) {
  for (std::size_t kind = 0; kind < kinds; ++kind)
    of[kind] -= other.of[kind];
  return *this;
}

void fair_share::configure(const std::string& name, double weight,
                           const tenant_amounts& quota) {
  auto& one = of(name);
  one.weight = weight;
  one.quota = quota;
  one.configured_ = true;
}

fair_share::tenant& fair_share::of(const std::string& name) {
  auto [found, fresh] = tenants_.try_emplace(name);
  if (fresh) {
    found->second.name = name;
    found->second.mean_at_ = now_;
  }
  return found->second;
}

void fair_share::advance(std::int64_t milliseconds) {
  now_ = std::max(now_, milliseconds);
}

double fair_share::decayed(const tenant& whose, std::size_t kind) const {
  const auto held = static_cast<double>(whose.held_.of[kind]);
  const auto age = static_cast<double>(now_ - whose.mean_at_)
                   / static_cast<double>(how_.half_life_milliseconds);
  return held + (whose.mean_[kind] - held) * std::exp2(-age);
}

void fair_share::take(tenant& whose, const tenant_amounts& amounts) {
  if (whose.mean_at_ != now_) {
    for (std::size_t kind = 0; kind < tenant_amounts::kinds; ++kind)
      whose.mean_[kind] = decayed(whose, kind);
    whose.mean_at_ = now_;
  }
  whose.held_ += amounts;
}

void fair_share::give_back(tenant& whose, const tenant_amounts& amounts) {
  take(whose, {}); // Up to now it counts.
  whose.held_ -= amounts;
}

bool fair_share::has_room(const tenant& whose, const tenant_amounts& more) {
  for (std::size_t kind = 0; kind < tenant_amounts::kinds; ++kind)
    if (whose.quota.of[kind] > 0 && more.of[kind] > 0
        && more.of[kind] > whose.quota.of[kind] - whose.held_.of[kind])
      return false;
  return true;
}

bool fair_share::fits_quota(const tenant& whose, const tenant_amounts& all) {
  for (std::size_t kind = 0; kind < tenant_amounts::kinds; ++kind)
    if (whose.quota.of[kind] > 0 && all.of[kind] > whose.quota.of[kind])
      return false;
  return true;
}

double fair_share::charge(const tenant& whose) const {
  return dominant(capacity_,
                  [&](std::size_t kind) {
                    return decayed(whose, kind)
                           + static_cast<double>(whose.held_.of[kind]);
                  })
         / whose.weight;
}

double fair_share::held_share(const tenant& whose) const {
  return dominant(capacity_, [&](std::size_t kind) {
    return static_cast<double>(whose.held_.of[kind]);
  });
}

double fair_share::recent_share(const tenant& whose) const {
  return dominant(capacity_,
                  [&](std::size_t kind) { return decayed(whose, kind); });
}

} // namespace skerry
