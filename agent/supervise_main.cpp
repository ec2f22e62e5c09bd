// Stands beside one task: starts it at most once, waits for it, writes down how
// it ended, and leaves nothing of it behind. Needs nobody: the agent may die.
//
//   claim dir/pid -> log "start" -> fork: join cgroup, limits, user, exec
//     SIGTERM: ask the tree to end, kill it when the grace is over
//     SIGUSR1, or the lease has run out: the same within a second
//   main process gone -> kill the rest -> log "end" -> dir/exit
//
// Linked statically, without the rooms: it starts for every task.

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <sched.h>
#include <string>
#include <string_view>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace {

/// Another supervisor has started this attempt; the agent knows this number.
constexpr int exit_claimed = 75;
constexpr int exit_broken = 76;
/// What a task whose lease is over may use to end.
constexpr long long hurry_milliseconds = 1000;

struct orders {
  std::string dir;     ///< Of this attempt: pid, exit, stdout, stderr.
  std::string log;     ///< Of all starts and ends; empty for none.
  std::string name;    ///< "NODE TASK ATTEMPT".
  std::string terms;   ///< "SESSION EPOCH".
  std::string amounts; ///< "CPU MEMORY DEVICES".
  std::string cwd;
  std::string lease; ///< Eight bytes: when it ends, as CLOCK_BOOTTIME in ms.
  std::vector<std::string> cgroups;
  std::vector<std::size_t> cpus;
  long long grace = 5000;
  long long slack = 0; ///< After the lease: the agent goes first.
  long long data_limit = 0;
  long uid = -1;
  long gid = -1;
  char** argv = nullptr;
};

long long now_of(clockid_t clock) {
  timespec t{};
  clock_gettime(clock, &t);
  return static_cast<long long>(t.tv_sec) * 1000 + t.tv_nsec / 1'000'000;
}

long long number(const char* text) {
  return std::strtoll(text, nullptr, 10);
}

bool take_order(orders& into, std::string_view key, const char* value) {
  const std::pair<std::string_view, std::string&> texts[]{
      {"dir", into.dir},     {"log", into.log}, {"name", into.name},
      {"terms", into.terms}, {"cwd", into.cwd}, {"amounts", into.amounts},
      {"lease", into.lease}};
  for (const auto& [name, text] : texts)
    if (key == name) {
      text = value;
      return true;
    }
  if (key == "cgroup")
    into.cgroups.emplace_back(value);
  else if (key == "cpu")
    into.cpus.push_back(static_cast<std::size_t>(number(value)));
  else if (key == "grace")
    into.grace = number(value);
  else if (key == "slack")
    into.slack = number(value);
  else if (key == "data")
    into.data_limit = number(value);
  else if (key == "uid")
    into.uid = static_cast<long>(number(value));
  else if (key == "gid")
    into.gid = static_cast<long>(number(value));
  else
    return false;
  return true;
}

bool write_text(int fd, const std::string& text) {
  return fd >= 0
         && ::write(fd, text.data(), text.size())
                == static_cast<ssize_t>(text.size());
}

std::string read_file(const char* path) {
  std::string out;
  const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return out;
  std::array<char, 4096> chunk{};
  for (ssize_t got = 0; (got = ::read(fd, chunk.data(), chunk.size())) > 0;)
    out.append(chunk.data(), static_cast<std::size_t>(got));
  ::close(fd);
  return out;
}

/// Field 22 of /proc/self/stat; the name before it may hold anything.
std::string start_ticks() {
  const auto stat = read_file("/proc/self/stat");
  auto at = stat.rfind(')');
  for (int field = 2; at != stat.npos && field < 22; ++field)
    at = stat.find(' ', at + 1);
  if (at == stat.npos)
    return "0";
  return stat.substr(at + 1, stat.find(' ', at + 1) - at - 1);
}

/// Appends a line for whoever counts starts: one write, so that lines of many
/// supervisors never mix.
void log_line(const orders& from, const std::string& line) {
  if (from.log.empty())
    return;
  const int fd = ::open(from.log.c_str(),
                        O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
  (void)write_text(fd, line); // The log is for checks; the task goes on.
  ::close(fd);
}

/// The one place where it is decided that this attempt starts.
bool claim(const orders& from, long long started) {
  const auto pid = std::to_string(::getpid());
  const auto fresh = from.dir + "/pid." + pid;
  const int fd
      = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (!write_text(fd, pid + " " + start_ticks() + " " + std::to_string(started)
                          + "\n"))
    std::_Exit(exit_broken);
  ::close(fd);
  const bool first = ::link(fresh.c_str(), (from.dir + "/pid").c_str()) == 0;
  ::unlink(fresh.c_str());
  return first;
}

// -- the task's process -------------------------------------------------------

struct exec_failure {
  int fault = 0;
  std::array<char, 32> step{};
};

[[noreturn]] void give_up(int pipe, const char* step) {
  exec_failure failure{.fault = errno};
  std::strncpy(failure.step.data(), step, failure.step.size() - 1);
  (void)!::write(pipe, &failure, sizeof failure);
  std::_Exit(127);
}

void take_on_limits(const orders& from, int pipe) {
  for (const auto& group : from.cgroups) {
    const int fd
        = ::open((group + "/cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC);
    if (!write_text(fd, "0"))
      give_up(pipe, "joining its cgroup");
    ::close(fd);
  }
  if (!from.cpus.empty()) {
    cpu_set_t set;
    CPU_ZERO(&set);
    for (const auto cpu : from.cpus)
      CPU_SET(cpu, &set);
    ::sched_setaffinity(0, sizeof set, &set);
  }
  if (from.data_limit > 0) {
    const rlimit limit{static_cast<rlim_t>(from.data_limit), RLIM_INFINITY};
    if (::setrlimit(RLIMIT_DATA, &limit) != 0)
      give_up(pipe, "limiting its memory");
  }
}

[[noreturn]] void become_task(const orders& from, int pipe, pid_t parent) {
  ::setpgid(0, 0);
  take_on_limits(from, pipe);
  const int in = ::open("/dev/null", O_RDONLY);
  const auto open_output = [&](const char* name) {
    return ::open((from.dir + "/" + name).c_str(),
                  O_WRONLY | O_CREAT | O_APPEND, 0644);
  };
  const int out = open_output("stdout");
  const int err = open_output("stderr");
  if (in < 0 || out < 0 || err < 0)
    give_up(pipe, "opening its output");
  // So that it can open /dev/stdout, as many programs do.
  if (from.uid >= 0)
    for (const int fd : {out, err})
      if (::fchown(fd, static_cast<uid_t>(from.uid),
                   static_cast<gid_t>(from.gid))
          != 0)
        give_up(pipe, "giving away its output");
  ::dup2(in, 0);
  ::dup2(out, 1);
  ::dup2(err, 2);
  for (const int fd : {in, out, err})
    if (fd > 2)
      ::close(fd);
  if (::chdir(from.cwd.c_str()) != 0)
    give_up(pipe, "entering its directory");
  if (from.uid >= 0) {
    const auto gid = static_cast<gid_t>(from.gid);
    if (::setgroups(0, nullptr) != 0 || ::setgid(gid) != 0
        || ::setuid(static_cast<uid_t>(from.uid)) != 0)
      give_up(pipe, "becoming its user");
    if (from.uid != 0)
      ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  }
  // After the change of user, which clears it.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent)
    std::_Exit(127);
  ::umask(022);
  ::signal(SIGPIPE, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execvp(from.argv[0], from.argv);
  give_up(pipe, "running its program");
}

// -- its tree -----------------------------------------------------------------

template <class Visit>
void each_number(const std::string& text, Visit visit) {
  const char* at = text.c_str();
  for (char* end = nullptr;; at = end) {
    const auto value = std::strtol(at, &end, 10);
    if (end == at)
      return;
    if (value > 0)
      visit(static_cast<pid_t>(value));
  }
}

void signal_tree(const orders& from, pid_t main, int signal) {
  ::kill(-main, signal);
  for (const auto& group : from.cgroups)
    each_number(read_file((group + "/cgroup.procs").c_str()),
                [&](pid_t pid) { ::kill(pid, signal); });
  // Orphans of the tree are children of this subreaper.
  const auto self = std::to_string(::getpid());
  each_number(read_file(("/proc/self/task/" + self + "/children").c_str()),
              [&](pid_t pid) { ::kill(pid, signal); });
}

void kill_rest(const orders& from, pid_t main) {
  const auto give_up_at = now_of(CLOCK_BOOTTIME) + 10'000;
  for (;;) {
    pid_t got = 0;
    while ((got = ::waitpid(-1, nullptr, WNOHANG)) > 0)
      continue;
    if (got < 0 && errno == ECHILD)
      return;
    if (now_of(CLOCK_BOOTTIME) > give_up_at)
      return; // Stuck in the kernel: the agent goes on trying.
    for (const auto& group : from.cgroups) {
      const int fd
          = ::open((group + "/cgroup.kill").c_str(), O_WRONLY | O_CLOEXEC);
      if (fd < 0)
        continue; // Version 1 has none.
      (void)write_text(fd, "1");
      ::close(fd);
    }
    signal_tree(from, main, SIGKILL);
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    const timespec moment{.tv_sec = 0, .tv_nsec = 5'000'000};
    ::sigtimedwait(&child, nullptr, &moment);
  }
}

// -- waiting ------------------------------------------------------------------

long long lease_end(const orders& from) {
  long long until = 0;
  const int fd = ::open(from.lease.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd >= 0) {
    if (::read(fd, &until, sizeof until) != sizeof until)
      until = 0;
    ::close(fd);
  }
  return until + from.slack;
}

struct ending {
  int status = 0;
  std::string reason;
};

/// Until the main process has ended.
ending wait_for(const orders& from, pid_t main, const sigset_t& signals) {
  ending out;
  long long kill_at = 0;
  long long lease_at = from.lease.empty() ? 0 : lease_end(from);
  const auto stop = [&](long long grace) {
    const auto at = now_of(CLOCK_BOOTTIME) + grace;
    kill_at = kill_at == 0 ? at : std::min(kill_at, at);
    signal_tree(from, main, SIGTERM);
  };
  for (;;) {
    const auto now = now_of(CLOCK_BOOTTIME);
    if (lease_at != 0 && now >= lease_at) {
      lease_at = lease_end(from);
      if (now >= lease_at) {
        lease_at = 0;
        out.reason = "its agent is gone and its lease has run out";
        stop(std::min(from.grace, hurry_milliseconds));
      }
    }
    if (kill_at != 0 && now >= kill_at) {
      signal_tree(from, main, SIGKILL);
      kill_at = now + 100; // Who was born meanwhile.
    }
    auto wait = 60'000LL;
    for (const auto at : {lease_at, kill_at})
      if (at != 0)
        wait = std::clamp(at - now, 0LL, wait);
    const timespec pause{.tv_sec = wait / 1000,
                         .tv_nsec = wait % 1000 * 1'000'000};
    const int got = ::sigtimedwait(&signals, nullptr, &pause);
    if (got == SIGTERM)
      stop(from.grace);
    else if (got == SIGUSR1)
      stop(std::min(from.grace, hurry_milliseconds));
    for (int status = 0;;) {
      const auto pid = ::waitpid(-1, &status, WNOHANG);
      if (pid <= 0)
        break;
      if (pid != main)
        continue;
      out.status = status;
      return out;
    }
  }
}

/// Whole or not there: the agent may read at any time.
void write_exit(const orders& from, const std::string& text) {
  const auto fresh = from.dir + "/exit.new";
  const int fd
      = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (!write_text(fd, text) || ::fdatasync(fd) != 0)
    std::_Exit(exit_broken);
  ::close(fd);
  if (::rename(fresh.c_str(), (from.dir + "/exit").c_str()) != 0)
    std::_Exit(exit_broken);
}

} // namespace

int main(int argc, char** argv) {
  orders from;
  int at = 1;
  for (; at < argc && std::string_view{argv[at]} != "--"; ++at) {
    const std::string_view word{argv[at]};
    const auto equals = word.find('=');
    if (equals == word.npos
        || !take_order(from, word.substr(0, equals), argv[at] + equals + 1))
      return exit_broken;
  }
  if (at + 1 >= argc || from.dir.empty())
    return exit_broken;
  from.argv = argv + at + 1;

  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGCHLD, SIGTERM, SIGUSR1, SIGHUP, SIGINT})
    sigaddset(&signals, signal);
  ::sigprocmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  ::setsid();
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  ::prctl(PR_SET_NAME, "skerry-task");
  // Nothing that the agent holds open goes to the task.
  ::syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC);

  const auto started = now_of(CLOCK_REALTIME);
  if (!claim(from, started))
    return exit_claimed;
  log_line(from, "start " + from.name + " " + from.terms + " "
                     + std::to_string(started) + " " + from.amounts + "\n");
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0)
    return exit_broken;
  const auto self = ::getpid();
  const auto child = ::fork();
  if (child == 0)
    become_task(from, pipe[1], self);
  ::close(pipe[1]);
  exec_failure failure{.fault = child < 0 ? errno : 0};
  ending end;
  bool failed = child < 0;
  if (child > 0) {
    failed = ::read(pipe[0], &failure, sizeof failure) == sizeof failure;
    end = wait_for(from, child, signals);
    kill_rest(from, child);
  }
  if (failed)
    end.reason = std::string{failure.step.data()} + ": "
                 + std::strerror(failure.fault);
  const int code = WIFEXITED(end.status) ? WEXITSTATUS(end.status)
                   : child < 0           ? 127
                                         : 0;
  const int signal = WIFSIGNALED(end.status) ? WTERMSIG(end.status) : 0;
  const auto ended = now_of(CLOCK_REALTIME);
  log_line(from, "end " + from.name + " " + std::to_string(ended) + " "
                     + std::to_string(code) + " " + std::to_string(signal)
                     + "\n");
  write_exit(from, "code " + std::to_string(code) + "\nsignal "
                       + std::to_string(signal) + "\nstarted "
                       + std::to_string(started) + "\nended "
                       + std::to_string(ended) + "\nreason " + end.reason
                       + "\n");
  return 0;
}
