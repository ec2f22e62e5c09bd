#pragma once

#include "scheduling/result.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace skerry {

/// How strongly the machine can hold a task to its amounts, best first.
enum class cgroup_rung : std::uint8_t {
  v2,
  v1,
  limits,  ///< rlimit of data and CPU affinity.
  observe, ///< Nothing is enforced.
};

std::string_view to_string(cgroup_rung rung);

struct cgroup_options {
  std::filesystem::path proc = "/proc"; ///< For mounts and own places.
  /// The group that all tasks of this agent lie under.
  std::string name = "skerry";
  /// The best rung that may be tried.
  cgroup_rung best = cgroup_rung::v2;
};

/// Times and counts are since the group was made.
struct cgroup_usage {
  std::int64_t cpu_microseconds = 0;
  std::int64_t throttled_microseconds = 0;
  std::int64_t periods = 0; ///< In which it wanted to run.
  std::int64_t throttled_periods = 0;
  std::int64_t memory_bytes = 0; ///< Without what the kernel can drop.
  /// The most there was less the files' share now: no less than what could
  /// not be dropped at that time.
  std::int64_t peak_memory_bytes = 0;
  /// Of the last 10 s; version 2 only.
  std::int64_t memory_pressure_milli = 0;
  std::int64_t cpu_pressure_milli = 0;
  std::int64_t out_of_memory_kills = 0;
};

/// The control groups of this agent's tasks. Single-threaded.
class cgroups {
public:
  /// Tries the rungs from the best and keeps the first that works.
  static cgroups probe(const cgroup_options& options);

  cgroup_rung rung() const { return rung_; }
  /// Which rung, and why not a better one.
  const std::string& why() const { return why_; }

  /// Makes the group of a task; 0 sets no limit.
  /// @returns `io_failed`.
  result<> create(const std::string& task, std::int64_t cpu_millicores,
                  std::int64_t memory_bytes);
  /// Directories whose cgroup.procs the task joins; empty on lower rungs.
  std::vector<std::string> directories(const std::string& task) const;

  /// In force when it returns.
  /// @returns `conflict` when the task uses more memory than that.
  result<> resize(const std::string& task, std::int64_t cpu_millicores,
                  std::int64_t memory_bytes) const;

  cgroup_usage usage(const std::string& task) const;
  /// Whether the kernel has killed in it for want of memory.
  bool out_of_memory(const std::string& task) const;
  bool empty(const std::string& task) const;
  /// All that is in it, at once; the processes may take a moment.
  void kill(const std::string& task) const;
  /// Whether it is gone; not while processes are in it.
  bool remove(const std::string& task) const;

  /// Tasks that have a group.
  std::vector<std::string> tasks() const;
  /// Removes the group of the agent, when no task has one.
  void remove_all() const;

private:
  std::string dir(std::string_view controller, const std::string& task) const;
  /// Processes in it that the kernel has killed for want of memory.
  std::int64_t kills(const std::string& task) const;
  result<> set_cpu(const std::string& task, std::int64_t millicores) const;
  result<> set_memory(const std::string& task, std::int64_t bytes) const;

  cgroup_rung rung_ = cgroup_rung::observe;
  std::string why_;
  /// Controller to the agent's directory; version 2 has one, named "".
  std::map<std::string, std::filesystem::path, std::less<>> roots_;
};

} // namespace skerry
