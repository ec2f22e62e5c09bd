#pragma once

#include "messages/skerry/v1/agent_journal.pb.h"
#include "messages/skerry/v1/agent_link.pb.h"

#include <cstdint>
#include <string>
#include <vector>

namespace skerry::testing {

/// 4 cores, 8 GiB, two GPUs.
inline v1::NodeSpec node_of(const std::string& name) {
  v1::NodeSpec out;
  out.set_name(name);
  out.mutable_capacity()->set_cpu_millicores(4000);
  out.mutable_capacity()->set_memory_bytes(std::int64_t{8} << 30);
  out.add_devices()->set_kind("gpu");
  out.add_devices()->set_kind("gpu");
  return out;
}

/// Of session and epoch 1; a simulated task unless `argv` is given.
inline v1::StartOrder order_of(const std::string& node, const std::string& task,
                               std::uint32_t attempt,
                               std::int64_t cpu_millicores = 100,
                               const std::vector<std::string>& argv = {}) {
  v1::StartOrder out;
  out.set_node(node);
  out.set_epoch(1);
  out.set_session(1);
  out.set_task(task);
  out.set_attempt(attempt);
  out.mutable_demand()->set_cpu_millicores(cpu_millicores);
  out.mutable_profile()->mutable_demand()->set_cpu_millicores(cpu_millicores);
  if (argv.empty())
    out.mutable_work()->mutable_simulated()->set_duration_milliseconds(1000);
  for (const auto& word : argv)
    out.mutable_work()->mutable_exec()->add_argv(word);
  return out;
}

inline v1::Welcome welcome(const std::string& node, std::uint64_t session,
                           std::uint64_t epoch,
                           std::int64_t lease_milliseconds) {
  v1::Welcome out;
  out.set_node(node);
  out.set_server("s");
  out.set_epoch(epoch);
  out.set_session(session);
  out.set_lease_milliseconds(lease_milliseconds);
  out.set_heartbeat_milliseconds(1000);
  return out;
}

inline v1::TaskStarted started(const std::string& node, const std::string& task,
                               std::uint32_t attempt) {
  v1::TaskStarted out;
  out.set_node(node);
  out.set_task(task);
  out.set_attempt(attempt);
  out.set_pid(77);
  return out;
}

} // namespace skerry::testing
