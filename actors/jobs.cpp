#include "actors/jobs.hpp"

#include "actors/records.hpp"
#include "messages/convert.hpp"
#include "messages/job_stages.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <google/protobuf/util/message_differencer.h>
#include <utility>

namespace skerry {

namespace {

/// What a ledger counts to.
constexpr std::uint32_t max_attempts = 65'535;

/// @param index In the request: a job without a good id has no other name.
error in_job(const std::string& id, int index, const error& why) {
  return {why.code, validate_id(id, "job.id")
                        ? fmt::format("job {}: {}", id, why.message)
                        : fmt::format("jobs[{}]: {}", index, why.message)};
}

/// Digits of a task's index in its group, at most.
constexpr std::size_t index_digits = 6;

} // namespace

jobs::jobs(jobs_options options)
    : options_{std::move(options)}, share_{options_.share},
      // An answer to an earlier reign must not look like one to this.
      next_number_{(options_.epoch << 32) + 1} {
  for (const auto& tenant : options_.tenants)
    share_.configure(tenant.name, tenant.weight, tenant.quota);
}

// -- start --------------------------------------------------------------------

result<> jobs::recover(std::string_view key, std::string_view value) {
  if (key.starts_with(job_prefix)) {
    auto record = read_record<mesh::v1::JobRecord>(key, value);
    if (!record)
      return record.failure();
    add(std::move(*record));
  } else if (key.starts_with(task_prefix)) {
    auto record = read_record<mesh::v1::TaskRecord>(key, value);
    if (!record)
      return record.failure();
    task_records_[std::string{key.substr(task_prefix.size())}]
        = std::move(*record);
  } else if (key.starts_with(allocation_prefix)) {
    auto record = read_record<mesh::v1::AllocationRecord>(key, value);
    if (!record)
      return record.failure();
    auto task = record->task();
    if (record->owner() == options_.server && !record->reserved())
      allocations_[task] = std::move(*record);
  } else if (key.starts_with(moved_prefix)) {
    auto record = read_record<mesh::v1::MovedRecord>(key, value);
    if (!record)
      return record.failure();
    moved_[std::string{key.substr(moved_prefix.size())}] = std::move(*record);
  }
  return done{};
}

result<> jobs::finish_recovery() {
  std::vector<job*> in_order;
  for (auto& [id, owner] : jobs_)
    in_order.push_back(&owner);
  std::ranges::sort(in_order, {},
                    [](const job* j) { return j->record.number(); });
  std::vector<std::pair<std::int64_t, std::string>> ended;
  for (auto* owner : in_order) {
    for (std::uint32_t i = 0; i < owner->tasks.size(); ++i)
      recover_task({owner, i}, id_of({owner, i}));
    recover_stages(*owner);
    recover_awards(*owner);
    owner->ended = has_ended(state_of(*owner));
  }
  for (auto* owner : in_order) {
    if (!owner->ended) {
      follow_parents(*owner);
      hold(*owner);
      enqueue_all(*owner);
    } else
      ended.emplace_back(owner->record.ended_unix_milliseconds(),
                         owner->record.job().id());
  }
  std::ranges::sort(ended);
  for (auto& [when, id] : ended)
    ended_.push_back(std::move(id));
  task_records_.clear();
  allocations_.clear();
  moved_.clear();
  return done{};
}

void jobs::recover_task(task_of t, const std::string& id) {
  auto& task = *t;
  if (auto known = task_records_.find(id); known != task_records_.end()) {
    const auto& record = known->second;
    task.attempt = record.attempt();
    task.failures = record.failures();
    task.node = record.node();
    task.outcome = record.outcome();
    task.not_before = record.not_before_unix_milliseconds();
    set_state(t, record.state());
    if (!has_ended(task.state)) {
      task.cell = record.cell();
      task.session = record.session();
    }
    task.elsewhere_on_disk = !task.cell.empty() && task.cell != options_.server;
    // That an award to the own cell was taken, only its allocation says.
    if (task.cell == options_.server) {
      task.cell.clear();
      set_state(t, v1::QUEUED);
    }
  }
  if (auto here = allocations_.find(id);
      here != allocations_.end() && !has_ended(task.state)
      && here->second.attempt() >= task.attempt) {
    task.attempt = here->second.attempt();
    task.cell = options_.server;
    task.node = here->second.node();
    task.session = here->second.session();
    set_state(t, v1::PLACED);
  } else if (auto moved = moved_.find(id);
             moved != moved_.end() && !has_ended(task.state)
             && moved->second.attempt() >= task.attempt
             && moved->second.session() > task.session) {
    // That cell has it, and tells it until it is heard.
    task.attempt = moved->second.attempt();
    task.cell = moved->second.cell();
    task.session = moved->second.session();
    set_state(t, v1::PLACED);
  }
  if (task.state == v1::QUEUED)
    task.session = 0;
  else
    task.not_before = 0;
  if (t.owner->record.cancelled() && task.state == v1::QUEUED)
    set_state(t, v1::CANCELLED);
  if (t.owner->record.cancelled() && !has_ended(task.state))
    to_stop_.insert(id);
}

/// Whether an award to another server arrived is not known: it is made again,
/// under its old attempt. What is left of a gang stays together.
void jobs::recover_awards(job& owner) {
  for (std::uint32_t i = 0; i < owner.tasks.size(); ++i) {
    const task_of t{&owner, i};
    if (t->state != v1::PLACED || t->cell == options_.server || t->session != 0)
      continue;
    const auto last = awards_.empty() ? awards_.end() : --awards_.end();
    const bool together
        = last != awards_.end() && last->second.cell == t->cell
          && last->second.tasks.size() < options_.award_batch
          && last->second.gang == owner.record.job().gang()
          && (!last->second.gang || last->second.tasks.back().owner == &owner);
    const auto number = together ? last->first : next_number_++;
    t->open = number;
    auto& open = awards_[number];
    open.cell = t->cell;
    open.tasks.push_back(t);
    open.queue = owner.classes[t->group];
    open.gang = owner.record.job().gang();
    open.sent_at = -1'000'000;
  }
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
    if (group.profile().max_attempts() > max_attempts)
      return {
          error_code::invalid_argument,
          fmt::format("group {}: max_attempts is {}, at most {} are allowed",
                      name, group.profile().max_attempts(), max_attempts)};
    if (auto valid = validate(group.work()); !valid)
      return {valid.failure().code,
              fmt::format("group {}: {}", name, valid.failure().message)};
    if (group.retry_delay_milliseconds() < 0)
      return {
          error_code::invalid_argument,
          fmt::format("group {}: retry_delay_milliseconds is negative", name)};
  }
  if (wire.hold_milliseconds() < 0)
    return {error_code::invalid_argument, "hold_milliseconds is negative"};
  if (auto sound = check_stages(wire); !sound)
    return sound;
  if (auto sound = check_tenants(wire); !sound)
    return sound;
  if (total > options_.max_tasks_per_job)
    return {error_code::limit_exceeded,
            fmt::format("{} tasks are more than {} in one job; submit several",
                        total, options_.max_tasks_per_job)};
  return done{};
}

void jobs::submit(const v1::SubmitRequest& request, instant now,
                  cluster_gateway::reply<v1::SubmitReply> then, outbox& out) {
  note_time(now);
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
  for (int i = 0; i < request.jobs_size(); ++i) {
    const auto& wire = request.jobs(i);
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
      return answer(in_job(wire.id(), i, checked.failure()));
    if (!ids.insert(wire.id()).second)
      return answer(error{error_code::invalid_argument,
                          fmt::format("two jobs are named {}", wire.id())});
    for (const auto& group : wire.groups())
      tasks += count_of(group);
    fresh.push_back(&wire);
  }
  if (auto sound = check_parents(request); !sound)
    return answer(sound.failure());
  const auto live
      = counts_[v1::QUEUED] + counts_[v1::PLACED] + counts_[v1::RUNNING];
  if (live + tasks > options_.max_live_tasks)
    return answer(error{error_code::limit_exceeded,
                        fmt::format("{} tasks are live and {} the limit; "
                                    "submit again when some have ended",
                                    live, options_.max_live_tasks)});
  std::vector<job*> added;
  for (const auto* wire : fresh) {
    mesh::v1::JobRecord record;
    *record.mutable_job() = *wire;
    record.set_submitted_unix_milliseconds(now.unix_milliseconds);
    record.set_number(next_job_);
    out.put(std::string{job_prefix} + wire->id(), record);
    added.push_back(&add(std::move(record)));
  }
  for (auto* owner : added) {
    follow_parents(*owner);
    hold(*owner);
    enqueue_all(*owner);
  }
  reply.set_accepted(static_cast<std::uint32_t>(fresh.size()));
  answer(std::move(reply));
  pump(now, out);
}

jobs::job& jobs::add(mesh::v1::JobRecord record) {
  next_job_ = std::max(next_job_, record.number() + 1);
  auto& owner = jobs_[record.job().id()];
  owner.record = std::move(record);
  const auto& wire = owner.record.job();
  class_ptr gang;
  if (wire.gang()) {
    gang = std::make_shared<queue_class>();
    gang->number = next_class_++;
    gang->priority = wire.groups(0).profile().priority();
    gang->tenant = &share_.of(tenant_of(wire.groups(0)));
    gang->gang = true;
  }
  std::uint32_t number = 0;
  for (const auto& group : wire.groups()) {
    for (std::uint32_t i = 0; i < count_of(group); ++i)
      owner.tasks.emplace_back().group = number;
    owner.classes.push_back(gang ? gang : class_of(group));
    ++number;
  }
  owner.counts[v1::QUEUED] = static_cast<std::uint32_t>(owner.tasks.size());
  counts_[v1::QUEUED] += owner.tasks.size();
  count_users(owner);
  make_stages(owner);
  return owner;
}

/// By all that decides where a task may go, and when.
jobs::class_ptr jobs::class_of(const v1::TaskGroup& group) {
  auto shape = group.profile();
  shape.clear_expected_duration();
  shape.clear_max_attempts();
  shape.clear_minimum();
  shape.clear_maximum();
  shape.set_tenant(tenant_of(group));
  auto& known = classes_[shape.SerializeAsString()];
  if (known == nullptr) {
    known = std::make_shared<queue_class>();
    known->number = next_class_++;
    known->priority = shape.priority();
    known->tenant = &share_.of(shape.tenant());
    known->batch = options_.award_batch;
  }
  return known;
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
  auto& tenant = *t.owner->charged[t->group].tenant;
  const auto is_live
      = [](v1::TaskState s) { return s == v1::PLACED || s == v1::RUNNING; };
  tenant.queued -= t->state == v1::QUEUED ? 1 : 0;
  tenant.live -= is_live(t->state) ? 1 : 0;
  --t.owner->counts[t->state];
  --counts_[t->state];
  t->state = state;
  tenant.queued += state == v1::QUEUED ? 1 : 0;
  tenant.live += is_live(state) ? 1 : 0;
  charge(t, is_live(state));
  ++t.owner->counts[state];
  ++counts_[state];
}

void jobs::write(task_of t, outbox& out) {
  auto& task = *t;
  mesh::v1::TaskRecord record;
  record.set_state(task.state);
  record.set_attempt(task.attempt);
  record.set_failures(task.failures);
  const bool live = !has_ended(task.state);
  task.elsewhere_on_disk
      = live && !task.cell.empty() && task.cell != options_.server;
  if (live) {
    record.set_cell(task.cell);
    record.set_session(task.session);
  }
  record.set_node(task.node);
  record.set_not_before_unix_milliseconds(task.not_before);
  *record.mutable_outcome() = task.outcome;
  out.put(std::string{task_prefix} + id_of(t), record);
}

/// The task will never run again.
void jobs::end(task_of t, v1::TaskState state, instant now, outbox& out) {
  auto& owner = *t.owner;
  // The record of a cancelled job says enough of tasks that only waited.
  const bool only_waited = state == v1::CANCELLED && t->state == v1::QUEUED
                           && !t->elsewhere_on_disk;
  dequeue(t);
  t->open = 0;
  set_state(t, state);
  if (owner.record.cancelled())
    to_stop_.erase(id_of(t));
  if (!only_waited)
    write(t, out);
  stage_left(t, state, now, out);
  if (owner.ended || !has_ended(state_of(owner)))
    return;
  owner.ended = true;
  just_ended_.push_back(owner.record.job().id());
  if (owner.held_until != 0)
    timers_.erase(
        std::tuple{owner.held_until, owner.record.number(), whole_job});
  owner.record.set_ended_unix_milliseconds(now.unix_milliseconds);
  out.put(std::string{job_prefix} + owner.record.job().id(), owner.record);
  ended_.push_back(owner.record.job().id());
}

/// Only between messages: while one is handled, its tasks are held by address.
void jobs::forget_oldest(outbox& out) {
  for (; ended_.size() > options_.max_ended_jobs; ended_.pop_front()) {
    auto oldest = jobs_.find(ended_.front());
    auto* owner = &oldest->second;
    const auto forget = [owner](auto& open) {
      std::erase_if(open.second.tasks,
                    [owner](task_of t) { return t.owner == owner; });
    };
    std::ranges::for_each(awards_, forget);
    std::ranges::for_each(bids_, forget);
    for (std::uint32_t i = 0; i < owner->tasks.size(); ++i)
      out.erase(std::string{task_prefix} + id_of({owner, i}));
    out.erase(std::string{job_prefix} + ended_.front());
    for (std::size_t state = 0; state < counts_.size(); ++state)
      counts_[state] -= owner->counts[state];
    for (const auto& charged : owner->charged)
      --charged.tenant->users;
    jobs_.erase(oldest);
  }
}

} // namespace skerry
