#pragma once

#include "scheduling/specs.hpp"

#include <algorithm>
#include <cstdint>
#include <deque>
#include <memory>
#include <utility>
#include <vector>

namespace skerry {

/// The tasks that came to a cell of late, how long they ran, and those that it
/// has had no room for: who is let wait must not be forgotten, or a policy
/// would be judged on the tasks that it likes.
class task_recorder {
public:
  /// As many as tell the mix of an hour or so; a few dozen bytes each beside
  /// the shapes.
  static constexpr std::size_t capacity = 2048;
  /// Shapes that wait; more are not told apart from those.
  static constexpr std::size_t most_waiting = 64;

  struct entry {
    std::shared_ptr<const task_shape> shape;
    std::int64_t arrival_milliseconds = 0;
    std::int64_t start_milliseconds = -1; ///< -1: waits.
    std::int64_t end_milliseconds = -1;   ///< -1: has not ended.
  };

  /// There was no room for a task of this shape. A task that waits is asked
  /// about again and again, and counts once.
  void waits(const task_shape& shape, std::int64_t now) {
    std::erase_if(waiting_, [this](auto number) { return number < first(); });
    for (const auto number : waiting_)
      if (*at(number).shape == shape)
        return;
    if (waiting_.size() < most_waiting)
      waiting_.push_back(add(shape, now));
  }

  /// A task has been placed, perhaps one that has waited.
  /// @returns Its number, for `ended`; never 0.
  std::uint64_t placed(const task_shape& shape, std::int64_t now) {
    std::erase_if(waiting_, [this](auto number) { return number < first(); });
    const auto waited = std::ranges::find_if(
        waiting_, [&](auto number) { return *at(number).shape == shape; });
    auto number = next_;
    if (waited != waiting_.end()) {
      number = *waited;
      waiting_.erase(waited);
    } else {
      add(shape, now);
    }
    at(number).start_milliseconds = now;
    return number;
  }

  void ended(std::uint64_t number, std::int64_t now) {
    if (number >= first() && number < next_)
      at(number).end_milliseconds = now;
  }

  /// It was placed, but has not run.
  void not_run(std::uint64_t number) {
    if (number >= first() && number < next_)
      at(number).start_milliseconds = -1;
  }

  /// The oldest first.
  /// @cost 30 us when full.
  std::vector<entry> entries() const { return {kept_.begin(), kept_.end()}; }

private:
  std::uint64_t first() const { return next_ - kept_.size(); }
  entry& at(std::uint64_t number) {
    return kept_[static_cast<std::size_t>(number - first())];
  }

  std::uint64_t add(const task_shape& shape, std::int64_t now) {
    // Tasks of a job come together, so the last shape is often the same.
    auto same = !kept_.empty() && *kept_.back().shape == shape
                    ? kept_.back().shape
                    : std::make_shared<const task_shape>(shape);
    kept_.push_back({.shape = std::move(same), .arrival_milliseconds = now});
    if (kept_.size() > capacity)
      kept_.pop_front();
    return next_++;
  }

  std::deque<entry> kept_;
  std::vector<std::uint64_t> waiting_;
  std::uint64_t next_ = 1;
};

} // namespace skerry
