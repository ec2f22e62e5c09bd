#pragma once

#include "scheduling/assert.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

namespace skerry {

/// What is to happen when, in a simulation. Events of the same time come in the
/// order in which they were put in, so that equal runs are equal to the byte.
///
/// Time is an integer in the unit of the caller (seconds for swf, milliseconds
/// elsewhere) and never runs backwards.
///
/// @cost `push` and `pop` O(log n) for n events waiting.
template <class Event>
class event_queue {
public:
  struct entry {
    std::int64_t time = 0;
    std::uint64_t sequence = 0; ///< Position among all events ever put in.
    Event what;
  };

  /// @pre `time` is not before that of the last event taken out.
  void push(std::int64_t time, Event what) {
    SKERRY_ASSERT(time >= now_);
    heap_.push_back({time, next_sequence_++, std::move(what)});
    std::push_heap(heap_.begin(), heap_.end(), later);
  }

  /// The next event.
  /// @pre Not empty.
  const entry& top() const {
    SKERRY_ASSERT(!heap_.empty());
    return heap_.front();
  }

  /// Takes the next event out.
  /// @pre Not empty.
  entry pop() {
    SKERRY_ASSERT(!heap_.empty());
    std::pop_heap(heap_.begin(), heap_.end(), later);
    auto next = std::move(heap_.back());
    heap_.pop_back();
    now_ = next.time;
    return next;
  }

  bool empty() const { return heap_.empty(); }
  std::size_t size() const { return heap_.size(); }

private:
  static bool later(const entry& a, const entry& b) {
    return a.time != b.time ? a.time > b.time : a.sequence > b.sequence;
  }

  std::vector<entry> heap_; ///< The earliest is at the front.
  std::int64_t now_ = std::numeric_limits<std::int64_t>::min();
  std::uint64_t next_sequence_ = 0;
};

} // namespace skerry
