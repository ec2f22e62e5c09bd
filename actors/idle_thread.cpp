#include "actors/idle_thread.hpp"

#include <chrono>
#include <ctime>
#include <map>
#include <mutex>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

namespace skerry {
namespace {

/// The threads of this process that run when idle.
class idle_threads {
public:
  static idle_threads& all() {
    static idle_threads them;
    return them;
  }

  void add(pid_t thread) {
    const auto usual = ::getpriority(PRIO_PROCESS, static_cast<id_t>(thread));
    const std::lock_guard lock{mutex_};
    threads_.emplace(thread, usual);
  }
  void remove(pid_t thread) {
    const std::lock_guard lock{mutex_};
    threads_.erase(thread);
  }
  void hurry() {
    const std::lock_guard lock{mutex_};
    for (const auto& [thread, usual] : threads_) {
      const sched_param none{};
      (void)::sched_setscheduler(thread, SCHED_OTHER, &none);
      (void)::setpriority(PRIO_PROCESS, static_cast<id_t>(thread), usual);
    }
  }

private:
  std::mutex mutex_;
  std::map<pid_t, int> threads_; ///< To their usual niceness.
};

/// Its number may be another's once a thread has ended.
struct idle_thread_entry {
  idle_thread_entry() { idle_threads::all().add(thread); }
  ~idle_thread_entry() { idle_threads::all().remove(thread); }
  idle_thread_entry(const idle_thread_entry&) = delete;
  idle_thread_entry& operator=(const idle_thread_entry&) = delete;
  pid_t thread = ::gettid();
};

} // namespace

void run_when_idle() {
  thread_local const idle_thread_entry entry;
  const sched_param none{};
  if (::sched_setscheduler(0, SCHED_IDLE, &none) != 0)
    (void)::setpriority(PRIO_PROCESS, static_cast<id_t>(entry.thread), 19);
}

void hurry_idle_threads() {
  idle_threads::all().hurry();
}

double own_cpu_seconds() {
  std::timespec used{};
  (void)::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used); // Cannot fail.
  return static_cast<double>(used.tv_sec)
         + static_cast<double>(used.tv_nsec) * 1e-9;
}

double wall_seconds() {
  using namespace std::chrono;
  return duration<double>(steady_clock::now().time_since_epoch()).count();
}

} // namespace skerry
