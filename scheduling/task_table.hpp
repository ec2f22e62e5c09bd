#pragma once

#include "scheduling/task.hpp"

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace skerry {

/// A live task, as every command reads and writes it.
struct task_record {
  device_mask devices = 0;
  std::uint32_t generation = 0;
  profile_id profile{};
  shape_id shape{};
  node_index node = no_node;
  /// Neighbours in the list of the node's tasks; `next` links free slots too.
  std::uint32_t next = 0;
  std::uint32_t previous = 0;
  std::uint32_t attempt = 0;
  gang_id gang = no_gang;
  std::uint32_t hash = 0; ///< Of the id: spares the index most looks at ids.
  std::uint16_t failures = 0;
  task_state state = task_state::gone;
  bool in_plan = false; ///< Only inside of a commit.
};

// With at most 10.7 bytes of index, 64 bytes for each of a million tasks hold.
static_assert(sizeof(task_record) <= 48);

/// The live tasks, by slot and by id.
///
/// Records lie in chunks that never move: growing neither copies a million
/// tasks nor leaves half of a doubled array unused. Ids lie apart from them,
/// since only `find` and reports read them.
class task_table {
public:
  static constexpr auto no_slot = std::numeric_limits<std::uint32_t>::max();

  /// Adds a task in state pending.
  /// @pre `find(id)` finds nothing.
  /// @cost O(1) amortised; allocates only when there are more tasks than ever
  ///       before, or for an id longer than its slot has held.
  std::uint32_t insert(std::string_view id);

  /// Frees the slot; `id(ref)` still answers until it is used again.
  void erase(std::uint32_t slot);

  /// @returns The slot, or `no_slot`.
  std::uint32_t find(std::string_view id) const;
  /// @returns The slot, or `no_slot` when the task is gone.
  std::uint32_t find(task_ref ref) const {
    if (ref.slot >= slots_)
      return no_slot;
    const auto& record = (*this)[ref.slot];
    return record.generation == ref.generation
                   && record.state != task_state::gone
               ? ref.slot
               : no_slot;
  }

  task_ref ref(std::uint32_t slot) const {
    return {slot, (*this)[slot].generation};
  }
  task_record& operator[](std::uint32_t slot) {
    return chunks_[slot / chunk_size][slot % chunk_size];
  }
  const task_record& operator[](std::uint32_t slot) const {
    return chunks_[slot / chunk_size][slot % chunk_size];
  }

  /// Id of a live task, or of one that left and whose slot is still free.
  std::optional<std::string_view> id(task_ref ref) const;
  std::string_view id(std::uint32_t slot) const { return ids_[slot]; }

  std::size_t size() const { return size_; }     ///< Live tasks.
  std::uint32_t slots() const { return slots_; } ///< Slots ever used.

  std::size_t hot_bytes() const;  ///< Records and index.
  std::size_t cold_bytes() const; ///< Ids. @cost O(slots).

private:
  static constexpr std::uint32_t chunk_size = 4096;

  static std::uint32_t hash_of(std::string_view id);
  std::size_t mask() const { return index_.size() - 1; }
  void grow_index();
  void enter(std::uint32_t slot);

  std::vector<std::vector<task_record>> chunks_;
  std::deque<std::string> ids_;
  /// Slots by hash, linear probing, at most three quarters full.
  std::vector<std::uint32_t> index_;
  std::uint32_t slots_ = 0;
  std::uint32_t first_free_ = no_slot;
  std::size_t size_ = 0;
};

} // namespace skerry
