#pragma once

#include "actors/allocator.hpp"
#include "actors/jobs.hpp"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace skerry::testing {

/// Servers, each with JOBS and an ALLOCATOR, and nodes that run simulated
/// tasks; nothing fails, and messages take no time. Time is virtual.
class queue_world {
public:
  explicit queue_world(const jobs_options& how, std::size_t servers = 1);

  void add_node(const std::string& name, std::int64_t cores,
                std::int64_t gibibytes = 1024, std::size_t server = 0);
  std::optional<error> submit(const v1::Job& job, std::size_t server = 0);
  void cancel(const std::string& job, std::size_t server = 0);
  /// Plays on until then; looks at what must always hold at each second.
  void run_until(std::int64_t milliseconds);
  std::int64_t now() const { return now_; }
  const jobs& owned(std::size_t server = 0) const {
    return *servers_[server].owned;
  }
  jobs& owned(std::size_t server = 0) { return *servers_[server].owned; }
  const allocator& cell(std::size_t server = 0) const {
    return *servers_[server].cell;
  }
  v1::TaskStatus task(const std::string& id, std::size_t server = 0) const;
  /// Hands on what `use` has left.
  void with_jobs(std::size_t server,
                 const std::function<void(jobs&, instant, outbox&)>& use);

  /// Called with its name when a task starts, or has ended.
  std::function<void(const std::string&)> on_start = [](const auto&) {};
  std::function<void(const std::string&)> on_end = [](const auto&) {};
  /// Of each tenant at each server, all the time.
  bool quota_was_exceeded = false;

private:
  struct one_server {
    std::string name;
    std::unique_ptr<jobs> owned;
    std::unique_ptr<allocator> cell;
  };
  struct one_node {
    std::string name;
    std::size_t server = 0;
    std::uint64_t session = 0;
  };

  void deliver(outbox out, std::size_t from);
  void order(std::size_t node, const v1::ServerMessage& message);
  void tell(std::size_t node, v1::AgentMessage message);
  void end(std::size_t node, const v1::StartOrder& order, bool succeeded);
  void tick();
  std::size_t index_of(const std::string& server) const;
  instant time() const { return {now_, now_}; }

  std::vector<one_server> servers_;
  std::vector<one_node> nodes_;
  std::multimap<std::int64_t, std::function<void()>> events_;
  std::map<std::string, v1::StartOrder> running_; ///< By task.
  std::int64_t now_ = 0;
};

/// Of one core each, that run so long.
v1::Job work_of(const std::string& id, std::uint32_t tasks,
                std::int64_t milliseconds, const std::string& tenant = {},
                int priority = 0);

} // namespace skerry::testing
