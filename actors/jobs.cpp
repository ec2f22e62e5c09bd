#include "actors/jobs.hpp"

#include "messages/convert.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <google/protobuf/util/message_differencer.h>
#include <utility>

namespace skerry {

namespace {

constexpr std::string_view job_prefix = "job/";
constexpr std::string_view task_prefix = "task/";
constexpr std::string_view allocation_prefix = "allocation/";

template <class Record>
result<Record> read(std::string_view key, std::string_view value) {
  Record record;
  if (!record.ParseFromArray(value.data(), static_cast<int>(value.size())))
    return error{
        error_code::malformed,
        fmt::format("record {} cannot be read; the state is damaged", key)};
  return record;
}

bool has_ended(v1::TaskState state) {
  return state == v1::FINISHED || state == v1::FAILED || state == v1::CANCELLED;
}

error in_job(const std::string& id, const error& why) {
  return {why.code, fmt::format("job {}: {}", id, why.message)};
}

const std::string& name_of(const v1::TaskGroup& group) {
  static const std::string unnamed = "task";
  return group.name().empty() ? unnamed : group.name();
}

std::uint32_t count_of(const v1::TaskGroup& group) {
  return group.count() == 0 ? 1 : group.count();
}

/// Digits of a task's index in its group, at most.
constexpr std::size_t index_digits = 6;

} // namespace

// -- start --------------------------------------------------------------------

result<> jobs::recover(std::string_view key, std::string_view value) {
  if (key.starts_with(job_prefix)) {
    auto record = read<mesh::v1::JobRecord>(key, value);
    if (!record)
      return record.failure();
    add(std::move(*record));
  } else if (key.starts_with(task_prefix)) {
    auto record = read<mesh::v1::TaskRecord>(key, value);
    if (!record)
      return record.failure();
    task_records_[std::string{key.substr(task_prefix.size())}]
        = std::move(*record);
  } else if (key.starts_with(allocation_prefix)) {
    auto record = read<mesh::v1::AllocationRecord>(key, value);
    if (!record)
      return record.failure();
    auto task = record->task();
    if (record->owner() == options_.server && !record->reserved())
      allocations_[task] = std::move(*record);
  }
  return done{};
}

result<> jobs::finish_recovery() {
  std::vector<job*> in_order;
  for (auto& [id, owner] : jobs_)
    in_order.push_back(&owner);
  std::ranges::sort(in_order, {},
                    [](const job* j) { return j->record.number(); });
  for (auto* owner : in_order) {
    for (std::uint32_t i = 0; i < owner->tasks.size(); ++i) {
      const task_of t{owner, i};
      auto& task = owner->tasks[i];
      const auto id = id_of(t);
      if (auto known = task_records_.find(id); known != task_records_.end()) {
        const auto& record = known->second;
        task.attempt = record.attempt();
        task.failures = record.failures();
        task.cell = record.cell();
        task.outcome = record.outcome();
        set_state(t, record.state());
      }
      if (auto here = allocations_.find(id);
          here != allocations_.end() && !has_ended(task.state)
          && here->second.attempt() >= task.attempt) {
        task.attempt = here->second.attempt();
        task.cell = options_.server;
        task.node = here->second.node();
        set_state(t, v1::PLACED);
      }
      if (owner->record.cancelled() && task.state == v1::QUEUED)
        set_state(t, v1::CANCELLED);
      if (owner->record.cancelled() && !has_ended(task.state))
        to_stop_.insert(id);
      if (task.state == v1::QUEUED) {
        enqueue(t);
      } else if (task.state == v1::PLACED && task.cell != options_.server) {
        // Whether it arrived is not known: asked again under its old attempt.
        task.awarding = true;
        awards_[next_number_++]
            = {task.cell, {t}, key_of(t), false, -1'000'000};
      }
    }
    if (state_of(*owner) != v1::QUEUED && has_ended(state_of(*owner)))
      ended_.push_back(owner->record.job().id());
  }
  task_records_.clear();
  allocations_.clear();
  return done{};
}

// -- submitting ---------------------------------------------------------------

result<> jobs::check(const v1::Job& wire) const {
  if (auto valid = validate_id(wire.id(), "job.id"); !valid)
    return valid;
  if (wire.groups().empty())
    return {error_code::invalid_argument, "groups is empty; give one task"};
  std::uint64_t total = 0;
  std::set<std::string> names;
  for (const auto& group : wire.groups()) {
    const auto& name = name_of(group);
    if (auto valid = validate_id(name, "groups.name"); !valid)
      return valid;
    if (name.find('.') != std::string::npos)
      return {error_code::invalid_argument,
              fmt::format("groups.name {} has a dot, which separates the parts "
                          "of a task's id",
                          name)};
    if (!names.insert(name).second)
      return {error_code::invalid_argument,
              fmt::format("two groups are named {}", name)};
    if (wire.id().size() + name.size() + index_digits + 2 > max_id_length)
      return {error_code::invalid_argument,
              fmt::format("job.id and groups.name {} are longer than {} "
                          "characters together",
                          name, max_id_length - index_digits - 2)};
    total += count_of(group);
    if (auto profile = from_proto(group.profile()); !profile)
      return {profile.failure().code,
              fmt::format("group {}: {}", name, profile.failure().message)};
    if (auto valid = validate(group.work()); !valid)
      return {valid.failure().code,
              fmt::format("group {}: {}", name, valid.failure().message)};
  }
  if (total > options_.max_tasks_per_job)
    return {error_code::limit_exceeded,
            fmt::format("{} tasks are more than {} in one job; submit several",
                        total, options_.max_tasks_per_job)};
  return done{};
}

void jobs::submit(const v1::SubmitRequest& request, instant now,
                  cluster_gateway::reply<v1::SubmitReply> then, outbox& out) {
  auto answer = [&](result<v1::SubmitReply> reply) {
    out.replies.push_back(
        [then = std::move(then), reply = std::move(reply)]() mutable {
          then(std::move(reply));
        });
  };
  v1::SubmitReply reply;
  reply.set_server(options_.server);
  std::vector<const v1::Job*> fresh;
  std::set<std::string> ids;
  std::uint64_t tasks = 0;
  for (const auto& wire : request.jobs()) {
    if (auto known = jobs_.find(wire.id()); known != jobs_.end()) {
      if (!google::protobuf::util::MessageDifferencer::Equals(
              known->second.record.job(), wire))
        return answer(error{
            error_code::already_exists,
            fmt::format("another job {} was submitted before; choose another "
                        "id",
                        wire.id())});
      reply.set_known(reply.known() + 1);
      continue;
    }
    if (auto checked = check(wire); !checked)
      return answer(in_job(wire.id(), checked.failure()));
    if (!ids.insert(wire.id()).second)
      return answer(error{error_code::invalid_argument,
                          fmt::format("two jobs are named {}", wire.id())});
    for (const auto& group : wire.groups())
      tasks += count_of(group);
    fresh.push_back(&wire);
  }
  const auto live
      = counts_[v1::QUEUED] + counts_[v1::PLACED] + counts_[v1::RUNNING];
  if (live + tasks > options_.max_live_tasks)
    return answer(error{error_code::limit_exceeded,
                        fmt::format("{} tasks are live and {} the limit; "
                                    "submit again when some have ended",
                                    live, options_.max_live_tasks)});
  for (const auto* wire : fresh) {
    mesh::v1::JobRecord record;
    *record.mutable_job() = *wire;
    record.set_submitted_unix_milliseconds(now.unix_milliseconds);
    record.set_number(next_job_);
    out.put(std::string{job_prefix} + wire->id(), record);
    add(std::move(record));
    auto& owner = jobs_.at(wire->id());
    for (std::uint32_t i = 0; i < owner.tasks.size(); ++i)
      enqueue({&owner, i});
  }
  reply.set_accepted(static_cast<std::uint32_t>(fresh.size()));
  answer(std::move(reply));
  pump(now, out);
}

void jobs::add(mesh::v1::JobRecord record) {
  next_job_ = std::max(next_job_, record.number() + 1);
  auto& owner = jobs_[record.job().id()];
  owner.record = std::move(record);
  std::uint32_t number = 0;
  for (const auto& group : owner.record.job().groups()) {
    for (std::uint32_t i = 0; i < count_of(group); ++i)
      owner.tasks.emplace_back().group = number;
    ++number;
  }
  owner.counts[v1::QUEUED] = static_cast<std::uint32_t>(owner.tasks.size());
  counts_[v1::QUEUED] += owner.tasks.size();
}

// -- tasks --------------------------------------------------------------------

const v1::TaskGroup& jobs::group_of(task_of t) {
  return t.owner->record.job().groups(
      static_cast<int>(t.owner->tasks[t.index].group));
}

/// job.group.index, the index counted within its group.
std::string jobs::id_of(task_of t) const {
  std::uint32_t first = 0;
  const auto& wire = t.owner->record.job();
  for (std::uint32_t g = 0; g < t.owner->tasks[t.index].group; ++g)
    first += count_of(wire.groups(static_cast<int>(g)));
  return fmt::format("{}.{}.{}", wire.id(), name_of(group_of(t)),
                     t.index - first);
}

jobs::task_of jobs::find(const std::string& id) {
  const auto last = id.rfind('.');
  if (last == std::string::npos || last == 0)
    return {nullptr, 0};
  const auto middle = id.rfind('.', last - 1);
  if (middle == std::string::npos)
    return {nullptr, 0};
  auto owner = jobs_.find(id.substr(0, middle));
  if (owner == jobs_.end())
    return {nullptr, 0};
  std::uint32_t index = 0;
  const auto* begin = id.data() + last + 1;
  const auto* end = id.data() + id.size();
  if (auto [at, fault] = std::from_chars(begin, end, index);
      fault != std::errc{} || at != end)
    return {nullptr, 0};
  const auto name = std::string_view{id}.substr(middle + 1, last - middle - 1);
  std::uint32_t first = 0;
  for (const auto& group : owner->second.record.job().groups()) {
    if (name_of(group) == name)
      return index < count_of(group) ? task_of{&owner->second, first + index}
                                     : task_of{nullptr, 0};
    first += count_of(group);
  }
  return {nullptr, 0};
}

void jobs::set_state(task_of t, v1::TaskState state) {
  auto& task = t.owner->tasks[t.index];
  --t.owner->counts[task.state];
  --counts_[task.state];
  task.state = state;
  ++t.owner->counts[state];
  ++counts_[state];
}

void jobs::write(task_of t, outbox& out) {
  const auto& task = t.owner->tasks[t.index];
  mesh::v1::TaskRecord record;
  record.set_state(task.state);
  record.set_attempt(task.attempt);
  record.set_failures(task.failures);
  if (!has_ended(task.state))
    record.set_cell(task.cell);
  *record.mutable_outcome() = task.outcome;
  out.put(std::string{task_prefix} + id_of(t), record);
}

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

void jobs::ended(job& owner, instant now, outbox& out) {
  if (!has_ended(state_of(owner)))
    return;
  owner.record.set_ended_unix_milliseconds(now.unix_milliseconds);
  const auto& id = owner.record.job().id();
  out.put(std::string{job_prefix} + id, owner.record);
  ended_.push_back(id);
  while (ended_.size() > options_.max_ended_jobs) {
    auto oldest = jobs_.find(ended_.front());
    for (std::uint32_t i = 0; i < oldest->second.tasks.size(); ++i)
      out.erase(std::string{task_prefix} + id_of({&oldest->second, i}));
    out.erase(std::string{job_prefix} + ended_.front());
    for (std::size_t state = 0; state < counts_.size(); ++state)
      counts_[state] -= oldest->second.counts[state];
    jobs_.erase(oldest);
    ended_.pop_front();
  }
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
  status.set_ended_unix_milliseconds(owner.record.ended_unix_milliseconds());
  if (!whole)
    return status;
  *status.mutable_job() = wire;
  for (std::uint32_t i = 0; i < owner.tasks.size(); ++i) {
    const task_of t{const_cast<job*>(&owner), i}; // Read only, below.
    const auto& task = owner.tasks[i];
    auto* to = status.add_tasks();
    to->set_id(id_of(t));
    to->set_group(name_of(group_of(t)));
    to->set_state(task.state);
    to->set_attempt(task.attempt);
    to->set_failures(task.failures);
    to->set_cell(task.cell);
    to->set_node(task.node);
    to->mutable_devices()->Assign(task.devices.begin(), task.devices.end());
    *to->mutable_outcome() = task.outcome;
    if (task.state == v1::QUEUED)
      if (auto queue = queues_.find(key_of(t)); queue != queues_.end())
        to->set_waits_for(queue->second.why);
    if (task.awarding && !cells_.contains(task.cell))
      to->set_waits_for(fmt::format("server {} does not answer and may have "
                                    "placed it",
                                    task.cell));
  }
  return status;
}

result<v1::JobStatus> jobs::status(const std::string& id) const {
  auto owner = jobs_.find(id);
  if (owner == jobs_.end())
    return error{error_code::not_found,
                 fmt::format("no job {} was submitted to server {}", id,
                             options_.server)};
  return status_of(owner->second, true);
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

result<std::string> jobs::cell_of(const std::string& id) const {
  const auto t = const_cast<jobs*>(this)->find(id); // `find` changes nothing.
  if (t.owner == nullptr)
    return error{error_code::not_found, fmt::format("no task {}", id)};
  return t.owner->tasks[t.index].cell;
}

void jobs::describe(v1::ServerStatus& status) const {
  status.set_jobs(jobs_.size());
  status.set_tasks_queued(counts_[v1::QUEUED]);
  status.set_tasks_finished(counts_[v1::FINISHED]);
  status.set_tasks_failed(counts_[v1::FAILED]);
}

} // namespace skerry
