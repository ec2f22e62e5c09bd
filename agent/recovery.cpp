#include "agent/recovery.hpp"

namespace skerry {

namespace {

template <class Record>
task_key key_of(const Record& record) {
  return {record.node(), record.task(), record.attempt()};
}

template <class Record>
void name(Record& record, const task_key& key) {
  record.set_node(key.node);
  record.set_task(key.task);
  record.set_attempt(key.attempt);
}

void fold_one(const v1::AgentRecord& record, agent_memory& into) {
  switch (record.what_case()) {
  case v1::AgentRecord::kIdentity:
    into.identity = record.identity();
    break;
  case v1::AgentRecord::kSession:
    into.sessions[record.session().node()] = record.session();
    break;
  case v1::AgentRecord::kAccepted:
    into.tasks[key_of(record.accepted())].order = record.accepted();
    break;
  case v1::AgentRecord::kStarted: {
    auto found = into.tasks.find(key_of(record.started()));
    if (found == into.tasks.end())
      break;
    found->second.started = record.started();
    found->second.has_started = true;
    break;
  }
  case v1::AgentRecord::kStopping: {
    auto found = into.tasks.find(key_of(record.stopping()));
    if (found == into.tasks.end())
      break;
    found->second.stopping = true;
    found->second.stop_reason = record.stopping().reason();
    break;
  }
  case v1::AgentRecord::kResized: {
    auto found = into.tasks.find(key_of(record.resized()));
    if (found != into.tasks.end())
      *found->second.order.mutable_demand() = record.resized().demand();
    break;
  }
  case v1::AgentRecord::kEnded: {
    auto found = into.tasks.find(key_of(record.ended()));
    if (found != into.tasks.end())
      found->second.outcome = record.ended().outcome();
    break;
  }
  case v1::AgentRecord::kForgotten: {
    auto key = key_of(record.forgotten());
    into.tasks.erase(key);
    if (!record.forgotten().never_started())
      into.gone.push_back(std::move(key));
    break;
  }
  case v1::AgentRecord::WHAT_NOT_SET:
    break; // Of a later version.
  }
}

} // namespace

agent_memory fold(std::span<const v1::AgentRecord> records) {
  agent_memory out;
  for (const auto& record : records)
    fold_one(record, out);
  return out;
}

void end_all(agent_memory& memory, std::string_view reason,
             std::int64_t unix_milliseconds) {
  for (auto& [key, task] : memory.tasks) {
    if (task.outcome)
      continue;
    auto& outcome = task.outcome.emplace();
    outcome.set_reason(std::string{reason});
    outcome.set_started_unix_milliseconds(task.started.unix_milliseconds());
    outcome.set_ended_unix_milliseconds(unix_milliseconds);
  }
}

std::vector<v1::AgentRecord> unfold(const agent_memory& memory) {
  std::vector<v1::AgentRecord> out;
  *out.emplace_back().mutable_identity() = memory.identity;
  for (const auto& [node, session] : memory.sessions)
    *out.emplace_back().mutable_session() = session;
  for (const auto& [key, task] : memory.tasks) {
    *out.emplace_back().mutable_accepted() = task.order;
    if (task.has_started)
      *out.emplace_back().mutable_started() = task.started;
    if (task.stopping) {
      auto& stopping = *out.emplace_back().mutable_stopping();
      name(stopping, key);
      stopping.set_reason(task.stop_reason);
    }
    if (task.outcome) {
      auto& ended = *out.emplace_back().mutable_ended();
      name(ended, key);
      *ended.mutable_outcome() = *task.outcome;
    }
  }
  for (const auto& key : memory.gone)
    name(*out.emplace_back().mutable_forgotten(), key);
  return out;
}

} // namespace skerry
