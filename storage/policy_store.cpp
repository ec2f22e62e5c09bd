#include "storage/policy_store.hpp"

#include "messages/policy_file.hpp"

#include <fmt/format.h>

#include <charconv>

namespace skerry {
namespace {

constexpr std::string_view policy_prefix = "policy/";
constexpr std::string_view state_key = "league/state";
constexpr std::string_view event_prefix = "league/event/";

/// In order of keys, events are in order of time.
std::string event_key(std::uint64_t number) {
  return fmt::format("{}{:020}", event_prefix, number);
}

template <class Record>
bool parse(std::string_view value, Record& into) {
  return into.ParseFromArray(value.data(), static_cast<int>(value.size()));
}

} // namespace

bool policy_store::recover(std::string_view key, std::string_view value) {
  const auto damaged = [&](std::string reason) {
    damaged_.push_back({std::string{key}, std::move(reason)});
    return true;
  };
  if (key.starts_with(policy_prefix)) {
    recover_policy(key, value);
    return true;
  }
  if (key == state_key) {
    if (parse(value, state_))
      return true;
    state_.Clear();
    return damaged("cannot be read");
  }
  if (!key.starts_with(event_prefix))
    return false;
  const auto digits = key.substr(event_prefix.size());
  std::uint64_t number = 0;
  mesh::v1::LeagueEventRecord record;
  if (std::from_chars(digits.data(), digits.data() + digits.size(), number).ptr
          != digits.data() + digits.size()
      || !parse(value, record))
    return damaged("cannot be read");
  next_event_ = number + 1; // They come in order.
  events_.push_back(std::move(*record.mutable_event()));
  return true;
}

void policy_store::recover_policy(std::string_view key,
                                  std::string_view value) {
  mesh::v1::PolicyRecord record;
  std::string reason;
  if (!parse(value, record))
    reason = "cannot be read";
  else if (key.substr(policy_prefix.size()) != record.policy().name())
    reason = fmt::format("holds the policy {}", record.policy().name());
  else if (const auto weights = weights_from(record.policy()); !weights)
    reason = weights.failure().message;
  if (reason.empty())
    policies_.push_back(std::move(record));
  else
    damaged_.push_back({std::string{key}, std::move(reason)});
}

store_write policy_store::keep(const mesh::v1::PolicyRecord& policy) {
  return {std::string{policy_prefix} + policy.policy().name(),
          policy.SerializeAsString()};
}

store_write policy_store::forget(std::string_view name) {
  return {std::string{policy_prefix} + std::string{name}, std::nullopt};
}

store_write policy_store::keep(const mesh::v1::LeagueRecord& state) {
  return {std::string{state_key}, state.SerializeAsString()};
}

void policy_store::append(v1::PolicyEvent what,
                          std::vector<store_write>& into) {
  mesh::v1::LeagueEventRecord record;
  *record.mutable_event() = what;
  into.push_back({event_key(next_event_), record.SerializeAsString()});
  events_.push_back(std::move(what));
  for (; events_.size() > options_.max_events; events_.pop_front())
    into.push_back({event_key(next_event_ + 1 - events_.size()), std::nullopt});
  ++next_event_;
}

std::vector<v1::PolicyEvent> policy_store::last(std::size_t limit) const {
  std::vector<v1::PolicyEvent> out;
  for (auto at = events_.rbegin(); at != events_.rend() && out.size() < limit;
       ++at)
    out.push_back(*at);
  return out;
}

} // namespace skerry
