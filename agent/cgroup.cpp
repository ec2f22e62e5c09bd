#include "agent/cgroup.hpp"

#include "agent/cgroup_place.hpp"
#include "agent/text_file.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <set>
#include <signal.h>
#include <sstream>
#include <sys/stat.h>
#include <sys/types.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace skerry {

namespace {

namespace fs = std::filesystem;

/// The kernel's own period: long enough to be cheap, short enough for services.
constexpr std::int64_t period_microseconds = 100'000;
/// The kernel takes no quota below this.
constexpr std::int64_t min_quota_microseconds = 1'000;

result<> make_directory(const fs::path& path) {
  if (::mkdir(path.c_str(), 0755) != 0 && errno != EEXIST)
    return io_error("cannot make", path);
  return done{};
}

bool lists(const fs::path& file, std::initializer_list<std::string> words) {
  const auto text = read_line(file);
  std::istringstream in{text.value_or("")};
  std::set<std::string> has;
  for (std::string word; in >> word;)
    has.insert(word);
  return std::ranges::all_of(words,
                             [&](const auto& w) { return has.contains(w); });
}

/// @returns the agent's directory, with both controllers for its children.
result<fs::path> try_v2(const cgroup_options& options) {
  const auto places = cgroup_places(options.proc);
  const auto own = places.find("");
  if (own == places.end())
    return {error_code::io_failed, "no cgroup2 is mounted"};
  const auto& base = own->second.own;
  if (!lists(base / "cgroup.controllers", {"cpu", "memory"}))
    return {
        error_code::io_failed,
        fmt::format("{} offers no cpu and memory controllers", base.string())};
  // A group with processes gives its children no controllers: so into a leaf of
  // our own, where it is ours alone, else beside it, where the parent gives.
  const auto control = base / "cgroup.subtree_control";
  if (!write_control(control, "+cpu +memory")) {
    const auto leaf = base / (options.name + "-agent");
    if (make_directory(leaf)) {
      if (write_control(leaf / "cgroup.procs", "0"))
        (void)write_control(control, "+cpu +memory"); // Looked at below.
      else
        ::rmdir(leaf.c_str());
    }
  }
  auto parent = base;
  if (!lists(control, {"cpu", "memory"}))
    parent = base.parent_path();
  if (!lists(parent / "cgroup.subtree_control", {"cpu", "memory"}))
    return {error_code::io_failed,
            fmt::format("{} does not delegate cpu and memory", base.string())};
  const auto root = parent / options.name;
  if (auto made = make_directory(root); !made)
    return made.failure();
  if (auto ok = write_control(root / "cgroup.subtree_control", "+cpu +memory");
      !ok)
    return ok.failure();
  return root;
}

result<std::map<std::string, fs::path, std::less<>>>
try_v1(const cgroup_options& options) {
  const auto places = cgroup_places(options.proc);
  std::map<std::string, fs::path, std::less<>> out;
  for (const std::string controller : {"cpu", "memory", "cpuacct"}) {
    const auto found = places.find(controller);
    if (found == places.end()) {
      if (controller == "cpuacct")
        continue; // Then usage is read from /proc.
      return {error_code::io_failed,
              fmt::format("no cgroup of {} is mounted", controller)};
    }
    const auto root = found->second.own / options.name;
    if (auto made = make_directory(root); !made)
      return made.failure();
    const auto limit = controller == "cpu"      ? "cpu.cfs_quota_us"
                       : controller == "memory" ? "memory.limit_in_bytes"
                                                : "cpuacct.usage";
    if (::access((root / limit).c_str(), F_OK) != 0)
      return {error_code::io_failed,
              fmt::format("{} has no {}", root.string(), limit)};
    out[controller] = root;
  }
  return out;
}

/// Empty when it cannot be read.
std::string text_of(const std::string& file) {
  auto text = read_text(file);
  return text ? *std::move(text) : std::string{};
}

/// Of "some avg10=1.23 ...", in percent: the thousandths of the last 10 s.
std::int64_t pressure(const std::string& file) {
  const auto text = text_of(file);
  const auto at = text.find("avg10=");
  if (at == text.npos)
    return 0; // The kernel does not account for it.
  return static_cast<std::int64_t>(std::strtod(text.c_str() + at + 6, nullptr)
                                   * 10);
}

} // namespace

std::string_view to_string(cgroup_rung rung) {
  switch (rung) {
  case cgroup_rung::v2:
    return "cgroup-v2";
  case cgroup_rung::v1:
    return "cgroup-v1";
  case cgroup_rung::limits:
    return "rlimit";
  case cgroup_rung::observe:
    return "observe";
  }
  return "observe";
}

cgroups cgroups::probe(const cgroup_options& options) {
  cgroups out;
  std::vector<std::string> reasons;
  if (options.best <= cgroup_rung::v2) {
    auto root = try_v2(options);
    if (root) {
      out.rung_ = cgroup_rung::v2;
      out.roots_[""] = *root;
      out.why_ = "cgroup v2 is delegated";
      return out;
    }
    reasons.push_back("not v2: " + root.failure().message);
  }
  if (options.best <= cgroup_rung::v1) {
    auto roots = try_v1(options);
    if (roots) {
      out.rung_ = cgroup_rung::v1;
      out.roots_ = *std::move(roots);
      out.why_ = fmt::format("{}", fmt::join(reasons, "; "));
      return out;
    }
    reasons.push_back("not v1: " + roots.failure().message);
  }
  out.rung_ = options.best <= cgroup_rung::limits ? cgroup_rung::limits
                                                  : cgroup_rung::observe;
  out.why_ = reasons.empty() ? "as asked"
                             : fmt::format("{}", fmt::join(reasons, "; "));
  return out;
}

std::string cgroups::dir(std::string_view controller,
                         const std::string& task) const {
  const auto found = roots_.find(rung_ == cgroup_rung::v2 ? "" : controller);
  return found == roots_.end() ? "" : (found->second / task).string();
}

std::vector<std::string> cgroups::directories(const std::string& task) const {
  std::vector<std::string> out;
  for (const auto& [controller, root] : roots_)
    out.push_back((root / task).string());
  return out;
}

result<> cgroups::create(const std::string& task, std::int64_t cpu_millicores,
                         std::int64_t memory_bytes) {
  for (const auto& each : directories(task))
    if (auto made = make_directory(each); !made)
      return made;
  if (cpu_millicores > 0)
    if (auto ok = set_cpu(task, cpu_millicores); !ok)
      return ok;
  if (memory_bytes > 0)
    return set_memory(task, memory_bytes);
  return done{};
}

result<> cgroups::set_cpu(const std::string& task,
                          std::int64_t millicores) const {
  const auto at = dir("cpu", task);
  if (at.empty())
    return done{};
  const auto quota = std::max(min_quota_microseconds,
                              millicores * period_microseconds / 1000);
  if (rung_ == cgroup_rung::v2)
    return write_control(
        at + "/cpu.max",
        millicores == 0 ? std::string{"max"}
                        : fmt::format("{} {}", quota, period_microseconds));
  return write_control(at + "/cpu.cfs_quota_us",
                       std::to_string(millicores == 0 ? -1 : quota));
}

result<> cgroups::set_memory(const std::string& task,
                             std::int64_t bytes) const {
  const auto at = dir("memory", task);
  if (at.empty())
    return done{};
  if (rung_ == cgroup_rung::v2)
    return write_control(at + "/memory.max",
                         bytes == 0 ? "max" : std::to_string(bytes));
  return write_control(at + "/memory.limit_in_bytes",
                       std::to_string(bytes == 0 ? -1 : bytes));
}

result<> cgroups::resize(const std::string& task, std::int64_t cpu_millicores,
                         std::int64_t memory_bytes) const {
  if (roots_.empty())
    return done{};
  // The kernel frees what it can before version 1 says EBUSY; version 2 would
  // kill instead, so ask first there.
  const auto used = usage(task).memory_bytes;
  if (memory_bytes > 0 && used > memory_bytes)
    return {error_code::conflict,
            fmt::format("it uses {} bytes of memory, more than {}", used,
                        memory_bytes)};
  if (auto ok = set_memory(task, memory_bytes); !ok)
    return {error_code::conflict, ok.failure().message};
  return set_cpu(task, cpu_millicores);
}

cgroup_usage cgroups::usage(const std::string& task) const {
  cgroup_usage out;
  const auto memory = dir("memory", task);
  const auto cpu = dir("cpu", task);
  if (memory.empty())
    return out;
  const bool is_v2 = rung_ == cgroup_rung::v2;
  const auto stat = text_of(memory + "/memory.stat");
  const auto of_stat = [&](const char* v2, const char* v1) {
    return number_after(stat, is_v2 ? v2 : v1).value_or(0);
  };
  const auto of_memory = [&](const char* v2, const char* v1) {
    return read_number(memory + (is_v2 ? v2 : v1)).value_or(0);
  };
  out.memory_bytes = std::max<std::int64_t>(
      of_memory("/memory.current", "/memory.usage_in_bytes")
          - of_stat("inactive_file", "total_inactive_file"),
      0);
  // Kernels before 5.19 have no peak in version 2.
  out.peak_memory_bytes
      = std::max(of_memory("/memory.peak", "/memory.max_usage_in_bytes")
                     - of_stat("file", "total_cache"),
                 out.memory_bytes);
  out.out_of_memory_kills = kills(task);
  const auto cpu_stat = text_of(cpu + "/cpu.stat");
  out.periods = number_after(cpu_stat, "nr_periods").value_or(0);
  out.throttled_periods = number_after(cpu_stat, "nr_throttled").value_or(0);
  if (is_v2) {
    out.cpu_microseconds = number_after(cpu_stat, "usage_usec").value_or(0);
    out.throttled_microseconds
        = number_after(cpu_stat, "throttled_usec").value_or(0);
    out.memory_pressure_milli = pressure(memory + "/memory.pressure");
    out.cpu_pressure_milli = pressure(cpu + "/cpu.pressure");
  } else {
    if (const auto account = dir("cpuacct", task); !account.empty())
      out.cpu_microseconds
          = read_number(account + "/cpuacct.usage").value_or(0) / 1000;
    out.throttled_microseconds
        = number_after(cpu_stat, "throttled_time").value_or(0) / 1000;
  }
  return out;
}

std::int64_t cgroups::kills(const std::string& task) const {
  const auto at = dir("memory", task);
  if (at.empty())
    return 0;
  const auto text = text_of(
      at
      + (rung_ == cgroup_rung::v2 ? "/memory.events" : "/memory.oom_control"));
  return number_after(text, "oom_kill").value_or(0);
}

bool cgroups::out_of_memory(const std::string& task) const {
  return kills(task) > 0;
}

bool cgroups::empty(const std::string& task) const {
  const auto at = dir("memory", task);
  const auto text = read_line(at + "/cgroup.procs");
  return at.empty() || !text || text->empty();
}

void cgroups::kill(const std::string& task) const {
  const auto at = dir("memory", task);
  if (at.empty())
    return;
  // Without cgroup.kill once more each time somebody looks.
  if (rung_ == cgroup_rung::v2 && write_control(at + "/cgroup.kill", "1"))
    return;
  const auto text = read_text(at + "/cgroup.procs");
  std::istringstream in{text ? *text : std::string{}};
  for (pid_t pid = 0; in >> pid;)
    if (pid > 1)
      ::kill(pid, SIGKILL);
}

bool cgroups::remove(const std::string& task) const {
  bool gone = true;
  for (const auto& each : directories(task))
    if (::rmdir(each.c_str()) != 0 && errno != ENOENT)
      gone = false;
  return gone;
}

std::vector<std::string> cgroups::tasks() const {
  std::set<std::string> out;
  std::error_code failed;
  for (const auto& [controller, root] : roots_)
    for (const auto& entry : fs::directory_iterator{root, failed})
      if (entry.is_directory(failed))
        out.insert(entry.path().filename().string());
  return {out.begin(), out.end()};
}

void cgroups::remove_all() const {
  for (const auto& [controller, root] : roots_)
    ::rmdir(root.c_str());
}

} // namespace skerry
