#pragma once

#include "scheduling/fwd.hpp"

#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

namespace skerry {

/// Handle of a live task. The generation tells it from a later task in the same
/// slot, so that a handle kept too long is refused and not misread.
struct task_ref {
  std::uint32_t slot = std::numeric_limits<std::uint32_t>::max();
  std::uint32_t generation = 0;

  friend bool operator==(const task_ref&, const task_ref&) = default;
};

/// Handle of an interned `task_profile`.
enum class profile_id : std::uint32_t {};

constexpr std::size_t index_of(profile_id profile) {
  return static_cast<std::size_t>(profile);
}

/// Handle of the tasks of one `submit_tasks` that start all or none.
enum class gang_id : std::uint32_t {};

constexpr std::size_t index_of(gang_id gang) {
  return static_cast<std::size_t>(gang);
}

inline constexpr auto no_node
    = node_index{std::numeric_limits<std::uint32_t>::max()};
inline constexpr auto no_gang
    = gang_id{std::numeric_limits<std::uint32_t>::max()};

enum class task_state : std::uint8_t {
  gone = 0,    ///< A free slot.
  pending = 1, ///< Waits for a node.
  placed = 2,  ///< Holds its amounts; the start is not reported yet.
  running = 3, ///< Reported as started.
};

inline constexpr std::size_t task_states = 4;

/// What the ledger says about a task, valid until its next change.
struct task_view {
  std::string_view id;
  task_state state = task_state::gone;
  /// 1 for the first; every return to pending and every move begins another.
  std::uint32_t attempt = 0;
  std::uint32_t failures = 0; ///< Attempts that failed or were lost.
  profile_id profile{};
  shape_id shape{};          ///< That of the profile until it is resized.
  node_index node = no_node; ///< `no_node` while pending.
  device_mask devices = 0;
  gang_id gang = no_gang;
};

/// Who reports on a task: guards against messages from the past.
struct report_stamp {
  std::uint32_t attempt = 0;
  std::optional<std::uint64_t> session
      = {}; ///< Of the node; unchecked if none.
};

} // namespace skerry
