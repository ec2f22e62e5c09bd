#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

namespace skerry::testing {

/// Virtual time: nothing happens but what is due next.
class sim_clock {
public:
  std::int64_t now() const { return now_; }

  void at(std::int64_t time, std::function<void()> what) {
    due_.push_back({std::max(time, now_), next_++, std::move(what)});
    std::ranges::push_heap(due_, later);
  }
  void after(std::int64_t milliseconds, std::function<void()> what) {
    at(now_ + milliseconds, std::move(what));
  }

  /// @returns False when nothing is left to do.
  bool step() {
    if (due_.empty())
      return false;
    std::ranges::pop_heap(due_, later);
    auto next = std::move(due_.back());
    due_.pop_back();
    now_ = next.time;
    next.what();
    return true;
  }

private:
  struct entry {
    std::int64_t time;
    std::uint64_t number; ///< What is due at once goes in order.
    std::function<void()> what;
  };

  static bool later(const entry& a, const entry& b) {
    return std::pair{a.time, a.number} > std::pair{b.time, b.number};
  }

  std::vector<entry> due_; ///< A heap.
  std::int64_t now_ = 0;
  std::uint64_t next_ = 0;
};

} // namespace skerry::testing
