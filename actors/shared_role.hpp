#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

namespace skerry {

/// A role that its actor shares with callers' threads: one of them uses it at a
/// time, so that whoever writes is alone. The actor waits for at most one
/// caller's work, which is to be short; callers do not wait at all, and give
/// way to an actor that does.
///
/// No CAF type in here: what keeps the single writer single is tested without
/// actors.
template <class Role>
class shared_role {
public:
  explicit shared_role(std::unique_ptr<Role> role) : role_{std::move(role)} {}

  /// Runs `work(Role&)`, once no caller uses the role.
  /// @pre One thread at a time calls this, that of the actor, and not from
  ///      within its own work.
  template <class Work>
  void use(Work&& work) {
    actor_waits_ = 1;
    while (used_.exchange(1, std::memory_order_acquire) != 0)
      used_.wait(1, std::memory_order_relaxed);
    actor_waits_ = 0;
    const release after{used_};
    std::forward<Work>(work)(*role_);
  }

  /// Runs `work(Role&)` if that is possible at once. From any thread, from
  /// within somebody's work too.
  /// @returns False when the role is used or its actor waits for it.
  template <class Work>
  [[nodiscard]] bool try_use(Work&& work) {
    if (actor_waits_ != 0 || used_.exchange(1, std::memory_order_acquire) != 0)
      return false;
    const release after{used_};
    std::forward<Work>(work)(*role_);
    return true;
  }

private:
  struct release {
    std::atomic<std::int32_t>& used;
    ~release() {
      used.store(0, std::memory_order_release);
      used.notify_one(); // Only the actor waits.
    }
  };

  std::unique_ptr<Role> role_;
  // Of the type that the kernel can wait for.
  std::atomic<std::int32_t> used_{0};
  std::atomic<std::int32_t> actor_waits_{0};
};

} // namespace skerry
