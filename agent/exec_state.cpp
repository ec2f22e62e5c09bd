#include "agent/exec_state.hpp"

#include "agent/proc.hpp"
#include "agent/text_file.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <system_error>
#include <type_traits>
#include <unistd.h>
#include <utility>
#include <variant>

namespace skerry {

namespace {

namespace fs = std::filesystem;

constexpr int exit_claimed = 75; // See supervise_main.cpp.
constexpr std::int64_t default_grace_milliseconds = 5'000;
/// How often a group is looked at that should be empty by now.
constexpr std::int64_t look_milliseconds = 20;

v1::Outcome lost(std::string reason, std::int64_t started) {
  v1::Outcome out;
  out.set_reason(std::move(reason));
  out.set_started_unix_milliseconds(started);
  out.set_ended_unix_milliseconds(unix_milliseconds());
  return out;
}

int open_process(pid_t pid) {
  return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
}

void signal_process(int handle, int signal) {
  // Fails only when it has just ended, which is told elsewhere.
  (void)::syscall(SYS_pidfd_send_signal, handle, signal, nullptr, 0);
}

} // namespace

exec_state::exec_state(exec_driver_options options, cgroups groups,
                       std::optional<user_ids> user, int epoll)
    : options_{std::move(options)}, groups_{std::move(groups)}, user_{user},
      epoll_{epoll} {}

fs::path exec_state::directory_of(const task_key& key) const {
  return options_.directory / "tasks" / group_of(key);
}

std::string exec_state::group_of(const task_key& key) const {
  return fmt::format("{}.{}", key.task, key.attempt);
}

void exec_state::carry_out(const driver_command& command) {
  std::visit(
      [&](const auto& each) {
        using command_type = std::decay_t<decltype(each)>;
        if constexpr (std::is_same_v<command_type, begin_task>)
          start(each);
        else if constexpr (std::is_same_v<command_type, adopt_task>)
          adopt(each);
        else if constexpr (std::is_same_v<command_type, stop_task>)
          stop(each);
        else if constexpr (std::is_same_v<command_type, change_task>)
          resize(each);
        else if constexpr (std::is_same_v<command_type, forget_task>)
          forget(each);
        else
          read_logs(each);
      },
      command);
}

// -- starting -----------------------------------------------------------------

std::vector<std::size_t> exec_state::choose_cpus(std::int64_t millicores) {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<std::size_t> allowed;
  if (::sched_getaffinity(0, sizeof set, &set) == 0)
    for (std::size_t cpu = 0; cpu < CPU_SETSIZE; ++cpu)
      if (CPU_ISSET(cpu, &set))
        allowed.push_back(cpu);
  const auto count = static_cast<std::size_t>((millicores + 999) / 1000);
  if (count == 0 || count >= allowed.size())
    return {};
  std::vector<std::size_t> out;
  for (std::size_t i = 0; i < count; ++i)
    out.push_back(allowed[(next_cpu_ + i) % allowed.size()]);
  next_cpu_ = (next_cpu_ + count) % allowed.size();
  return out;
}

result<launch> exec_state::prepare(const v1::StartOrder& order,
                                   running_task& task) {
  const auto& exec = order.work().exec();
  const auto& demand = order.demand();
  launch out;
  out.supervisor = options_.supervisor;
  out.directory = task.directory;
  out.log = options_.directory / "starts.log";
  if (!order.work().keep_on_disconnect())
    out.lease = options_.directory / "lease";
  out.lease_slack_milliseconds = options_.lease_slack_milliseconds;
  out.grace_milliseconds = exec.kill_grace_milliseconds() > 0
                               ? exec.kill_grace_milliseconds()
                               : default_grace_milliseconds;
  if (::geteuid() == 0) {
    out.user = user_;
    if (!exec.user().empty()) {
      auto found = find_user(exec.user());
      if (!found)
        return found.failure();
      out.user = *found;
    }
  } else if (!exec.user().empty()) {
    return {error_code::conflict,
            "the agent is not root and cannot change the user"};
  }
  std::error_code failed;
  if (const auto mark = read_mark(task.directory); mark && mark->pid == 0)
    fs::remove_all(task.directory, failed); // It was claimed for nobody.
  fs::create_directories(task.directory, failed);
  out.working_directory = exec.working_directory();
  if (out.working_directory.empty()) {
    out.working_directory = task.directory / "work";
    if (::mkdir(out.working_directory.c_str(), 0755) != 0 && errno != EEXIST)
      return io_error("cannot make", out.working_directory);
    if (out.user
        && ::chown(out.working_directory.c_str(), out.user->uid, out.user->gid)
               != 0)
      return io_error("cannot give away", out.working_directory);
  }
  out.environment = task_environment(
      order, options_.device_kinds, options_.device_ids, out.working_directory);
  if (groups_.rung() <= cgroup_rung::v1) {
    if (auto made = groups_.create(task.group, demand.cpu_millicores(),
                                   demand.memory_bytes());
        !made)
      return made.failure();
    out.cgroups = groups_.directories(task.group);
  } else if (groups_.rung() == cgroup_rung::limits) {
    out.cpus = choose_cpus(demand.cpu_millicores());
    out.data_bytes = demand.memory_bytes();
  }
  return out;
}

void exec_state::start(const begin_task& command) {
  auto& task = tasks_[command.key];
  task.order = command.order;
  task.directory = directory_of(command.key);
  task.group = group_of(command.key);
  auto how = prepare(command.order, task);
  auto pid = how ? spawn(*how, command.order) : result<pid_t>{how.failure()};
  if (!pid) {
    task.ending = lost(pid.failure().message, 0);
    return try_to_end(command.key, task);
  }
  const auto figures = process_of(*pid);
  const supervisor_mark mark{.pid = *pid,
                             .start_ticks = figures ? figures->start_ticks : 0,
                             .unix_milliseconds = unix_milliseconds()};
  task.is_child = true; // Until it is waited for, its pid is not used again.
  if (watch(command.key, task, mark))
    return;
  // Then nobody would learn of its end.
  ::kill(*pid, SIGKILL);
  ::waitpid(*pid, nullptr, 0);
  groups_.kill(task.group);
  task.ending = lost("its process could not be watched", 0);
  try_to_end(command.key, task);
}

bool exec_state::watch(const task_key& key, running_task& task,
                       const supervisor_mark& mark) {
  task.handle = descriptor{open_process(mark.pid)};
  const auto figures = process_of(mark.pid);
  if (!task.handle || !figures || figures->start_ticks != mark.start_ticks)
    return false;
  task.number = next_number_++;
  epoll_event wanted{};
  wanted.events = EPOLLIN;
  wanted.data.u64 = task.number;
  if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, task.handle.get(), &wanted) != 0)
    return false;
  by_number_[task.number] = key;
  task.pid = mark.pid;
  task.started_unix = mark.unix_milliseconds;
  task.sampled_at = boot_milliseconds();
  v1::TaskStarted started;
  started.set_node(key.node);
  started.set_task(key.task);
  started.set_attempt(key.attempt);
  started.set_unix_milliseconds(mark.unix_milliseconds);
  started.set_pid(mark.pid);
  started.set_pid_start_ticks(mark.start_ticks);
  started.set_cgroup(
      fmt::format("{}", fmt::join(groups_.directories(task.group), ":")));
  events.emplace_back(task_began{key, std::move(started)});
  if (task.order.work().probe().kind() != v1::Probe::NONE)
    prober_.watch(key, task.order.work().probe());
  return true;
}

// -- adopting -----------------------------------------------------------------

void exec_state::adopt(const adopt_task& command) {
  const auto& key = command.key;
  auto& task = tasks_[key];
  task.order = command.order;
  task.directory = directory_of(key);
  task.group = group_of(key);
  auto mark = read_mark(task.directory);
  if (!mark && !claim_for_nobody(task.directory))
    mark = read_mark(task.directory); // It has just begun.
  if (!mark || mark->pid == 0) {
    if (command.started.pid() == 0)
      return never_began(key, task);
    mark = supervisor_mark{}; // It ran: the journal says so.
  }
  if (mark->pid != 0 && watch(key, task, *mark))
    return;
  task.started_unix = mark->unix_milliseconds;
  finish(key, task);
}

void exec_state::never_began(const task_key& key, const running_task& task) {
  (void)groups_.remove(task.group); // Made before the start, or not at all.
  events.emplace_back(task_never_began{key});
  tasks_.erase(key);
}

void exec_state::sweep() {
  std::error_code failed;
  std::set<std::string> known;
  for (const auto& [key, task] : tasks_)
    known.insert(task.group);
  for (const auto& group : groups_.tasks()) {
    if (known.contains(group))
      continue;
    groups_.kill(group);
    if (!groups_.remove(group))
      empty_groups_.push_back(group);
  }
  finished_.clear();
  std::vector<std::pair<fs::file_time_type, fs::path>> old;
  for (const auto& entry :
       fs::directory_iterator{options_.directory / "tasks", failed})
    if (!known.contains(entry.path().filename().string()))
      old.emplace_back(entry.last_write_time(failed), entry.path());
  std::ranges::sort(old);
  for (auto& [time, path] : old)
    finished_.push_back(std::move(path));
}

// -- ending -------------------------------------------------------------------

void exec_state::supervisor_ended(std::uint64_t number) {
  const auto found = by_number_.find(number);
  if (found == by_number_.end())
    return;
  const auto key = found->second;
  by_number_.erase(found);
  auto& task = tasks_.at(key);
  task.handle = {}; // Leaves epoll as well.
  task.number = 0;
  int status = 0;
  const bool reaped
      = task.is_child && ::waitpid(task.pid, &status, WNOHANG) == task.pid;
  if (reaped && WIFEXITED(status) && WEXITSTATUS(status) == exit_claimed) {
    // A supervisor of an earlier life of this agent was faster.
    task.is_child = false;
    if (const auto mark = read_mark(task.directory);
        mark && mark->pid != 0 && watch(key, task, *mark))
      return;
  }
  finish(key, task);
}

void exec_state::finish(const task_key& key, running_task& task) {
  prober_.forget(key);
  auto outcome = read_exit(task.directory);
  if (!outcome)
    outcome = lost("its supervisor has been killed", task.started_unix);
  if (groups_.out_of_memory(task.group)) {
    outcome->set_out_of_memory(true);
    if (!outcome->succeeded() && outcome->reason().empty())
      outcome->set_reason("it used more memory than it was granted");
  }
  task.ending = std::move(outcome);
  try_to_end(key, task);
}

/// A task has ended when nothing of it is left on the machine.
void exec_state::try_to_end(const task_key& key, running_task& task) {
  if (!groups_.empty(task.group)) {
    groups_.kill(task.group);
    task.look_at = boot_milliseconds() + look_milliseconds;
    ending_.insert(key);
    return;
  }
  if (!groups_.remove(task.group))
    empty_groups_.push_back(task.group);
  events.emplace_back(task_over{key, *std::move(task.ending)});
  ending_.erase(key);
  stopping_.erase(key);
  tasks_.erase(key);
}

void exec_state::stop(const stop_task& command) {
  const auto found = tasks_.find(command.key);
  if (found == tasks_.end() || !found->second.handle)
    return;
  auto& task = found->second;
  signal_process(task.handle.get(), command.at_once ? SIGUSR1 : SIGTERM);
  const auto& exec = task.order.work().exec();
  const auto grace = exec.kill_grace_milliseconds() > 0
                         ? exec.kill_grace_milliseconds()
                         : default_grace_milliseconds;
  // By then its supervisor has done it, unless it cannot.
  const auto margin = command.at_once ? 2'000 : grace + 2'000;
  task.hard_stop_at = boot_milliseconds() + margin;
  stopping_.insert(command.key);
}

void exec_state::forget(const forget_task& command) {
  finished_.push_back(directory_of(command.key));
  std::error_code failed;
  while (finished_.size() > options_.kept_finished) {
    fs::remove_all(finished_.front(), failed);
    finished_.pop_front();
  }
}

// -- resizing -----------------------------------------------------------------

void exec_state::resize(const change_task& command) {
  const auto found = tasks_.find(command.key);
  if (found == tasks_.end() || !found->second.handle)
    return events.emplace_back(resize_refused{
               command.key, {error_code::conflict, "it is ending"}}),
           void();
  auto& task = found->second;
  const auto& to = command.demand;
  const auto changed
      = groups_.rung() <= cgroup_rung::v1
            ? groups_.resize(task.group, to.cpu_millicores(), to.memory_bytes())
            : resize_limits(task, to);
  if (!changed)
    return events.emplace_back(resize_refused{command.key, changed.failure()}),
           void();
  *task.order.mutable_demand() = to;
  events.emplace_back(task_changed{command.key, to});
}

result<> exec_state::resize_limits(const running_task& task,
                                   const v1::Resources& to) {
  const auto used = usage_below({task.pid}).front().second;
  if (to.memory_bytes() > 0 && used > to.memory_bytes())
    return {error_code::conflict,
            fmt::format("it uses {} bytes of memory, more than {}", used,
                        to.memory_bytes())};
  if (groups_.rung() != cgroup_rung::limits)
    return done{};
  const auto children
      = read_line(fmt::format("/proc/{0}/task/{0}/children", task.pid));
  const auto main
      = static_cast<pid_t>(parse_number(children.value_or("")).value_or(0));
  if (main <= 1)
    return {error_code::conflict, "it is ending"};
  const rlimit limit{to.memory_bytes() > 0
                         ? static_cast<rlim_t>(to.memory_bytes())
                         : RLIM_INFINITY,
                     RLIM_INFINITY};
  if (::prlimit(main, RLIMIT_DATA, &limit, nullptr) != 0)
    return io_error("cannot limit", fmt::format("/proc/{}", main));
  if (const auto cpus = choose_cpus(to.cpu_millicores()); !cpus.empty()) {
    cpu_set_t set;
    CPU_ZERO(&set);
    for (const auto cpu : cpus)
      CPU_SET(cpu, &set);
    if (::sched_setaffinity(main, sizeof set, &set) != 0)
      return io_error("cannot bind", fmt::format("/proc/{}", main));
  }
  return done{};
}

} // namespace skerry
