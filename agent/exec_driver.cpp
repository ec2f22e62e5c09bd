#include "agent/exec_driver.hpp"

#include "agent/exec_state.hpp"
#include "agent/proc.hpp"
#include "agent/text_file.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <limits>
#include <mutex>
#include <optional>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>

namespace skerry {

namespace {

namespace fs = std::filesystem;

/// Commands between two looks at what has ended: so that ends are told while
/// thousands of starts wait.
constexpr std::size_t commands_at_once = 16;

result<fs::path> find_supervisor(const fs::path& given) {
  std::error_code failed;
  const auto beside = own_binary().parent_path();
  for (const auto& path :
       {given, beside / "skerry-supervise",
        beside.parent_path() / "libexec/skerry/skerry-supervise"})
    if (!path.empty() && ::access(path.c_str(), X_OK) == 0
        && fs::is_regular_file(path, failed))
      return path;
  return {error_code::not_found,
          fmt::format("skerry-supervise is not beside {}; install it there, or "
                      "say where with --supervisor",
                      own_binary().string())};
}

/// A thread, a queue of commands and epoll around an `exec_state`.
class exec_driver_thread final : public exec_driver {
public:
  exec_driver_thread(exec_driver_options options, cgroups groups,
                     std::optional<user_ids> user, emit to, descriptor epoll,
                     descriptor wake)
      : epoll_{std::move(epoll)}, wake_{std::move(wake)}, emit_{std::move(to)},
        state_{std::move(options), std::move(groups), user, epoll_.get()},
        thread_{[this] { run(); }} {}

  ~exec_driver_thread() override {
    {
      const std::lock_guard hold{mutex_};
      stopping_ = true;
    }
    ring();
    thread_.join();
    state_.groups().remove_all();
  }

  void take(driver_command command) override {
    {
      const std::lock_guard hold{mutex_};
      queue_.push_back(std::move(command));
    }
    ring();
  }

  void settle() override {
    std::unique_lock hold{mutex_};
    wants_sweep_ = true;
    hold.unlock();
    ring();
    hold.lock();
    settled_.wait(hold, [this] { return !wants_sweep_; });
  }

  cgroup_rung rung() const override { return state_.groups().rung(); }
  std::string why() const override { return state_.groups().why(); }

private:
  void ring() {
    const std::uint64_t one = 1;
    (void)!::write(wake_.get(), &one, sizeof one); // Full: it is awake.
  }

  /// @returns whether there may be more.
  bool work_off() {
    std::deque<driver_command> some;
    bool sweep = false;
    {
      const std::lock_guard hold{mutex_};
      while (!queue_.empty() && some.size() < commands_at_once) {
        some.push_back(std::move(queue_.front()));
        queue_.pop_front();
      }
      sweep = wants_sweep_ && queue_.empty();
    }
    for (const auto& each : some)
      state_.carry_out(each);
    if (sweep) {
      state_.sweep();
      tell();
      const std::lock_guard hold{mutex_};
      wants_sweep_ = false;
      settled_.notify_all();
    }
    return !some.empty();
  }

  void tell() {
    if (!state_.events.empty())
      emit_(std::exchange(state_.events, {}));
  }

  void run() {
    std::array<epoll_event, 64> ready{};
    for (std::int64_t wait = 0;;) {
      const int got = ::epoll_wait(
          epoll_.get(), ready.data(), static_cast<int>(ready.size()),
          static_cast<int>(std::min<std::int64_t>(wait, 60'000)));
      for (int i = 0; i < got; ++i) {
        const auto number = ready[static_cast<std::size_t>(i)].data.u64;
        std::uint64_t count = 0;
        if (number == 0)
          (void)!::read(wake_.get(), &count, sizeof count); // Only wakes.
        else
          state_.supervisor_ended(number);
      }
      const bool more = work_off();
      wait = state_.look(boot_milliseconds());
      if (more)
        wait = 0;
      tell();
      const std::lock_guard hold{mutex_};
      if (stopping_ && queue_.empty())
        return;
    }
  }

  descriptor epoll_;
  descriptor wake_;
  emit emit_;
  exec_state state_;
  std::mutex mutex_;
  std::condition_variable settled_;
  std::deque<driver_command> queue_;
  bool wants_sweep_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

} // namespace

result<std::unique_ptr<exec_driver>>
exec_driver::start(exec_driver_options options, emit to) {
  auto supervisor = find_supervisor(options.supervisor);
  if (!supervisor)
    return supervisor.failure();
  options.supervisor = *supervisor;
  std::optional<user_ids> user;
  if (::geteuid() == 0) {
    auto found = find_user(options.user);
    if (!found)
      return found.failure();
    user = *found;
  }
  std::error_code failed;
  fs::create_directories(options.directory / "tasks", failed);
  options.directory = fs::absolute(options.directory, failed);
  if (failed)
    return {error_code::io_failed, failed.message()};
  descriptor epoll{::epoll_create1(EPOLL_CLOEXEC)};
  descriptor wake{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  epoll_event wanted{};
  wanted.events = EPOLLIN;
  wanted.data.u64 = 0;
  if (!epoll || !wake
      || ::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, wake.get(), &wanted) != 0)
    return io_error("cannot watch", options.directory);
  auto groups = cgroups::probe(options.groups);
  return std::unique_ptr<exec_driver>{std::make_unique<exec_driver_thread>(
      std::move(options), std::move(groups), user, std::move(to),
      std::move(epoll), std::move(wake))};
}

} // namespace skerry
