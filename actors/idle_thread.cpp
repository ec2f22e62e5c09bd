#include "actors/idle_thread.hpp"

#include <chrono>
#include <ctime>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

namespace skerry {

void run_when_idle() {
  const sched_param none{};
  if (::sched_setscheduler(0, SCHED_IDLE, &none) != 0)
    (void)::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), 19);
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
