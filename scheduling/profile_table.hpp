#pragma once

#include "scheduling/cluster.hpp"
#include "scheduling/idle_list.hpp"
#include "scheduling/task.hpp"

#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace skerry {

/// An interned profile: what tasks of the same kind have in common.
struct compiled_profile {
  shape_id shape{};
  std::uint32_t users = 0; ///< References held; 0 is idle or a free slot.
  std::uint32_t max_attempts = 1;
  std::uint64_t serial = 0; ///< Never reused, unlike the id; 0 is a free slot.
  std::uint64_t idle_stamp = 0; ///< With no users.
  task_profile source;
};

/// Interns profiles as the `cluster` does shapes, and with the same rule: every
/// `intern` takes a reference, and some idle ones are kept.
class profile_table {
public:
  /// @returns `invalid_argument` for a bad profile, `limit_exceeded` when it
  ///          names more than the cluster can number, or more attempts than a
  ///          task record counts.
  result<profile_id> intern(cluster& nodes, const task_profile& profile);
  /// @pre A reference to `id` is held.
  void retain(profile_id id) { ++profiles_[index_of(id)].users; }
  void release(cluster& nodes, profile_id id);

  /// Whether somebody holds a reference to `id`.
  bool in_use(profile_id id) const {
    return index_of(id) < profiles_.size() && profiles_[index_of(id)].users > 0;
  }
  const compiled_profile& operator[](profile_id id) const {
    return profiles_[index_of(id)];
  }

  /// By id; those with serial 0 are free slots.
  std::span<const compiled_profile> all() const { return profiles_; }

private:
  std::vector<compiled_profile> profiles_;
  std::vector<std::uint32_t> unused_;
  idle_list<profile_id> idle_;
  std::unordered_map<std::string, profile_id> by_text_;
  std::uint64_t next_serial_ = 1;
};

} // namespace skerry
