#include "agent/account.hpp"

#include "messages/convert.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <set>
#include <utility>

namespace skerry {

namespace {

constexpr std::array builtin{resource_kind::cpu, resource_kind::memory,
                             resource_kind::disk, resource_kind::network};

error short_of(std::string_view what, std::int64_t asks, std::int64_t has) {
  return {error_code::insufficient,
          fmt::format("not enough {} (asks {}, has {})", what, asks, has)};
}

} // namespace

account::account(const node_spec& node)
    : free_{node.capacity}, max_tasks_{node.max_tasks} {
  for (const auto& amount : node.named)
    free_named_[amount.name] = amount.amount_milli;
  for (const auto& device : node.devices) {
    devices_.push_back({.capacity_milli = device.capacity_milli,
                        .free_milli = device.capacity_milli,
                        .free_bytes = device.memory_bytes,
                        .counts_bytes = device.memory_bytes > 0});
    kinds_.push_back(device.kind);
  }
}

result<> account::validate(const resources& amounts) {
  for (const auto kind : builtin)
    if (amounts[kind] < 0 || amounts[kind] > max_amount)
      return {error_code::invalid_argument,
              fmt::format("demand of {} is {}, not from 0 to {}",
                          builtin_resource_name(kind), amounts[kind],
                          max_amount)};
  return done{};
}

result<holding> account::holding_of(const v1::StartOrder& order) const {
  holding out{.amounts = from_proto(order.demand())};
  if (auto ok = validate(out.amounts); !ok)
    return ok.failure();
  for (const auto& amount : order.profile().named()) {
    if (amount.amount_milli() < 0 || amount.amount_milli() > max_amount)
      return {error_code::invalid_argument,
              fmt::format("demand of {} is out of range", amount.name())};
    out.named_milli[amount.name()] += amount.amount_milli();
  }
  std::set<std::uint32_t> seen;
  for (int i = 0; i < order.devices_size(); ++i) {
    const auto index = order.devices(i);
    if (index >= devices_.size() || !seen.insert(index).second)
      return {error_code::invalid_argument,
              fmt::format("there is no device {} here, or it is given twice",
                          index)};
    const auto share = i < order.device_shares_milli_size()
                           ? order.device_shares_milli(i)
                           : 0;
    if (share < 0 || share > devices_[index].capacity_milli)
      return {error_code::invalid_argument,
              fmt::format("share of device {} is out of range", index)};
    holding::device taken{.index = index,
                          .milli = share == 0 ? devices_[index].capacity_milli
                                              : share};
    for (const auto& request : order.profile().devices())
      if (kinds_[index] == (request.kind().empty() ? "gpu" : request.kind()))
        taken.memory_bytes = std::max<std::int64_t>(request.memory_bytes(), 0);
    out.devices.push_back(taken);
  }
  return out;
}

result<> account::check(const holding& wanted) const {
  if (max_tasks_ != 0 && tasks_ >= max_tasks_)
    return short_of("places for tasks", 1, 0);
  for (const auto kind : builtin)
    if (wanted.amounts[kind] > 0 && wanted.amounts[kind] > free_[kind])
      return short_of(builtin_resource_name(kind), wanted.amounts[kind],
                      free_[kind]);
  for (const auto& [name, milli] : wanted.named_milli) {
    const auto found = free_named_.find(name);
    const auto has = found == free_named_.end() ? 0 : found->second;
    if (milli > has)
      return short_of(name, milli, has);
  }
  for (const auto& device : wanted.devices) {
    const auto& room = devices_[device.index];
    if (device.milli > room.free_milli)
      return short_of(fmt::format("of device {}", device.index), device.milli,
                      room.free_milli);
    if (room.counts_bytes && device.memory_bytes > room.free_bytes)
      return short_of(fmt::format("memory of device {}", device.index),
                      device.memory_bytes, room.free_bytes);
  }
  return done{};
}

void account::move(const holding& by, std::int64_t sign) {
  for (const auto kind : builtin)
    free_.set(kind, free_[kind] + sign * by.amounts[kind]);
  for (const auto& [name, milli] : by.named_milli)
    free_named_[name] += sign * milli;
  for (const auto& device : by.devices) {
    auto& room = devices_[device.index];
    room.free_milli += static_cast<std::int32_t>(sign) * device.milli;
    if (room.counts_bytes)
      room.free_bytes += sign * device.memory_bytes;
  }
}

result<> account::take(const holding& wanted) {
  if (auto ok = check(wanted); !ok)
    return ok;
  take_unchecked(wanted);
  return done{};
}

void account::take_unchecked(const holding& wanted) {
  move(wanted, -1);
  ++tasks_;
}

void account::release(const holding& held) {
  SKERRY_ASSERT(tasks_ > 0);
  move(held, 1);
  --tasks_;
}

result<> account::resize(holding& held, const resources& amounts) {
  if (auto ok = validate(amounts); !ok)
    return ok;
  for (const auto kind : builtin) {
    const auto growth = amounts[kind] - held.amounts[kind];
    if (growth > 0 && growth > free_[kind])
      return short_of(builtin_resource_name(kind), growth, free_[kind]);
  }
  for (const auto kind : builtin) {
    free_.set(kind, free_[kind] + held.amounts[kind] - amounts[kind]);
    held.amounts.set(kind, amounts[kind]);
  }
  return done{};
}

} // namespace skerry
