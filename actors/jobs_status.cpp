#include "actors/jobs.hpp"
#include "messages/convert.hpp"
#include "messages/job_stages.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace skerry {

v1::TaskState jobs::state_of(const job& owner) const {
  const auto& counts = owner.counts;
  if (counts[v1::RUNNING] > 0)
    return v1::RUNNING;
  if (counts[v1::PLACED] > 0)
    return v1::PLACED;
  if (counts[v1::QUEUED] > 0)
    return v1::QUEUED;
  if (counts[v1::FAILED] > 0)
    return v1::FAILED;
  return counts[v1::CANCELLED] > 0 ? v1::CANCELLED : v1::FINISHED;
}

// -- reading ------------------------------------------------------------------

v1::JobStatus jobs::status_of(const job& owner, bool whole) const {
  v1::JobStatus status;
  const auto& wire = owner.record.job();
  status.set_id(wire.id());
  status.set_name(wire.name());
  status.set_server(options_.server);
  status.set_state(state_of(owner));
  status.set_queued(owner.counts[v1::QUEUED]);
  status.set_placed(owner.counts[v1::PLACED]);
  status.set_running(owner.counts[v1::RUNNING]);
  status.set_finished(owner.counts[v1::FINISHED]);
  status.set_failed(owner.counts[v1::FAILED]);
  status.set_cancelled(owner.counts[v1::CANCELLED]);
  status.set_submitted_unix_milliseconds(
      owner.record.submitted_unix_milliseconds());
  status.set_cancelling(owner.record.cancelled() && !has_ended(status.state()));
  status.set_ended_unix_milliseconds(owner.record.ended_unix_milliseconds());
  if (!whole)
    return status;
  *status.mutable_job() = wire;
  for (std::uint32_t i = 0; i < owner.tasks.size(); ++i)
    *status.add_tasks()
        = status_of({const_cast<job*>(&owner), i}); // It reads only.
  return status;
}

std::string jobs::waits_because(task_of t) const {
  if (is_held(t))
    return held_because(t);
  const auto& queue = *t.owner->classes[t->group];
  if (queue.at == place::parked)
    return fmt::format("the quota of tenant {} has no room for it now",
                       queue.tenant->name);
  return queue.why;
}

v1::TaskStatus jobs::status_of(task_of t) const {
  v1::TaskStatus status;
  const auto& task = *t;
  status.set_id(id_of(t));
  status.set_group(name_of(group_of(t)));
  status.set_state(task.state);
  status.set_attempt(task.attempt);
  status.set_failures(task.failures);
  status.set_cell(task.cell);
  status.set_node(task.node);
  status.mutable_devices()->Assign(task.devices.begin(), task.devices.end());
  *status.mutable_outcome() = task.outcome;
  *status.mutable_demand()
      = task.demand != nullptr ? *task.demand : group_of(t).profile().demand();
  if (task.state == v1::QUEUED)
    status.set_waits_for(waits_because(t));
  if (task.state == v1::CANCELLED && task.outcome.reason().empty())
    status.mutable_outcome()->set_reason(held_because(t));
  if (task.is_awarding() && !cells_.contains(task.cell))
    status.set_waits_for(fmt::format("server {} does not answer and may have "
                                     "placed it",
                                     task.cell));
  return status;
}

result<const jobs::job*> jobs::owner_of(const std::string& id) const {
  const auto owner = jobs_.find(id);
  if (owner == jobs_.end())
    return error{error_code::not_found,
                 fmt::format("no job {} was submitted to server {}", id,
                             options_.server)};
  return &owner->second;
}

result<v1::JobStatus> jobs::status(const std::string& id) const {
  const auto owner = owner_of(id);
  if (!owner)
    return owner.failure();
  return status_of(**owner, true);
}

v1::ListJobsReply jobs::list(const v1::ListJobsRequest& request) const {
  constexpr std::uint32_t most = 1000;
  const auto limit = static_cast<int>(
      std::min(request.limit() == 0 ? 100 : request.limit(), most));
  v1::ListJobsReply reply;
  for (auto owner = jobs_.upper_bound(request.after()); owner != jobs_.end();
       ++owner) {
    if (!request.states().empty()
        && std::ranges::find(request.states(),
                             static_cast<int>(state_of(owner->second)))
               == request.states().end())
      continue;
    if (reply.jobs_size() == limit) {
      reply.set_more(true);
      break;
    }
    *reply.add_jobs() = status_of(owner->second, false);
  }
  return reply;
}

result<v1::JobStatus> jobs::task_status(const std::string& id) const {
  const auto t = const_cast<jobs*>(this)->find(id); // `find` changes nothing.
  if (t.owner == nullptr)
    return error{error_code::not_found, fmt::format("no task {}", id)};
  auto status = status_of(*t.owner, false);
  *status.add_tasks() = status_of(t);
  return status;
}

void jobs::describe(v1::ServerStatus& status) const {
  status.set_jobs(jobs_.size());
  status.set_tasks_queued(counts_[v1::QUEUED]);
  status.set_tasks_finished(counts_[v1::FINISHED]);
  status.set_tasks_failed(counts_[v1::FAILED]);
}

// -- for users of another server ------------------------------------------

mesh::v1::Answer jobs::answer(const mesh::v1::Question& question, instant now,
                              outbox& out) {
  using mesh::v1::Question;
  mesh::v1::Answer answer;
  answer.set_number(question.number());
  const auto take_status = [&](result<v1::JobStatus> got) {
    if (got)
      *answer.mutable_job() = std::move(*got);
    else
      *answer.mutable_failure() = failure_of(got.failure());
  };
  switch (question.what_case()) {
  case Question::kJob:
    take_status(status(question.job().id()));
    break;
  case Question::kExplain:
    if (auto got = explain(question.explain().id()))
      *answer.mutable_in_queue() = std::move(*got);
    else
      *answer.mutable_failure() = failure_of(got.failure());
    break;
  case Question::kCancel:
    take_status(cancel(question.cancel(), now, out));
    break;
  case Question::kJobs:
    *answer.mutable_jobs() = list(question.jobs());
    break;
  case Question::kTenants:
    *answer.mutable_tenants() = tenants();
    break;
  case Question::kLogs:
    take_status(task_status(question.logs().task()));
    break;
  default:
    *answer.mutable_failure() = failure_of(
        {error_code::invalid_argument, "this server cannot answer that"});
  }
  return answer;
}

} // namespace skerry
