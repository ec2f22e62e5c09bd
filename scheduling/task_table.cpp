#include "scheduling/task_table.hpp"

#include "scheduling/assert.hpp"

#include <functional>

namespace skerry {
namespace {

constexpr std::size_t smallest_index = 64;

} // namespace

std::uint32_t task_table::hash_of(std::string_view id) {
  const auto wide = std::hash<std::string_view>{}(id);
  return static_cast<std::uint32_t>(wide ^ (wide >> 32));
}

std::uint32_t task_table::insert(std::string_view id) {
  if ((size_ + 1) * 4 > index_.size() * 3)
    grow_index();
  auto slot = first_free_;
  if (slot != no_slot) {
    first_free_ = (*this)[slot].next;
    ids_[slot].assign(id);
  } else {
    slot = slots_++;
    SKERRY_ASSERT(slot != no_slot);
    if (slot / chunk_size == chunks_.size())
      chunks_.emplace_back(chunk_size);
    ids_.emplace_back(id);
  }
  auto& record = (*this)[slot];
  record = {.generation = record.generation, .hash = hash_of(id)};
  record.attempt = 1;
  record.state = task_state::pending;
  enter(slot);
  ++size_;
  return slot;
}

void task_table::enter(std::uint32_t slot) {
  auto at = (*this)[slot].hash & mask();
  while (index_[at] != no_slot)
    at = (at + 1) & mask();
  index_[at] = slot;
}

/// Closes the gap instead of leaving a tombstone: a table through which tasks
/// flow for months must not slow down.
void task_table::erase(std::uint32_t slot) {
  auto& record = (*this)[slot];
  auto gap = record.hash & mask();
  while (index_[gap] != slot)
    gap = (gap + 1) & mask();
  for (auto at = (gap + 1) & mask(); index_[at] != no_slot;
       at = (at + 1) & mask()) {
    const auto home = (*this)[index_[at]].hash & mask();
    // An entry may move back to the gap unless its home lies behind the gap.
    if (((at - home) & mask()) >= ((at - gap) & mask())) {
      index_[gap] = index_[at];
      gap = at;
    }
  }
  index_[gap] = no_slot;
  ++record.generation;
  record.state = task_state::gone;
  record.next = first_free_;
  first_free_ = slot;
  --size_;
}

std::uint32_t task_table::find(std::string_view id) const {
  if (size_ == 0)
    return no_slot;
  const auto hash = hash_of(id);
  for (auto at = hash & mask(); index_[at] != no_slot; at = (at + 1) & mask()) {
    const auto slot = index_[at];
    if ((*this)[slot].hash == hash && ids_[slot] == id)
      return slot;
  }
  return no_slot;
}

std::optional<std::string_view> task_table::id(task_ref ref) const {
  if (ref.slot >= slots_)
    return std::nullopt;
  const auto& record = (*this)[ref.slot];
  const auto left = record.state == task_state::gone ? 1U : 0U;
  if (record.generation != ref.generation + left)
    return std::nullopt;
  return ids_[ref.slot];
}

void task_table::grow_index() {
  const auto size = index_.empty() ? smallest_index : index_.size() * 2;
  index_.assign(size, no_slot);
  for (std::uint32_t slot = 0; slot < slots_; ++slot)
    if ((*this)[slot].state != task_state::gone)
      enter(slot);
}

std::size_t task_table::hot_bytes() const {
  return chunks_.size() * chunk_size * sizeof(task_record)
         + chunks_.capacity() * sizeof(std::vector<task_record>)
         + index_.capacity() * sizeof(index_.front());
}

std::size_t task_table::cold_bytes() const {
  auto bytes = ids_.size() * sizeof(std::string);
  const auto in_place = std::string{}.capacity();
  for (const auto& id : ids_)
    if (id.capacity() > in_place)
      bytes += id.capacity() + 1;
  return bytes;
}

} // namespace skerry
