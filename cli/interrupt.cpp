#include "cli/interrupt.hpp"

#include "scheduling/assert.hpp"

#include <climits>

#include <array>
#include <atomic>
#include <csignal>
#include <cstring>
#include <ctime>
#include <unistd.h>

namespace skerry {
namespace {

// Plain memory and lock-free flags: a signal handler may use nothing else.
std::array<char, PATH_MAX> unfinished_path;
std::atomic<bool> has_unfinished{false};
std::atomic<bool> line_is_shown{false};
static_assert(std::atomic<bool>::is_always_lock_free);

} // namespace

extern "C" {
static void end_by_signal(int signal) {
  if (has_unfinished.load())
    (void)::unlink(unfinished_path.data()); // Nobody is left to be told.
  if (line_is_shown.load()) {
    constexpr std::string_view clear = "\r\033[K";
    if (::write(STDERR_FILENO, clear.data(), clear.size()) < 0)
      ::_exit(128 + signal);
  }
  ::_exit(128 + signal); // The shells' convention.
}
}

void handle_signals() {
  for (const auto signal : {SIGHUP, SIGINT, SIGTERM})
    // What was ignored at the start (nohup, a shell's `&`) stays so.
    if (std::signal(signal, end_by_signal) == SIG_IGN)
      (void)std::signal(signal, SIG_IGN); // Fails for unknown signals only.
  (void)std::signal(SIGPIPE, SIG_IGN);
}

namespace {

sigset_t ending_signals() {
  sigset_t set;
  (void)sigemptyset(&set); // These fail for bad arguments only.
  for (const auto signal : {SIGHUP, SIGINT, SIGTERM})
    (void)sigaddset(&set, signal);
  return set;
}

} // namespace

held_signals::held_signals() {
  const auto set = ending_signals();
  (void)pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

held_signals::~held_signals() {
  release();
}

void held_signals::release() {
  if (!held_)
    return;
  held_ = false;
  const auto set = ending_signals();
  (void)pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

int held_signals::wait_milliseconds(std::int64_t timeout) {
  const auto set = ending_signals();
  const timespec pause{.tv_sec = timeout / 1000,
                       .tv_nsec = (timeout % 1000) * 1'000'000};
  const auto signal = sigtimedwait(&set, nullptr, &pause);
  return signal > 0 ? signal : 0;
}

void remove_on_interrupt(const std::string& path) {
  SKERRY_ASSERT(!has_unfinished.load());
  SKERRY_ASSERT(path.size() < unfinished_path.size());
  std::memcpy(unfinished_path.data(), path.c_str(), path.size() + 1);
  has_unfinished.store(true);
}

void keep_on_interrupt() {
  has_unfinished.store(false);
}

void clear_line_on_interrupt(bool shown) {
  line_is_shown.store(shown);
}

} // namespace skerry
