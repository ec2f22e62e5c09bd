#include "actors/idle_thread.hpp"

#include <future>
#include <sched.h>
#include <thread>
#include <unistd.h>

#include <doctest/doctest.h>

using namespace skerry;

TEST_SUITE_BEGIN("actors/idle_thread");

TEST_CASE("who runs when idle can be hurried, and is forgotten at its end") {
  std::promise<pid_t> began;
  std::promise<void> end;
  std::jthread worker{[&] {
    run_when_idle();
    began.set_value(::gettid());
    end.get_future().wait();
  }};
  const auto thread = began.get_future().get();
  CHECK(::sched_getscheduler(thread) == SCHED_IDLE);
  CHECK(::sched_getscheduler(0) == SCHED_OTHER);
  hurry_idle_threads();
  // Not all may raise a thread again; root may.
  if (::geteuid() == 0)
    CHECK(::sched_getscheduler(thread) == SCHED_OTHER);
  end.set_value();
  worker.join();
  hurry_idle_threads();
}

TEST_SUITE_END();
