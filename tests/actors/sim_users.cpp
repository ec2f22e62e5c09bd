#include "tests/actors/sim_users.hpp"

#include "messages/convert.hpp"
#include "tests/actors/sim_agent.hpp"
#include "tests/actors/sim_server.hpp"

#include <algorithm>

namespace skerry::testing {

sim_users::sim_users(sim_world& world) : world_{world} {}

void sim_users::act() {
  const auto choice = world_.random.below(100);
  if (choice < 45) {
    new_job();
  } else if (choice < 50) {
    ask();
  } else if (choice < 62) {
    resize();
  } else if (choice < 75 && !jobs_.empty()) {
    const auto number = world_.random.below(jobs_.size());
    jobs_[number].to_cancel = true;
    cancel(number);
  } else if (choice < 87) {
    auto& made = reservations_.emplace_back();
    made.server = world_.random.below(world_.servers.size());
    made.wire.set_request_id(fmt::format("r{}", reservations_.size()));
    made.wire.set_reserve_milliseconds(world_.between(100, 3000));
    for (auto i = world_.between(1, 3); i > 0; --i)
      *made.wire.add_tasks() = a_group().profile();
    made.keep = world_.chance(400);
    reserve(reservations_.size() - 1);
  } else {
    operate();
  }
}

// -- jobs ---------------------------------------------------------------------

v1::TaskGroup sim_users::a_group() {
  v1::TaskGroup group;
  group.set_count(static_cast<std::uint32_t>(world_.between(1, 3)));
  auto& profile = *group.mutable_profile();
  auto& demand = *profile.mutable_demand();
  demand.set_cpu_millicores(500 * world_.between(1, 4));
  demand.set_memory_bytes(world_.between(1, 3) << 30);
  if (world_.chance(200)) {
    auto* device = profile.add_devices();
    if (world_.chance(500))
      device->set_share_milli(500);
  }
  if (world_.chance(400)) { // It may be resized.
    profile.mutable_minimum()->set_cpu_millicores(250);
    profile.mutable_minimum()->set_memory_bytes(1 << 29);
    profile.mutable_maximum()->set_cpu_millicores(4'000);
    profile.mutable_maximum()->set_memory_bytes(std::int64_t{6} << 30);
  }
  profile.set_priority(static_cast<int>(world_.between(0, 1)));
  if (world_.chance(700))
    profile.set_tenant(world_.chance(500) ? "a" : "b");
  profile.set_max_attempts(world_.chance(100) ? 2 : 60'000);
  auto& work = *group.mutable_work();
  work.mutable_simulated()->set_duration_milliseconds(
      world_.chance(200) ? world_.between(2'000, 6'000)
                         : world_.between(10, 1'500));
  work.mutable_simulated()->set_exit_code(world_.chance(30) ? 1 : 0);
  work.set_keep_on_disconnect(world_.chance(100));
  if (work.simulated().exit_code() != 0)
    profile.set_max_attempts(static_cast<std::uint32_t>(world_.between(1, 3)));
  return group;
}

void sim_users::new_job() {
  auto& made = jobs_.emplace_back();
  made.server = world_.random.below(world_.servers.size());
  made.wire.set_id(fmt::format("j{}", jobs_.size()));
  made.wire.set_gang(world_.chance(250));
  // A gang has to fit one cell, which may be the one large machine.
  const auto groups = made.wire.gang() ? 1 : world_.between(1, 2);
  for (std::int64_t i = 0; i < groups; ++i) {
    auto group = a_group();
    group.set_name(fmt::format("g{}", i));
    if (made.wire.gang() && group.profile().devices_size() > 0)
      group.set_count(std::min(group.count(), 2U));
    made.hopeless |= group.profile().max_attempts() < 100;
    if (i > 0 && world_.chance(300))
      group.add_after("g0");
    if (world_.chance(300))
      group.set_retry_delay_milliseconds(world_.between(10, 300));
    *made.wire.add_groups() = std::move(group);
  }
  if (jobs_.size() > 1 && world_.chance(200)) {
    const auto parent = world_.random.below(jobs_.size() - 1);
    if (jobs_[parent].acknowledged && jobs_[parent].server == made.server) {
      made.wire.add_after(jobs_[parent].wire.id());
      made.parent = parent;
    }
  }
  if (world_.chance(50))
    made.wire.set_hold_milliseconds(world_.between(10, 1'000));
  submit(jobs_.size() - 1);
}

void sim_users::submit(std::size_t number) {
  auto& mine = jobs_[number];
  if (mine.acknowledged)
    return;
  v1::SubmitRequest request;
  *request.add_jobs() = mine.wire;
  world_.servers[mine.server]->call(
      [this, number, request](jobs& owned, instant now, outbox& out) {
        owned.submit(
            request, now,
            [this, number](const result<v1::SubmitReply>& reply) {
              if (!reply)
                world_.fail(fmt::format("job j{} is refused: {}", number + 1,
                                        reply.failure().message));
              jobs_[number].acknowledged = true;
            },
            out);
      });
  world_.clock.after(world_.between(300, 900),
                     [this, number] { submit(number); });
}

void sim_users::cancel(std::size_t number) {
  auto& mine = jobs_[number];
  if (mine.cancelled)
    return;
  if (mine.acknowledged) {
    v1::CancelJobRequest request;
    request.set_id(mine.wire.id());
    world_.servers[mine.server]->call([this, number, request](jobs& owned,
                                                              instant now,
                                                              outbox& out) {
      auto status = owned.cancel(request, now, out);
      if (!status)
        world_.fail("an acknowledged job is lost: " + request.id());
      out.replies.push_back([this, number] { jobs_[number].cancelled = true; });
    });
  }
  world_.clock.after(world_.between(300, 900),
                     [this, number] { cancel(number); });
}

void sim_users::seen(std::size_t number, const v1::JobStatus& status) {
  auto& finished = jobs_[number].finished;
  for (const auto& task : status.tasks())
    if (task.state() == v1::FINISHED)
      finished.insert(task.id());
    else if (finished.contains(task.id()))
      world_.fail(fmt::format("{} was finished and is now {}", task.id(),
                              v1::TaskState_Name(task.state())));
}

void sim_users::poll() {
  if (jobs_.empty())
    return;
  const auto number = world_.random.below(jobs_.size());
  if (!jobs_[number].acknowledged)
    return;
  world_.servers[jobs_[number].server]->call([this, number](jobs& owned,
                                                            instant,
                                                            outbox& out) {
    auto status = owned.status(jobs_[number].wire.id());
    if (!status)
      world_.fail("an acknowledged job is lost: " + jobs_[number].wire.id());
    out.replies.push_back(
        [this, number, seen_now = *status] { seen(number, seen_now); });
  });
}

void sim_users::check_kept(std::size_t server) const {
  for (const auto& mine : jobs_)
    if (mine.server == server && mine.acknowledged
        && !world_.servers[server]->owned().status(mine.wire.id()))
      world_.fail("an acknowledged job is lost: " + mine.wire.id());
}

// -- other amounts ------------------------------------------------------------

/// Of a task that may run. Whoever is told that it is done can rely on it: its
/// agent has these amounts, until somebody asks for others.
void sim_users::resize() {
  std::vector<std::string> running;
  for (const auto& mine : jobs_) {
    const auto& server = *world_.servers[mine.server];
    const auto status = server.is_up() && mine.acknowledged
                            ? server.owned().status(mine.wire.id())
                            : error{error_code::not_found, {}};
    if (status)
      for (const auto& task : status->tasks())
        if (task.state() == v1::RUNNING)
          running.push_back(task.id());
  }
  if (running.empty())
    return;
  v1::ResizeRequest request;
  request.set_task(running[world_.random.below(running.size())]);
  request.mutable_demand()->set_cpu_millicores(250 * world_.between(1, 16));
  request.mutable_demand()->set_memory_bytes(world_.between(1, 6) << 30);
  const auto number = ++asked_sizes_[request.task()];
  const auto then = [this, task = request.task(),
                     number](const result<v1::ResizeReply>& reply) {
    if (!reply)
      return; // It has other places to be, or no room.
    ++world_.figures.resizes;
    if (asked_sizes_[task] != number)
      return;
    for (const auto& agent : world_.agents) {
      const auto has = agent->demand_of(task);
      if (agent->name() == reply->node() && has
          && from_proto(*has) != from_proto(reply->demand()))
        world_.fail(fmt::format("{} has {}, not the {} that were promised",
                                task, has->ShortDebugString(),
                                reply->demand().ShortDebugString()));
    }
  };
  for (const auto& server : world_.servers)
    server->call([request, then](allocator& cell, instant now, outbox& out) {
      cell.resize(request, now, then, out); // Most do not have it.
    });
}

// -- decisions ----------------------------------------------------------------

/// Where tasks would go, of a server that is asked alone.
void sim_users::ask() {
  v1::DecideRequest request;
  for (auto i = world_.between(1, 3); i > 0; --i)
    *request.add_tasks() = a_group().profile();
  world_.servers[world_.random.below(world_.servers.size())]->decide(request);
}

// -- reservations -------------------------------------------------------------

void sim_users::reserve(std::size_t number) {
  auto& mine = reservations_[number];
  if (mine.answered)
    return;
  world_.servers[mine.server]->call(
      [this, number, request = mine.wire](allocator& cell, instant now,
                                          outbox& out) {
        auto reply = cell.decide(request, now, out);
        if (!reply)
          world_.fail("no decision: " + reply.failure().message);
        out.replies.push_back([this, number, reply = *reply] {
          auto& made = reservations_[number];
          if (std::exchange(made.answered, true))
            return;
          for (const auto& decision : reply.decisions())
            if (!decision.reservation().empty())
              made.ids.push_back(decision.reservation());
          if (made.ids.empty())
            return;
          ++world_.figures.reservations;
          using mesh::v1::ReservationCommand;
          if (made.keep)
            command(number, ReservationCommand::CONFIRM);
        });
      });
  world_.clock.after(world_.between(300, 900),
                     [this, number] { reserve(number); });
}

void sim_users::command(std::size_t number,
                        mesh::v1::ReservationCommand::Kind kind) {
  auto& mine = reservations_[number];
  mesh::v1::Question question;
  auto& command = *question.mutable_reservations();
  command.set_kind(kind);
  for (const auto& id : mine.ids)
    command.add_reservations(id);
  world_.servers[mine.server]->call(
      [this, number, kind, question](allocator& cell, instant now,
                                     outbox& out) {
        auto answer = cell.answer(question, now, out);
        const bool ok = !answer.has_failure();
        out.replies.push_back([this, number, kind, ok] {
          auto& changed = reservations_[number];
          if (kind == mesh::v1::ReservationCommand::CONFIRM)
            changed.confirmed |= ok; // It may have run out before.
          else
            changed.released |= ok;
        });
      });
}

// -- operators ----------------------------------------------------------------

void sim_users::set_condition(const std::string& node,
                              v1::NodeCondition condition) {
  mesh::v1::Question question;
  auto& wanted = *question.mutable_command()->mutable_condition();
  wanted.set_name(node);
  wanted.set_condition(condition);
  for (const auto& server : world_.servers)
    server->call([question](allocator& cell, instant now, outbox& out) {
      (void)cell.answer(question, now, out); // Most do not have the node.
    });
}

void sim_users::operate() {
  const auto& agent = world_.agents[world_.random.below(world_.agents.size())];
  const auto choice = world_.random.below(3);
  set_condition(agent->name(), choice == 0   ? v1::DRAINING
                               : choice == 1 ? v1::CORDONED
                                             : v1::READY);
}

void sim_users::tidy_up(bool long_calm) {
  for (std::size_t i = 0; i < reservations_.size(); ++i)
    if (!reservations_[i].released && !reservations_[i].ids.empty())
      command(i, mesh::v1::ReservationCommand::RELEASE);
  for (const auto& agent : world_.agents) {
    set_condition(agent->name(), v1::READY);
    // A task that runs on without any server waits for the operator's word that
    // its machine is gone. Of one that was replaced he says so when its servers
    // have seen the new one: there they refuse.
    if (agent->has_power() && !(long_calm && agent->was_replaced()))
      continue;
    mesh::v1::Question question;
    question.mutable_command()->set_forget(agent->name());
    for (const auto& server : world_.servers)
      server->call([question](allocator& cell, instant now, outbox& out) {
        (void)cell.answer(question, now, out); // Most do not have the node.
      });
  }
}

/// Its job was cancelled, or something before it has not finished.
bool sim_users::may_be_cut(std::size_t number) const {
  const auto& mine = jobs_[number];
  if (mine.to_cancel || mine.hopeless)
    return true;
  return mine.parent
         && (jobs_[*mine.parent].hopeless || may_be_cut(*mine.parent));
}

bool sim_users::satisfied(std::string& why) const {
  for (std::size_t i = 0; i < jobs_.size(); ++i) {
    const auto& mine = jobs_[i];
    if (!mine.acknowledged) {
      why = fmt::format("job {} is not acknowledged", mine.wire.id());
      return false;
    }
    const auto& server = *world_.servers[mine.server];
    const auto status = server.owned().status(mine.wire.id());
    if (!status) {
      why = fmt::format("job {} is lost", mine.wire.id());
      return false;
    }
    for (const auto& task : status->tasks()) {
      const bool may_fail = mine.hopeless;
      const bool good = task.state() == v1::FINISHED
                        || (task.state() == v1::FAILED && may_fail)
                        || (task.state() == v1::CANCELLED && may_be_cut(i));
      if (good)
        continue;
      why = fmt::format("{} attempt {} is {} at '{}', {} ({})", task.id(),
                        task.attempt(), v1::TaskState_Name(task.state()),
                        task.cell(), task.waits_for(), task.outcome().reason());
      return false;
    }
    if (mine.to_cancel && !mine.cancelled) {
      why = fmt::format("job {} is not cancelled", mine.wire.id());
      return false;
    }
  }
  return true;
}

} // namespace skerry::testing
