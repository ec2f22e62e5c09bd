#include "scheduling/profile_table.hpp"

#include "scheduling/canonical.hpp"

#include <fmt/format.h>

#include <limits>

namespace skerry {
namespace {

/// Jobs of the same kind come again after a pause. An idle profile costs less
/// than 1 kB.
constexpr std::size_t max_idle_profiles = 1024;

/// What a task record counts failures in.
constexpr std::uint32_t most_attempts
    = std::numeric_limits<std::uint16_t>::max();

std::string canonical_text(const std::optional<resources>& amounts) {
  if (!amounts)
    return "-";
  std::string out;
  for (std::size_t kind = 0; kind < amounts->kinds_used(); ++kind)
    out += fmt::format("{},", (*amounts)[kind]);
  return out;
}

/// @pre `profile` is valid: ids hold no character that separates here.
std::string canonical_text(const task_profile& profile) {
  const auto expected
      = profile.expected_duration.value_or(duration_estimate{-1, -1, -1});
  return fmt::format("{} {} {} {} {} {} {} {}|{}",
                     canonical_text(profile.minimum),
                     canonical_text(profile.maximum), profile.priority,
                     profile.tenant, expected.p10_milliseconds,
                     expected.p50_milliseconds, expected.p90_milliseconds,
                     profile.max_attempts, canonical_text(profile.shape));
}

} // namespace

result<profile_id> profile_table::intern(cluster& nodes,
                                         const task_profile& profile) {
  if (auto ok = validate(profile); !ok)
    return ok.failure();
  if (profile.max_attempts > most_attempts)
    return {error_code::limit_exceeded,
            fmt::format("task: max_attempts is {}, at most {} are allowed",
                        profile.max_attempts, most_attempts)};
  auto text = canonical_text(profile);
  if (const auto known = by_text_.find(text); known != by_text_.end()) {
    auto& again = profiles_[index_of(known->second)];
    if (again.users++ == 0)
      idle_.remove(again.idle_stamp);
    return known->second;
  }
  const auto shape = nodes.intern(profile.shape);
  if (!shape)
    return shape.failure();
  auto slot = profiles_.size();
  if (unused_.empty()) {
    profiles_.emplace_back();
  } else {
    slot = unused_.back();
    unused_.pop_back();
  }
  const auto id = static_cast<profile_id>(slot);
  profiles_[slot] = {.shape = *shape,
                     .users = 1,
                     .max_attempts = profile.max_attempts,
                     .serial = next_serial_++,
                     .source = profile};
  by_text_.emplace(std::move(text), id);
  return id;
}

void profile_table::release(cluster& nodes, profile_id id) {
  auto& profile = profiles_[index_of(id)];
  SKERRY_ASSERT(profile.users > 0);
  if (--profile.users > 0)
    return;
  profile.idle_stamp = idle_.add(id);
  const auto oldest = idle_.take_beyond(max_idle_profiles);
  if (!oldest)
    return;
  auto& dropped = profiles_[index_of(*oldest)];
  by_text_.erase(canonical_text(dropped.source));
  nodes.release(dropped.shape);
  dropped = {};
  unused_.push_back(static_cast<std::uint32_t>(index_of(*oldest)));
}

} // namespace skerry
