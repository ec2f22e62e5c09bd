// The league of a server: what decides which policy rules its cell.
#include "actors/running_server.hpp"
#include "messages/policy_file.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <caf/event_based_actor.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>

//   tick -> judge.work() --round--> league_role --ruling--> ALLOCATOR
//     ^        |                        |  ^
//     +-pause--+                  store +  +-- commands, alarms
//
// The judge is a detached actor of the lowest priority; the role answers
// whoever has its lock. So a judge that hangs keeps nobody from rolling back.

namespace skerry {

namespace {

using std::chrono::milliseconds;

struct judge_state {
  static constexpr const char* name = "league-judge";
};

caf::behavior judge_behavior(caf::stateful_actor<judge_state>* self,
                             const std::shared_ptr<league_judge>& judge) {
  self->send(self, tick_atom::value);
  return {[=](tick_atom) {
    const auto pause = judge->work(now());
    if (pause > 0)
      self->delayed_send(self, milliseconds{pause}, tick_atom::value);
    else
      self->send(self, tick_atom::value);
  }};
}

} // namespace

void running_server::with_league(const league_call& run) {
  outbox out;
  {
    const std::lock_guard lock{league_mutex_};
    run(*league_, now(), out);
    *frozen_ = league_->frozen();
  }
  hand_on(std::move(out));
}

void running_server::open_league(allocator& cell) {
  outbox out;
  league_ = std::make_unique<league_role>(
      league_role_options{
          .server = options_.name,
          .league = options_.league,
          .shipped = shipped_policy(),
          .configured = options_.cell.policy,
          .configured_policy = options_.configured_policy,
          .rule =
              [this](policy_ruling ruling) {
                if (cell_role_ == nullptr)
                  return; // It is not spawned yet, and begins with it.
                to_cell([ruling = std::move(ruling)](allocator& role, instant,
                                                     outbox& then) {
                  if (const auto ok = role.rule(ruling); !ok)
                    then.policy_faults.push_back(
                        {ruling.active.name, ok.failure().message});
                });
              },
          .log = options_.log},
      std::move(policies_), now(), out);
  *frozen_ = league_->frozen();
  if (const auto ok = cell.rule(league_->ruling()); !ok)
    league_->alarm({league_->state().active(), ok.failure().message}, now(),
                   out);
  hand_on(std::move(out));
}

void running_server::raise_alarms(const std::vector<policy_fault>& faults) {
  if (!faults.empty())
    with_league([&](league_role& role, instant time, outbox& out) {
      for (const auto& fault : faults)
        role.alarm(fault, time, out);
    });
}

void running_server::spawn_judge() {
  if (options_.league.rules.mode == league_mode::off)
    return;
  league_judge_options how{.league = options_.league,
                           .look_at_cell = [this] { show_history(); },
                           .begin = {},
                           .end = {},
                           .trouble = {},
                           .stop = islands_stop_};
  how.begin = [this](cell_history history) {
    std::optional<league_role::round> round;
    const auto islands = board_->all();
    with_league([&](league_role& role, instant time, outbox& out) {
      round = role.begin_round(std::move(history), islands, time, out);
    });
    return round;
  };
  how.end = [this](const std::vector<shadow_series>& series,
                   const std::string& record, double cpu_seconds) {
    with_league([&](league_role& role, instant time, outbox& out) {
      role.end_round(series, record, cpu_seconds, time, out);
    });
  };
  how.trouble = [this](const std::string& why) {
    with_league(
        [&](league_role& role, instant, outbox&) { role.in_trouble(why); });
  };
  judge_ = std::make_shared<league_judge>(std::move(how));
  auto actor = system_->spawn<caf::detached>(judge_behavior, judge_);
  const std::unique_lock lock{roles_mutex_};
  judge_actor_ = std::move(actor);
}

void running_server::show_history() {
  to_cell([judge = judge_](allocator& role, instant, outbox&) {
    judge->show(role.history());
  });
}

void running_server::policies(v1::PolicyCommand asked,
                              reply<v1::PoliciesReply> then) {
  then = answered_for_sure(std::move(then));
  const auto only = asked.server();
  const auto there = reachable();
  if (!only.empty() && std::ranges::find(there, only) == there.end())
    return then(error{error_code::not_found,
                      fmt::format("no server {} is reachable; `skerry get "
                                  "servers` lists them",
                                  only)});
  mesh::v1::Question question;
  *question.mutable_policies() = std::move(asked);
  questions_->ask(only.empty() ? there : std::vector{only},
                  mesh::v1::Envelope::NOBODY, std::move(question),
                  [this, only, then](const questions::answers& answers) {
                    v1::PoliciesReply all;
                    for (const auto& [from, answer] : answers)
                      if (answer.has_league())
                        *all.add_leagues() = answer.league();
                    for (const auto& name : only.empty()
                                                ? missing(answers)
                                                : std::vector<std::string>{})
                      all.add_unreachable_servers(name);
                    if (all.leagues().empty())
                      return then(error{error_code::unreachable,
                                        "no server has answered in time"});
                    then(std::move(all));
                  });
}

} // namespace skerry
