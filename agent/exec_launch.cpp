#include "agent/exec_launch.hpp"

#include "agent/text_file.hpp"

#include <fmt/core.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <spawn.h>
#include <sstream>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace skerry {

std::optional<supervisor_mark>
read_mark(const std::filesystem::path& directory) {
  const auto text = read_line(directory / "pid");
  if (!text)
    return std::nullopt;
  std::istringstream in{*text};
  supervisor_mark out;
  if (!(in >> out.pid >> out.start_ticks >> out.unix_milliseconds))
    return std::nullopt;
  return out;
}

bool claim_for_nobody(const std::filesystem::path& directory) {
  std::error_code failed;
  if (!std::filesystem::is_directory(directory, failed))
    return true; // A supervisor on its way finds nothing to write into.
  const int fd = ::open((directory / "pid").c_str(),
                        O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (fd < 0)
    return false;
  (void)write_all(fd, "0 0 0\n"); // That it exists is enough.
  ::close(fd);
  return true;
}

std::optional<v1::Outcome> read_exit(const std::filesystem::path& directory) {
  const auto text = read_text(directory / "exit");
  if (!text)
    return std::nullopt;
  const auto code = number_after(*text, "code");
  const auto signal = number_after(*text, "signal");
  if (!code || !signal)
    return std::nullopt;
  v1::Outcome out;
  out.set_exit_code(static_cast<int>(*code));
  out.set_signal(static_cast<int>(*signal));
  out.set_started_unix_milliseconds(number_after(*text, "started").value_or(0));
  out.set_ended_unix_milliseconds(number_after(*text, "ended").value_or(0));
  if (const auto at = text->find("\nreason "); at != text->npos) {
    auto reason = text->substr(at + 8);
    while (!reason.empty() && reason.back() == '\n')
      reason.pop_back();
    out.set_reason(std::move(reason));
  }
  out.set_succeeded(*code == 0 && *signal == 0 && out.reason().empty());
  return out;
}

result<user_ids> find_user(const std::string& name) {
  std::array<char, 16384> buffer{};
  passwd entry{};
  passwd* found = nullptr;
  ::getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
  if (found == nullptr)
    return {error_code::not_found,
            fmt::format("there is no user {} on this machine", name)};
  return user_ids{found->pw_uid, found->pw_gid};
}

std::string devices_text(const v1::StartOrder& order) {
  std::string out;
  for (int i = 0; i < order.devices_size(); ++i) {
    const auto share = i < order.device_shares_milli_size()
                           ? order.device_shares_milli(i)
                           : 0;
    out += fmt::format("{}{}:{}", out.empty() ? "" : ",", order.devices(i),
                       share == 0 ? 1000 : share);
  }
  return out.empty() ? "-" : out;
}

std::map<std::string, std::string>
task_environment(const v1::StartOrder& order,
                 const std::vector<std::string>& device_kinds,
                 const std::vector<std::string>& device_ids,
                 const std::filesystem::path& home) {
  std::map<std::string, std::string> out;
  for (const char* name : {"PATH", "LANG", "TZ"})
    if (const char* value = std::getenv(name))
      out[name] = value;
  if (!out.contains("PATH"))
    out["PATH"] = "/usr/local/bin:/usr/bin:/bin";
  out["HOME"] = home.string();
  for (const auto& [name, value] : order.work().exec().environment())
    out[name] = value;
  out["SKERRY_TASK"] = order.task();
  out["SKERRY_ATTEMPT"] = std::to_string(order.attempt());
  out["SKERRY_NODE"] = order.node();
  std::string all;
  std::string gpus;
  for (const auto device : order.devices()) {
    all += fmt::format("{}{}", all.empty() ? "" : ",", device);
    if (device >= device_kinds.size() || device_kinds[device] != "gpu")
      continue;
    std::size_t ordinal = 0; // Among the GPUs, in the order of their bus.
    for (std::size_t i = 0; i < device; ++i)
      ordinal += device_kinds[i] == "gpu" ? 1 : 0;
    const auto id = device < device_ids.size() ? device_ids[device] : "";
    gpus += fmt::format("{}{}", gpus.empty() ? "" : ",",
                        id.empty() ? std::to_string(ordinal) : id);
  }
  out["SKERRY_DEVICES"] = all;
  // Empty hides every GPU: a task that asked for none shall find none.
  out["CUDA_VISIBLE_DEVICES"] = gpus;
  out["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID";
  return out;
}

namespace {

std::vector<std::string> words_of(const launch& how,
                                  const v1::StartOrder& order) {
  std::vector<std::string> out{
      how.supervisor.filename().string(),
      "dir=" + how.directory.string(),
      "cwd=" + how.working_directory.string(),
      fmt::format("name={} {} {}", order.node(), order.task(), order.attempt()),
      fmt::format("terms={} {}", order.session(), order.epoch()),
      fmt::format("amounts={} {} {}", order.demand().cpu_millicores(),
                  order.demand().memory_bytes(), devices_text(order)),
      fmt::format("grace={}", how.grace_milliseconds)};
  if (!how.log.empty())
    out.push_back("log=" + how.log.string());
  if (!how.lease.empty()) {
    out.push_back("lease=" + how.lease.string());
    out.push_back(fmt::format("slack={}", how.lease_slack_milliseconds));
  }
  for (const auto& group : how.cgroups)
    out.push_back("cgroup=" + group);
  for (const auto cpu : how.cpus)
    out.push_back(fmt::format("cpu={}", cpu));
  if (how.data_bytes > 0)
    out.push_back(fmt::format("data={}", how.data_bytes));
  if (how.user) {
    out.push_back(fmt::format("uid={}", how.user->uid));
    out.push_back(fmt::format("gid={}", how.user->gid));
  }
  out.emplace_back("--");
  for (const auto& word : order.work().exec().argv())
    out.push_back(word);
  return out;
}

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> out;
  out.reserve(words.size() + 1);
  for (auto& word : words)
    out.push_back(word.data());
  out.push_back(nullptr);
  return out;
}

} // namespace

result<pid_t> spawn(const launch& how, const v1::StartOrder& order) {
  auto words = words_of(how, order);
  std::vector<std::string> environment;
  environment.reserve(how.environment.size());
  for (const auto& [name, value] : how.environment)
    environment.push_back(fmt::format("{}={}", name, value));

  posix_spawn_file_actions_t files;
  ::posix_spawn_file_actions_init(&files);
  ::posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
  ::posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  sigset_t blocked;
  sigset_t all;
  sigemptyset(&blocked);
  for (const int signal : {SIGTERM, SIGUSR1, SIGCHLD})
    sigaddset(&blocked, signal);
  sigfillset(&all);
  // So that a stop that comes early waits until it is ready for it.
  ::posix_spawnattr_setsigmask(&attributes, &blocked);
  ::posix_spawnattr_setsigdefault(&attributes, &all);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK
                                              | POSIX_SPAWN_SETSIGDEF
                                              | POSIX_SPAWN_SETSID);
  pid_t pid = 0;
  const int fault
      = ::posix_spawn(&pid, how.supervisor.c_str(), &files, &attributes,
                      pointers(words).data(), pointers(environment).data());
  ::posix_spawn_file_actions_destroy(&files);
  ::posix_spawnattr_destroy(&attributes);
  if (fault != 0)
    return {error_code::io_failed,
            fmt::format("cannot start {}: {}", how.supervisor.string(),
                        std::generic_category().message(fault))};
  return pid;
}

} // namespace skerry
