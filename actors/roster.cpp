#include "actors/roster.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>

namespace skerry {

namespace {

constexpr std::uint32_t mesh_schema = 1;
/// A dial that is not answered by then may be tried again.
constexpr std::int64_t dial_milliseconds = 3'000;

} // namespace

bool host_and_port::is_loopback() const {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

result<host_and_port> split_address(const std::string& address) {
  const auto colon = address.rfind(':');
  host_and_port out;
  unsigned port = 0;
  const auto fault = [&] {
    return error{error_code::invalid_argument,
                 fmt::format("address {:?} is not HOST:PORT", address)};
  };
  if (colon == std::string::npos || colon == 0)
    return fault();
  const auto* end = address.data() + address.size();
  auto [at, failed] = std::from_chars(address.data() + colon + 1, end, port);
  if (failed != std::errc{} || at != end || port > 65535)
    return fault();
  out.host = address.substr(0, colon);
  if (out.host.starts_with('[') && out.host.ends_with(']'))
    out.host = out.host.substr(1, out.host.size() - 2);
  out.port = static_cast<std::uint16_t>(port);
  return out;
}

roster::roster(roster_options options, const std::vector<std::string>& seeds)
    : options_{std::move(options)} {
  for (const auto& seed : seeds)
    if (seed != options_.own_address)
      addresses_.try_emplace(seed);
}

roster_verdict roster::heard(const mesh::v1::ServerHello& hello,
                             const std::string& dialed, std::int64_t now) {
  if (hello.name() == options_.name) {
    // Ourselves by another address, or another server of our name.
    if (auto at = addresses_.find(dialed); at != addresses_.end())
      at->second.ours = true;
    return roster_verdict::refused;
  }
  if (hello.schema() != mesh_schema)
    return roster_verdict::refused;
  if (auto gone = forgotten_.find(hello.name()); gone != forgotten_.end()) {
    if (hello.epoch() <= gone->second)
      return roster_verdict::refused;
    forgotten_.erase(gone);
  }
  auto [entry, is_new] = servers_.try_emplace(hello.name());
  auto& [seen, heard_at] = entry->second;
  if (!is_new && hello.epoch() < seen.epoch)
    return roster_verdict::refused; // It has been started again since.
  const bool changed = is_new || seen.incarnation != hello.incarnation();
  seen.name = hello.name();
  seen.incarnation = hello.incarnation();
  seen.epoch = hello.epoch();
  seen.mesh_address = hello.mesh_address();
  seen.status = hello.status();
  heard_at = now;
  if (hello.mesh_address() != options_.own_address)
    addresses_.try_emplace(hello.mesh_address());
  for (const auto& address : hello.known_addresses())
    if (address != options_.own_address)
      addresses_.try_emplace(address);
  return changed ? roster_verdict::changed : roster_verdict::known;
}

bool roster::connected(const std::string& name, std::int64_t now) {
  auto& server = servers_.at(name);
  server.heard_at = now;
  addresses_[server.seen.mesh_address] = {};
  return !std::exchange(server.seen.reachable, true);
}

void roster::disconnected(const std::string& name, std::int64_t now) {
  auto found = servers_.find(name);
  if (found == servers_.end())
    return;
  found->second.seen.reachable = false;
  addresses_[found->second.seen.mesh_address]
      = {.next_at = now + options_.first_retry_milliseconds};
}

void roster::dial_failed(const std::string& address, std::int64_t now) {
  auto found = addresses_.find(address);
  if (found == addresses_.end())
    return;
  auto& dial = found->second;
  dial.pause = std::clamp(dial.pause * 2, options_.first_retry_milliseconds,
                          options_.last_retry_milliseconds);
  dial.next_at = now + dial.pause;
}

bool roster::forget(const std::string& name, std::uint64_t epoch) {
  if (name == options_.name)
    return epoch >= options_.epoch;
  auto found = servers_.find(name);
  if (found != servers_.end() && found->second.seen.epoch > epoch)
    return false;
  auto [entry, is_new] = forgotten_.try_emplace(name, epoch);
  const bool is_later = entry->second < epoch;
  entry->second = std::max(entry->second, epoch);
  if (found != servers_.end()) {
    addresses_.erase(found->second.seen.mesh_address);
    servers_.erase(found);
  }
  return is_new || is_later;
}

std::map<std::string, std::uint64_t>
roster::learn_forgotten(const mesh::v1::ServerHello& hello) {
  std::map<std::string, std::uint64_t> news;
  for (const auto& one : hello.forgotten())
    if ((forgotten_.size() < options_.max_forgotten
         || forgotten_.contains(one.name()))
        && forget(one.name(), one.epoch()))
      news[one.name()] = one.epoch();
  return news;
}

bool roster::is_reached(const std::string& address) const {
  return std::ranges::any_of(servers_, [&](const auto& entry) {
    return entry.second.seen.reachable
           && entry.second.seen.mesh_address == address;
  });
}

std::vector<std::string> roster::to_dial(std::int64_t now) {
  std::vector<std::string> out;
  for (auto& [address, dial] : addresses_) {
    if (!dial.yielded && options_.own_address > address)
      dial.next_at = std::max(dial.next_at, now + options_.yield_milliseconds);
    dial.yielded = true;
    if (dial.ours || now < dial.next_at || is_reached(address))
      continue;
    dial.next_at = now + dial_milliseconds;
    out.push_back(address);
  }
  return out;
}

std::vector<std::string> roster::silent(std::int64_t now) const {
  std::vector<std::string> out;
  for (const auto& [name, server] : servers_)
    if (server.seen.reachable
        && now - server.heard_at > options_.timeout_milliseconds)
      out.push_back(name);
  return out;
}

std::vector<peer> roster::peers(std::int64_t now) const {
  std::vector<peer> out;
  for (const auto& [name, server] : servers_) {
    out.push_back(server.seen);
    out.back().silent_milliseconds = now - server.heard_at;
  }
  return out;
}

std::string roster::address_of(const std::string& name) const {
  auto found = servers_.find(name);
  return found == servers_.end() ? std::string{}
                                 : found->second.seen.mesh_address;
}

} // namespace skerry
