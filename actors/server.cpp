#include "actors/idle_thread.hpp"
#include "actors/records.hpp"
#include "actors/running_server.hpp"
#include "messages/convert.hpp"

#include <fmt/core.h>

#include <caf/send.hpp>
#include <random>

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(skerry::role_call<skerry::jobs>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(skerry::role_call<skerry::allocator>)

namespace skerry {

namespace {

using std::chrono::milliseconds;

std::uint64_t random_number() {
  std::random_device device;
  return (static_cast<std::uint64_t>(device()) << 32) | device();
}

} // namespace

result<std::unique_ptr<server>> server::start(server_options options) {
  auto made = std::make_unique<running_server>(std::move(options));
  if (auto opened = made->open(); !opened)
    return opened.failure();
  return std::unique_ptr<server>{std::move(made)};
}

// -- start and stop -----------------------------------------------------------

result<> running_server::open() {
  if (auto valid = validate_id(options_.name, "server.name"); !valid)
    return valid;
  if (auto valid = validate(options_.islands); !valid)
    return valid;
  if (options_.replay) {
    options_.replay->role.store.directory
        = options_.data_directory / "experience";
    if (auto valid = validate(options_.replay->role); !valid)
      return valid;
  }
  if (auto valid = validate(options_.learner); !valid)
    return valid;
  if (auto valid = validate(options_.league); !valid)
    return valid;
  if (auto& base = options_.islands.base; !base.empty())
    if (auto made = cell_objective::make(base, {}); !made)
      return made.failure();
  auto kept = store::open({.directory = options_.data_directory / "control",
                           .kind = "control",
                           .accept_data_loss = options_.accept_data_loss,
                           .min_free_bytes = options_.min_free_bytes});
  if (!kept)
    return kept.failure();
  store_ = std::move(*kept);
  auto log = decision_log::open(
      {.directory = options_.data_directory / "decisions"});
  if (!log)
    return log.failure();
  decisions_ = std::move(*log);

  std::unique_ptr<jobs_role> owner;
  std::unique_ptr<allocator> cell;
  if (auto recovered = recover(owner, cell); !recovered)
    return recovered;

  auto& mesh = options_.mesh;
  mesh.name = options_.name;
  mesh.epoch = epoch();
  mesh.incarnation = random_number();
  mesh.forgotten = forgotten_;
  auto how = mesh;
  if (!options_.with_mesh)
    how.listen = "127.0.0.1:0"; // Never listened on.
  if (auto ready = server_mesh::configure(config_, how); !ready)
    return ready;
  system_ = std::make_unique<caf::actor_system>(config_);
  commits_ = std::make_unique<group_commit>(*store_);
  questions_ = std::make_unique<questions>(
      options_.name, milliseconds{options_.question_milliseconds},
      [this](mesh::v1::Envelope envelope) { deliver(std::move(envelope)); });
  if (options_.learner.on)
    experience_ = std::make_shared<experience_ring>(
        options_.learner.replay, options_.learner.learning.seed);
  if (options_.replay)
    replay_ = std::make_unique<replay>(
        options_.replay->role, [ring = experience_](const experience& one) {
          if (ring)
            (void)ring->insert(one); // It was read from a valid record.
        });
  open_league(*cell);
  spawn_roles(std::move(owner), std::move(cell));
  tell_roles_of_peers();
  refresh_status();
  spawn_islands();
  spawn_learner();
  spawn_judge();
  if (!options_.with_mesh)
    return done{};
  auto joined = server_mesh::start(
      *system_, mesh,
      [this](mesh::v1::Envelope envelope) { deliver(std::move(envelope)); },
      [this](const std::vector<peer>& peers) { peers_changed(peers); },
      [this](const std::string& name, std::uint64_t of_epoch) {
        forgotten_elsewhere(name, of_epoch);
      },
      [this] { return own_status(); });
  if (!joined)
    return joined.failure();
  mesh_ = std::move(*joined);
  return done{};
}

/// Rebuilds both roles from the store, and remembers the other servers.
result<> running_server::recover(std::unique_ptr<jobs_role>& owner,
                                 std::unique_ptr<allocator>& cell) {
  options_.jobs.server = options_.cell.server = options_.name;
  options_.jobs.epoch = options_.cell.epoch = store_->epoch();
  options_.cell.record_workload
      = options_.islands.count > 0 || options_.replay
        || options_.league.rules.mode != league_mode::off;
  if (options_.replay)
    options_.cell.experience = options_.replay->recorder;
  auto made = allocator::make(options_.cell);
  if (!made)
    return made.failure();
  cell = std::move(*made);
  owner = std::make_unique<jobs_role>(options_.jobs);
  auto read = store_->for_each({}, [&](std::string_view key,
                                       std::string_view value) {
    if (key.starts_with(server_prefix)) {
      const auto record = read_record<mesh::v1::ServerRecord>(key, value);
      if (!record)
        return result<>{record.failure()};
      remembered_.emplace(key.substr(server_prefix.size()), record->epoch());
      options_.mesh.seeds.push_back(record->mesh_address());
    } else if (key.starts_with(forgotten_prefix)) {
      const auto record = read_record<mesh::v1::ForgottenRecord>(key, value);
      if (!record)
        return result<>{record.failure()};
      forgotten_.emplace(key.substr(forgotten_prefix.size()), record->epoch());
    }
    if (policies_.recover(key, value))
      return result<>{done{}};
    auto taken = cell->recover(key, value);
    return taken ? owner->recover(key, value) : taken;
  });
  if (!read)
    return read;
  if (auto recovered = owner->finish_recovery(); !recovered)
    return recovered;
  return cell->finish_recovery(now());
}

void running_server::spawn_roles(std::unique_ptr<jobs_role> owner,
                                 std::unique_ptr<allocator> cell) {
  using std::chrono::steady_clock;
  const auto tick = milliseconds{options_.tick_milliseconds};
  const std::function<instant()> clock = now;
  const std::function<void(outbox)> on_jobs
      = [this](outbox out) { hand_on(std::move(out)); };
  // A message begins with a look at the clock and ends with what it hands on;
  // only the actor itself touches the time between.
  auto began = std::make_shared<steady_clock::time_point>();
  const std::function<instant()> cell_clock = [began] {
    *began = steady_clock::now();
    return now();
  };
  const std::function<void(outbox)> on_cell = [this, began](outbox out) {
    // What was only asked changes nothing and waits for no disk.
    decided(std::exchange(out.decisions, {}), *began);
    if (!out.experiences.empty())
      replay_->record(std::exchange(out.experiences, {}));
    gather_experience();
    raise_alarms(std::exchange(out.policy_faults, {}));
    if (!out.empty())
      hand_on(std::move(out));
  };
  const std::unique_lock lock{roles_mutex_};
  jobs_ = system_->spawn(
      role_behavior<jobs_role>,
      std::make_shared<shared_role<jobs_role>>(std::move(owner)), on_jobs, tick,
      clock);
  cell_role_ = std::make_shared<shared_role<allocator>>(std::move(cell));
  cell_ = system_->spawn(role_behavior<allocator>, cell_role_, on_cell, tick,
                         cell_clock);
}

void running_server::stop() {
  *islands_stop_ = true;
  hurry_idle_threads();
  {
    const std::unique_lock lock{roles_mutex_};
    if (std::exchange(stopped_, true))
      return;
    for (const auto& island : islands_)
      caf::anon_send_exit(island.actor, caf::exit_reason::user_shutdown);
    islands_.clear();
    if (learner_)
      caf::anon_send_exit(learner_, caf::exit_reason::user_shutdown);
    learner_ = role_actor<learner_worker>{};
    if (judge_actor_)
      caf::anon_send_exit(judge_actor_, caf::exit_reason::user_shutdown);
    judge_actor_ = nullptr;
    if (jobs_)
      caf::anon_send_exit(jobs_, caf::exit_reason::user_shutdown);
    if (cell_)
      caf::anon_send_exit(cell_, caf::exit_reason::user_shutdown);
    jobs_ = role_actor<jobs_role>{};
    cell_ = role_actor<allocator>{};
  }
  {
    const std::unique_lock lock{links_mutex_};
    for (auto& [id, link] : links_)
      link.sink->close();
    links_.clear();
  }
  if (mesh_)
    mesh_->stop();
  if (questions_)
    questions_->stop();
  mesh_.reset();
  system_.reset(); // Waits for all actors, which may still hand on.
  if (replay_) {
    outbox last;
    (void)cell_role_->try_use( // Nobody else is left.
        [&last](allocator& role) { role.finish_experience(now(), last); });
    replay_->record(std::move(last.experiences));
  }
  commits_.reset();
  replay_.reset(); // After all who may still ask for it.
  if (decisions_)
    decisions_->flush();
}

void running_server::to_jobs(jobs_call run) {
  const std::shared_lock lock{roles_mutex_};
  if (!stopped_)
    caf::anon_send(jobs_, role_call<jobs_role>{std::move(run)});
}

void running_server::to_cell(cell_call run) {
  const std::shared_lock lock{roles_mutex_};
  if (!stopped_)
    caf::anon_send(cell_, role_call<allocator>{std::move(run)});
}

// -- what the roles want done -------------------------------------------------

void running_server::hand_on(outbox out) {
  for (auto& bid : out.take_bids())
    deliver(std::move(bid));
  if (out.empty())
    return;
  auto shared = std::make_shared<outbox>(std::move(out));
  auto writes = std::move(shared->writes);
  commits_->submit(std::move(writes), [this, shared](const result<>& written) {
    if (!written)
      return fail(written.failure());
    deliver(*shared);
  });
}

void running_server::fail(const error& why) {
  if (failed_.exchange(true))
    return;
  if (options_.on_failure)
    options_.on_failure(why);
}

void running_server::deliver(outbox& out) {
  for (auto& answer : out.replies)
    answer();
  for (auto& envelope : out.envelopes)
    deliver(std::move(envelope));
  {
    const std::shared_lock lock{links_mutex_};
    for (auto& [id, message] : out.to_agents)
      if (auto link = links_.find(id); link != links_.end())
        link->second.sink->send(std::move(message));
    for (const auto id : out.links_to_close)
      if (auto link = links_.find(id); link != links_.end())
        link->second.sink->close();
  }
}

void running_server::deliver(mesh::v1::Envelope envelope) {
  using mesh::v1::Envelope;
  if (envelope.from().empty())
    envelope.set_from(options_.name);
  const bool is_for_us = envelope.to() == options_.name;
  if (is_for_us && envelope.role() == Envelope::NOBODY)
    return take_own(std::move(envelope));
  const std::shared_lock lock{roles_mutex_};
  if (stopped_)
    return;
  if (!is_for_us) {
    if (mesh_)
      mesh_->send(std::move(envelope));
  } else if (envelope.role() == Envelope::JOBS) {
    caf::anon_send(jobs_, std::move(envelope));
  } else if (envelope.role() == Envelope::ALLOCATOR) {
    caf::anon_send(cell_, std::move(envelope));
  } else if (envelope.role() == Envelope::ISLAND) {
    to_island(std::move(envelope));
  } else if (envelope.role() == Envelope::LEARNER && learner_) {
    caf::anon_send(learner_, std::move(envelope));
  }
}

/// What no role is asked, and answers to what this server has asked.
void running_server::take_own(mesh::v1::Envelope envelope) {
  if (envelope.has_answer())
    return questions_->answered(envelope.from(),
                                std::move(*envelope.mutable_answer()));
  const auto answer = [this, to = envelope.from(),
                       number = envelope.question().number()](auto fill) {
    mesh::v1::Envelope back;
    back.set_to(to);
    back.mutable_answer()->set_number(number);
    fill(*back.mutable_answer());
    deliver(std::move(back));
  };
  const auto& question = envelope.question();
  if (question.has_servers())
    servers_here([answer](const result<v1::ServersReply>& known) {
      if (known)
        answer([&](auto& to) { *to.mutable_servers() = *known; });
    });
  else if (question.has_forget_server())
    forget_here(question.forget_server().name(),
                question.forget_server().epoch(),
                [answer](const result<>& forgotten) {
                  answer([&](auto& to) {
                    to.mutable_forget_server();
                    if (!forgotten)
                      *to.mutable_failure() = failure_of(forgotten.failure());
                  });
                });
  else if (question.has_islands())
    answer([&](auto& to) {
      *to.mutable_islands() = islands_here(question.islands());
    });
  else if (question.has_experience() && replay_)
    answer([&](auto& to) {
      *to.mutable_experience() = replay_->answer(question.experience());
    });
  else if (question.has_learner())
    answer([&](auto& to) {
      *to.mutable_learner() = learner_here(question.learner());
    });
  else if (question.has_policies())
    with_league([&](league_role& role, instant time, outbox& out) {
      auto done = role.run(question.policies(), time, out);
      out.replies.push_back([answer, done = std::move(done)] {
        answer([&](auto& to) { *to.mutable_league() = done; });
      });
    });
}

/// Logs what a message, or a caller, has decided since `began`.
void running_server::decided(const std::vector<v1::DecisionRecord>& decisions,
                             std::chrono::steady_clock::time_point began) {
  if (decisions.empty())
    return;
  const auto took = std::chrono::steady_clock::now() - began;
  {
    const std::lock_guard lock{status_mutex_};
    decision_nanoseconds_.add(static_cast<std::uint64_t>(took.count())
                              / decisions.size());
  }
  for (const auto& decision : decisions)
    decisions_->append(decision.SerializeAsString());
}

// -- agents -------------------------------------------------------------------

link_id running_server::open_link(std::shared_ptr<agent_sink> to) {
  const std::unique_lock lock{links_mutex_};
  const auto id = link_id{next_link_++};
  links_[id] = {std::move(to), std::make_shared<std::atomic<std::uint32_t>>(0)};
  return id;
}

bool running_server::take(link_id link, v1::AgentMessage message) {
  /// Messages of one agent stream that wait for the ALLOCATOR.
  constexpr std::uint32_t max_backlog = 256;
  std::shared_ptr<std::atomic<std::uint32_t>> backlog;
  {
    const std::shared_lock lock{links_mutex_};
    auto found = links_.find(link);
    if (found == links_.end())
      return false;
    backlog = found->second.backlog;
  }
  const auto waiting = ++*backlog;
  to_cell([link, backlog, message = std::move(message)](
              allocator& role, instant time, outbox& out) {
    --*backlog;
    role.take(message, link, time, out);
  });
  return waiting < max_backlog;
}

void running_server::close_link(link_id link) {
  {
    const std::unique_lock lock{links_mutex_};
    links_.erase(link);
  }
  to_cell([link](allocator& role, instant time, outbox&) {
    role.close(link, time);
  });
}

} // namespace skerry
