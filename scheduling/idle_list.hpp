#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>

namespace skerry {

/// Interned things that nobody holds a reference to, by how long ago the last
/// one was given back: what comes again soon is worth keeping.
template <class Id>
class idle_list {
public:
  /// @returns The stamp under which `remove` finds it.
  std::uint64_t add(Id id) {
    by_age_.emplace_hint(by_age_.end(), ++last_stamp_, id);
    return last_stamp_;
  }

  void remove(std::uint64_t stamp) { by_age_.erase(stamp); }

  /// Takes out the oldest when there are more than `limit`.
  std::optional<Id> take_beyond(std::size_t limit) {
    if (by_age_.size() <= limit)
      return std::nullopt;
    const auto oldest = by_age_.begin()->second;
    by_age_.erase(by_age_.begin());
    return oldest;
  }

private:
  std::map<std::uint64_t, Id> by_age_;
  std::uint64_t last_stamp_ = 0;
};

} // namespace skerry
