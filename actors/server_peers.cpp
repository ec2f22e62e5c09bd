// What a server knows of the others and says of itself.
#include "actors/records.hpp"
#include "actors/running_server.hpp"
#include "messages/convert.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <tuple>

namespace skerry {

using std::chrono::milliseconds;

// -- the other servers --------------------------------------------------------

/// A server that was heard once is dialed, also after a restart, until an
/// operator forgets it.
void running_server::peers_changed(const std::vector<peer>& peers) {
  std::vector<store_write> fresh;
  {
    const std::lock_guard lock{peers_mutex_};
    const auto before = std::exchange(reachable_, {});
    islands_at_.clear();
    learners_at_.clear();
    for (const auto& one : peers) {
      const bool was = std::ranges::find(before, one.name) != before.end();
      if (one.reachable)
        reachable_.push_back(one.name);
      if (one.reachable && one.status.islands() > 0)
        islands_at_[one.name] = one.status.islands();
      if (one.reachable && one.status.learner())
        learners_at_.insert(one.name);
      if (options_.log && was != one.reachable)
        options_.log(fmt::format("server {} name={} epoch={}",
                                 was ? "lost" : "connected", one.name,
                                 one.epoch));
      if (auto gone = forgotten_.find(one.name); gone != forgotten_.end()) {
        if (one.epoch <= gone->second)
          continue; // What is told here is older than the operator's word.
        forgotten_.erase(gone);
        fresh.push_back(
            {std::string{forgotten_prefix} + one.name, std::nullopt});
      }
      auto [known, is_new] = remembered_.try_emplace(one.name, 0);
      if (!is_new && known->second >= one.epoch)
        continue;
      known->second = one.epoch;
      mesh::v1::ServerRecord record;
      record.set_mesh_address(one.mesh_address);
      record.set_epoch(one.epoch);
      fresh.push_back(
          {std::string{server_prefix} + one.name, record.SerializeAsString()});
    }
  }
  if (!fresh.empty())
    commits_->submit(std::move(fresh), [this](const result<>& written) {
      if (!written)
        fail(written.failure());
    });
  tell_roles_of_peers();
  tell_islands_of_peers();
  tell_learner_of_peers();
}

void running_server::tell_roles_of_peers() {
  std::vector<std::string> known;
  std::vector<std::string> answering;
  {
    const std::lock_guard lock{peers_mutex_};
    for (const auto& [name, epoch] : remembered_)
      known.push_back(name);
    answering = reachable_;
  }
  to_jobs([answering](jobs_role& role, instant, outbox&) {
    role.set_peers(answering);
  });
  to_cell([known, answering](allocator& role, instant, outbox& out) {
    role.set_peers(known, answering, out);
  });
}

std::vector<std::string> running_server::reachable() const {
  const std::lock_guard lock{peers_mutex_};
  auto names = reachable_;
  names.push_back(options_.name);
  return names;
}

bool running_server::is_alone() const {
  const std::lock_guard lock{peers_mutex_};
  return reachable_.empty();
}

std::vector<std::string>
running_server::missing(const questions::answers& answers) const {
  std::vector<std::string> names;
  const std::lock_guard lock{peers_mutex_};
  for (const auto& [name, epoch] : remembered_)
    if (!answers.contains(name))
      names.push_back(name);
  if (!answers.contains(options_.name))
    names.push_back(options_.name);
  return names;
}

// -- servers that are gone for good ----------------------------------------

/// Nobody forgets a server that any other still reaches. Then all that are up
/// forget it; those that are not hear of it in the hellos of the others.
void running_server::forget_server(v1::ForgetServerRequest request,
                                   reply<v1::ForgetServerReply> then) {
  then = answered_for_sure(std::move(then));
  const auto& name = request.name();
  if (name == options_.name)
    return then(
        error{error_code::conflict,
              fmt::format("server {} is the one that answers; stop it, and ask "
                          "another",
                          name)});
  mesh::v1::Question who_is_there;
  who_is_there.mutable_servers();
  ask_all(mesh::v1::Envelope::NOBODY, std::move(who_is_there),
          [this, name, then](const questions::answers& answers) {
            bool known = false;
            std::uint64_t epoch = 0;
            {
              const std::lock_guard lock{peers_mutex_};
              if (auto gone = forgotten_.find(name); gone != forgotten_.end())
                std::tie(known, epoch) = std::pair{true, gone->second};
            }
            for (const auto& [from, answer] : answers)
              for (const auto& status : answer.servers().servers()) {
                if (status.name() != name)
                  continue;
                if (status.reachable())
                  return then(error{
                      error_code::conflict,
                      fmt::format("server {} answers server {}; stop it first",
                                  name, from)});
                known = true;
                epoch = std::max(epoch, status.epoch());
              }
            if (!known)
              return then(error{
                  error_code::not_found,
                  fmt::format("no server {} is known; `skerry get servers` "
                              "lists them",
                              name)});
            forget_everywhere(name, epoch, then);
          });
}

void running_server::forget_everywhere(const std::string& name,
                                       std::uint64_t epoch,
                                       reply<v1::ForgetServerReply> then) {
  mesh::v1::Question forget;
  forget.mutable_forget_server()->set_name(name);
  forget.mutable_forget_server()->set_epoch(epoch);
  ask_all(mesh::v1::Envelope::NOBODY, std::move(forget),
          [this, then = std::move(then)](const questions::answers& answers) {
            v1::ForgetServerReply all;
            for (const auto& [from, answer] : answers) {
              if (answer.has_failure())
                return then(failure_of(answer.failure()));
              all.add_told(from);
            }
            for (const auto& silent : missing(answers))
              all.add_not_told(silent);
            then(std::move(all));
          });
}

void running_server::forget_here(const std::string& name, std::uint64_t epoch,
                                 reply<done> then) {
  then = answered_for_sure(std::move(then));
  {
    const std::lock_guard lock{peers_mutex_};
    if (std::ranges::find(reachable_, name) != reachable_.end())
      return then(error{error_code::conflict,
                        fmt::format("server {} answers server {}; stop it "
                                    "first",
                                    name, options_.name)});
    remembered_.erase(name);
    auto& gone = forgotten_[name];
    epoch = gone = std::max(gone, epoch);
  }
  if (mesh_)
    mesh_->forget(name, epoch);
  to_cell([name](allocator& role, instant, outbox& out) {
    role.forget_peer(name, out);
  });
  mesh::v1::ForgottenRecord record;
  record.set_epoch(epoch);
  commits_->submit(
      {{std::string{server_prefix} + name, std::nullopt},
       {std::string{forgotten_prefix} + name, record.SerializeAsString()}},
      [this, then](const result<>& written) {
        if (!written)
          return fail(written.failure());
        then(done{});
      });
}

/// Another server says so. When it says so of this one, nobody waits for its
/// word any more: it ends, and what starts again in its place is welcome, for
/// its epoch is a later one, also on an empty disk.
void running_server::forgotten_elsewhere(const std::string& name,
                                         std::uint64_t epoch) {
  if (name == options_.name)
    return commits_->submit(
        {{std::string{least_epoch_key}, std::to_string(epoch)}},
        [this](const result<>&) {
          fail({error_code::conflict,
                "the other servers were told that this one is gone for good; "
                "start it again to join them"});
        });
  if (options_.log)
    options_.log(fmt::format("server forgotten name={} epoch={}", name, epoch));
  forget_here(name, epoch, [](const result<>&) {
    // That it cannot be written ends the server; that it answers again means
    // that it is no longer gone.
  });
}

// -- figures ------------------------------------------------------------------

/// The figures as of a moment ago: hellos carry them.
v1::ServerStatus running_server::own_status() {
  refresh_status();
  v1::ServerStatus status;
  {
    const std::lock_guard lock{status_mutex_};
    status = status_;
    status.set_decision_p50_nanoseconds(decision_nanoseconds_.quantile(0.5));
    status.set_decision_p99_nanoseconds(decision_nanoseconds_.quantile(0.99));
  }
  status.set_name(options_.name);
  status.set_epoch(epoch());
  status.set_incarnation(options_.mesh.incarnation);
  status.set_api_address(options_.api_address);
  status.set_mesh_address(options_.mesh.listen);
  status.set_version(options_.version);
  status.set_islands(options_.islands.count);
  if (replay_)
    *status.mutable_replay() = replay_->status();
  status.set_learner(options_.learner.on);
  status.set_reachable(true);
  const auto commits = commits_->measured();
  status.set_syncs(commits.commits);
  status.set_sync_p99_microseconds(commits.p99_microseconds);
  if (auto room = store_->room(); !room)
    status.set_trouble(room.failure().message);
  return status;
}

void running_server::refresh_status() {
  to_jobs([this](jobs_role& role, instant, outbox&) {
    const std::lock_guard lock{status_mutex_};
    role.describe(status_);
  });
  to_cell([this](allocator& role, instant, outbox&) {
    const std::lock_guard lock{status_mutex_};
    role.describe(status_);
  });
}

/// As this server knows them, itself first: the figures of the others are those
/// of their last hellos.
void running_server::servers_here(reply<v1::ServersReply> then) {
  // Through both roles, so that the figures are of now.
  refresh_status();
  to_jobs([this, then = answered_for_sure(std::move(then))](jobs_role&, instant,
                                                            outbox&) {
    to_cell([this, then](allocator&, instant, outbox&) {
      v1::ServersReply answer;
      answer.set_answered_by(options_.name);
      *answer.add_servers() = own_status();
      std::map<std::string, std::uint64_t> silent;
      {
        const std::lock_guard lock{peers_mutex_};
        silent = remembered_;
      }
      for (const auto& one : mesh_ ? mesh_->peers() : std::vector<peer>{}) {
        silent.erase(one.name);
        auto* to = answer.add_servers();
        *to = one.status;
        to->set_name(one.name);
        to->set_incarnation(one.incarnation);
        to->set_epoch(one.epoch);
        to->set_mesh_address(one.mesh_address);
        to->set_reachable(one.reachable);
        to->set_silent_milliseconds(one.silent_milliseconds);
      }
      // Known from before the last start, and not heard since.
      for (const auto& [name, epoch] : silent) {
        auto* to = answer.add_servers();
        to->set_name(name);
        to->set_epoch(epoch);
      }
      then(std::move(answer));
    });
  });
}

void running_server::servers(v1::ServersRequest request,
                             reply<v1::ServersReply> then) {
  // A server that is frozen must not hold up the rows of the others.
  constexpr milliseconds status_patience{300};
  servers_here([this, request, then = answered_for_sure(std::move(then))](
                   const result<v1::ServersReply>& here) {
    if (!here)
      return then(here.failure());
    std::vector<std::string> others;
    for (const auto& one : here->servers())
      if (one.reachable() && one.name() != options_.name)
        others.push_back(one.name());
    if (others.empty())
      return then(*here);
    mesh::v1::Question question;
    *question.mutable_servers() = request;
    questions_->ask(others, mesh::v1::Envelope::NOBODY, std::move(question),
                    status_patience,
                    [then, all = *here](const questions::answers& answers) {
                      auto fresh = all;
                      for (auto& row : *fresh.mutable_servers())
                        if (auto told = answers.find(row.name());
                            told != answers.end()
                            && !told->second.servers().servers().empty())
                          row = told->second.servers().servers(0);
                      then(std::move(fresh));
                    });
  });
}

} // namespace skerry
