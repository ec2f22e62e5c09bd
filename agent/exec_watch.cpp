#include "agent/exec_state.hpp"
#include "agent/proc.hpp"
#include "agent/text_file.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace skerry {

namespace {

namespace fs = std::filesystem;

/// A page of output in one message, which gRPC lets pass four times over.
constexpr std::uint64_t max_logs_bytes = 1 << 20;
constexpr std::int64_t idle_milliseconds = 60'000;

/// What was used in `passed` milliseconds.
v1::Usage usage_between(const cgroup_usage& before, const cgroup_usage& now,
                        std::int64_t passed) {
  v1::Usage out;
  out.set_interval_milliseconds(passed);
  out.set_cpu_millicores(std::max<std::int64_t>(
      (now.cpu_microseconds - before.cpu_microseconds) / passed, 0));
  out.set_memory_bytes(now.memory_bytes);
  out.set_peak_memory_bytes(now.peak_memory_bytes);
  out.set_throttled_milliseconds(
      (now.throttled_microseconds - before.throttled_microseconds) / 1000);
  if (const auto periods = now.periods - before.periods; periods > 0)
    out.set_throttled_periods_milli(static_cast<std::int32_t>(
        (now.throttled_periods - before.throttled_periods) * 1000 / periods));
  out.set_memory_pressure_milli(
      static_cast<std::int32_t>(now.memory_pressure_milli));
  out.set_cpu_pressure_milli(static_cast<std::int32_t>(now.cpu_pressure_milli));
  out.set_out_of_memory_kills(
      static_cast<std::uint64_t>(now.out_of_memory_kills));
  return out;
}

} // namespace

std::int64_t exec_state::look(std::int64_t now) {
  auto next = idle_milliseconds;
  const auto due = [&](std::int64_t at) {
    next = std::min(next, std::max<std::int64_t>(at - now, 0));
  };
  for (const auto& key : std::set<task_key>{ending_}) {
    auto& task = tasks_.at(key);
    if (task.look_at <= now)
      try_to_end(key, task);
    if (ending_.contains(key))
      due(tasks_.at(key).look_at);
  }
  for (const auto& key : stopping_) {
    auto& task = tasks_.at(key);
    if (task.hard_stop_at <= now && task.handle) {
      // Its supervisor is stopped or stuck: end the task under it, and then
      // itself.
      groups_.kill(task.group);
      for (const int signal : {SIGCONT, SIGKILL})
        (void)::syscall(SYS_pidfd_send_signal, task.handle.get(), signal,
                        nullptr, 0); // Told by epoll.
      task.hard_stop_at = now + 1'000;
    }
    due(task.hard_stop_at);
  }
  std::erase_if(empty_groups_, [&](const auto& group) {
    if (!groups_.empty(group))
      groups_.kill(group);
    return groups_.remove(group);
  });
  if (!empty_groups_.empty())
    due(now + 20);
  if (!tasks_.empty()) {
    if (now >= next_sample_) {
      if (next_sample_ != 0)
        sample_usage(now);
      next_sample_ = now + options_.usage_milliseconds;
    }
    due(next_sample_);
  }
  return next;
}

void exec_state::sample_usage(std::int64_t now) {
  const bool grouped = groups_.rung() <= cgroup_rung::v1;
  std::vector<pid_t> roots;
  if (!grouped)
    for (const auto& [key, task] : tasks_)
      roots.push_back(task.pid);
  const auto trees = usage_below(roots);
  const auto tick_microseconds = 1'000'000 / ::sysconf(_SC_CLK_TCK);
  std::size_t at = 0;
  for (auto& [key, task] : tasks_) {
    cgroup_usage usage;
    if (grouped) {
      usage = groups_.usage(task.group);
    } else {
      usage.cpu_microseconds = trees[at].first * tick_microseconds;
      usage.memory_bytes = trees[at].second;
      ++at;
    }
    const auto passed = now - task.sampled_at;
    if (passed <= 0 || !task.handle)
      continue;
    usage.peak_memory_bytes
        = std::max({usage.peak_memory_bytes, usage.memory_bytes,
                    task.sample.peak_memory_bytes});
    auto out = usage_between(task.sample, usage, passed);
    out.set_response_microseconds(prober_.latest_microseconds(key));
    task.sample = usage;
    task.sampled_at = now;
    // What was used before this agent adopted the task was not used just now.
    if (std::exchange(task.sampled, true) || task.is_child)
      events.emplace_back(task_used{key, std::move(out)});
  }
}

void exec_state::read_logs(const v1::LogsOrder& order) {
  v1::LogsAnswer answer;
  answer.set_request(order.request());
  // The newest attempt that is still here.
  std::int64_t newest = -1;
  fs::path directory;
  std::error_code failed;
  const auto tasks = options_.directory / "tasks";
  for (const auto& [key, task] : tasks_)
    if (key.task == order.task() && key.attempt > newest) {
      newest = key.attempt;
      directory = task.directory;
    }
  const auto prefix = order.task() + ".";
  if (newest < 0)
    for (const auto& path : finished_) {
      const auto name = path.filename().string();
      if (!name.starts_with(prefix))
        continue;
      const auto rest = std::string_view{name}.substr(prefix.size());
      const auto attempt = parse_number(rest).value_or(-1);
      if (std::to_string(attempt) == rest && attempt > newest) {
        newest = attempt;
        directory = path;
      }
    }
  if (newest < 0) {
    // Ended, and its outcome is not acknowledged yet.
    for (std::uint32_t attempt = 1; attempt <= 64; ++attempt)
      if (const auto path = tasks / fmt::format("{}{}", prefix, attempt);
          fs::is_directory(path, failed))
        directory = path;
  }
  const auto file = directory / (order.stderr() ? "stderr" : "stdout");
  const int fd = directory.empty()
                     ? -1
                     : ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) {
    answer.set_error(fmt::format("{} has left no output here", order.task()));
    events.emplace_back(std::move(answer));
    return;
  }
  const auto limit = order.limit_bytes() == 0
                         ? max_logs_bytes
                         : std::min(order.limit_bytes(), max_logs_bytes);
  std::string data(limit, '\0');
  const auto got = ::pread(fd, data.data(), data.size(),
                           static_cast<off_t>(order.offset_bytes()));
  ::close(fd);
  if (got < 0)
    answer.set_error(fmt::format("cannot read {}", file.string()));
  else
    data.resize(static_cast<std::size_t>(got));
  if (got >= 0)
    answer.set_data(std::move(data));
  events.emplace_back(std::move(answer));
}

} // namespace skerry
