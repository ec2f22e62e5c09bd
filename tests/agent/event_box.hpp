#pragma once

#include "agent/driver.hpp"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

namespace skerry::testing {

/// Far beyond what a busy machine needs; only a failing test waits so long.
inline constexpr std::chrono::seconds patience{20};

/// Looks until it is so: for what tells nobody, such as files.
template <class Condition>
bool eventually(Condition is_so) {
  const auto until = std::chrono::steady_clock::now() + patience;
  while (!is_so()) {
    if (std::chrono::steady_clock::now() > until)
      return false;
    std::this_thread::sleep_for(std::chrono::milliseconds{5});
  }
  return true;
}

/// Collects a driver's events.
class event_box {
public:
  void put(std::vector<driver_event> some) {
    const std::lock_guard hold{mutex_};
    for (auto& each : some)
      all_.push_back(std::move(each));
    changed_.notify_all();
  }
  void clear() {
    const std::lock_guard hold{mutex_};
    all_.clear();
  }

  /// The latest event of this kind that `wanted` accepts, once there is one.
  template <class Event, class Predicate>
  std::optional<Event> wait_for(Predicate wanted) {
    std::optional<Event> found;
    std::unique_lock hold{mutex_};
    changed_.wait_for(hold, patience, [&] {
      for (const auto& each : all_)
        if (const auto* event = std::get_if<Event>(&each);
            event != nullptr && wanted(*event))
          found = *event;
      return found.has_value();
    });
    return found;
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<driver_event> all_;
};

} // namespace skerry::testing
