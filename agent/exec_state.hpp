#pragma once

#include "agent/descriptor.hpp"
#include "agent/exec_driver.hpp"
#include "agent/probe.hpp"

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace skerry {

/// The work of the driver, on its one thread; see exec_driver.cpp for the loop.
class exec_state {
public:
  exec_state(exec_driver_options options, cgroups groups,
             std::optional<user_ids> user, int epoll);

  void carry_out(const driver_command& command);
  /// The supervisor of the task with this number has ended.
  void supervisor_ended(std::uint64_t number);
  /// Whatever is due. @returns milliseconds until it is to be called again.
  std::int64_t look(std::int64_t now);
  void sweep();

  std::vector<driver_event> events; ///< What there is to tell.
  const cgroups& groups() const { return groups_; }

private:
  struct running_task {
    std::uint64_t number = 0;
    v1::StartOrder order;
    std::filesystem::path directory;
    std::string group;
    pid_t pid = 0;
    bool is_child = false;
    descriptor handle;
    std::int64_t started_unix = 0;
    std::int64_t hard_stop_at = 0; ///< When asking has not helped.
    std::int64_t sampled_at = 0;
    cgroup_usage sample; ///< The last.
    bool sampled = false;
    std::optional<v1::Outcome> ending; ///< Waits for its group to be empty.
    std::int64_t look_at = 0;
  };

  void start(const begin_task& command);
  result<launch> prepare(const v1::StartOrder& order, running_task& task);
  void adopt(const adopt_task& command);
  void stop(const stop_task& command);
  void resize(const change_task& command);
  result<> resize_limits(const running_task& task, const v1::Resources& to);
  void forget(const forget_task& command);
  void read_logs(const v1::LogsOrder& order);

  bool watch(const task_key& key, running_task& task,
             const supervisor_mark& mark);
  void finish(const task_key& key, running_task& task);
  void try_to_end(const task_key& key, running_task& task);
  void never_began(const task_key& key, const running_task& task);
  void sample_usage(std::int64_t now);
  std::vector<std::size_t> choose_cpus(std::int64_t millicores);
  std::filesystem::path directory_of(const task_key& key) const;
  std::string group_of(const task_key& key) const;

  exec_driver_options options_;
  cgroups groups_;
  std::optional<user_ids> user_;
  int epoll_;
  std::map<task_key, running_task> tasks_;
  std::map<std::uint64_t, task_key> by_number_;
  std::set<task_key> ending_;
  std::set<task_key> stopping_;
  std::deque<std::filesystem::path> finished_;
  std::vector<std::string> empty_groups_; ///< Not removed at the first try.
  std::uint64_t next_number_ = 1;
  std::size_t next_cpu_ = 0;
  std::int64_t next_sample_ = 0;
  prober prober_;
};

} // namespace skerry
