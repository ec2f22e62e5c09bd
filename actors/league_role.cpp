#include "actors/league_role.hpp"

#include "messages/policy_file.hpp"
#include "scheduling/assert.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace skerry {
namespace {

constexpr std::string_view by_islands = "islands";
constexpr std::size_t large_group = task_groups - 1;
constexpr std::uint32_t max_events_told = 1'000;

policy_choice shipped_choice(const v1::Policy& policy) {
  const auto weights = weights_from(policy);
  SKERRY_ASSERT(weights); // It is built in.
  return {policy.name(), *weights};
}

/// Candidates come and go with every round; the log is for who decides, and
/// for what was refused.
bool is_for_the_log(const league_event& what) {
  const auto weighty = [](const std::string& standing) {
    return standing == "canary" || standing == "active"
           || standing == "refused";
  };
  return weighty(what.from) || weighty(what.to) || what.by == by_operator;
}

v1::PolicyEvent to_proto(const league_event& what) {
  v1::PolicyEvent out;
  out.set_unix_milliseconds(what.unix_milliseconds);
  out.set_policy(what.policy);
  out.set_from(what.from);
  out.set_to(what.to);
  out.set_reason(what.reason);
  out.set_by(what.by);
  return out;
}

std::string_view name_of(league_mode mode) {
  switch (mode) {
  case league_mode::off:
    return "off";
  case league_mode::shadow:
    return "shadow";
  case league_mode::on:
    return "on";
  }
  return "unknown";
}

/// By how much an island's champion is better than what it began at, which
/// candidates are not worth judging without.
bool has_gained(const v1::IslandStatus& island) {
  return island.has_policy() && island.has_best() && island.has_start_cost()
         && island.best() < island.start_cost();
}

} // namespace

result<> validate(const server_league_options& options) {
  const auto fault = [](std::string text) {
    return error{error_code::invalid_argument, std::move(text)};
  };
  if (!(options.cpu_share > 0 && options.cpu_share <= 1))
    return fault(fmt::format("league: a CPU share of {}, must be above 0 and "
                             "at most 1",
                             options.cpu_share));
  if (options.round_milliseconds < 100)
    return fault("league: rounds closer than 100 ms");
  if (auto ok = validate(options.episodes); !ok)
    return ok;
  return validate(options.rules);
}

league_role::league_role(league_role_options options, policy_store kept,
                         instant now, outbox& out)
    : options_{std::move(options)}, league_{options_.league.rules,
                                            options_.configured,
                                            shipped_choice(options_.shipped),
                                            now.unix_milliseconds},
      kept_{std::move(kept)} {
  SKERRY_ASSERT(validate(options_.league));
  policies_[options_.shipped.name()] = options_.shipped;
  if (options_.configured_policy)
    policies_[options_.configured.name] = *options_.configured_policy;
  recover(now);
  for (const auto& [key, reason] : kept_.damaged()) {
    out.erase(key);
    league_.refuse(key, fmt::format("damaged in the store: {}", reason),
                   by_start, now.unix_milliseconds);
    trouble_ = fmt::format("{} was damaged in the store: {}", key, reason);
  }
  ruling_told_ = league_.ruling_version(); // Who makes it asks for the ruling.
  settle(out);
}

void league_role::recover(instant now) {
  std::vector<policy_league::member> members;
  for (const auto& record : kept_.policies()) {
    const auto weights = weights_from(record.policy());
    SKERRY_ASSERT(weights); // The store has checked it.
    const auto& name = record.policy().name();
    members.push_back(
        {.policy = {name, *weights},
         .standing = static_cast<policy_standing>(record.standing()),
         .reason = record.reason(),
         .number = record.number(),
         .since_unix_milliseconds = record.since_unix_milliseconds()});
    policies_[name] = record.policy();
  }
  const auto& state = kept_.state();
  league_.resume(std::move(members),
                 {.configured = state.configured(),
                  .active = state.active(),
                  .previous = state.previous(),
                  .frozen = state.frozen(),
                  .promotions = state.promotions()},
                 now.unix_milliseconds);
}

void league_role::settle(outbox& out) {
  const auto changed = league_.take_changed();
  for (const auto& name : changed) {
    const auto* member = league_.find(name);
    const auto policy = policies_.find(name);
    if (member == nullptr || member->policy.name != name) {
      policies_.erase(name);
      out.writes.push_back(policy_store::forget(name));
    } else if (member->number > 0 && policy != policies_.end()) {
      mesh::v1::PolicyRecord record;
      *record.mutable_policy() = policy->second;
      record.set_standing(static_cast<std::uint32_t>(member->standing));
      record.set_reason(member->reason);
      record.set_number(member->number);
      record.set_since_unix_milliseconds(member->since_unix_milliseconds);
      out.writes.push_back(policy_store::keep(record));
    }
  }
  for (const auto& what : league_.take_events())
    if (is_for_the_log(what)) {
      kept_.append(to_proto(what), out.writes);
      if (options_.log)
        options_.log(fmt::format("league policy={} from={} to={} by={}: {}",
                                 what.policy, what.from, what.to, what.by,
                                 what.reason));
    }
  if (!changed.empty()) {
    const auto now = league_.keep();
    mesh::v1::LeagueRecord state;
    state.set_configured(now.configured);
    state.set_active(now.active);
    state.set_previous(now.previous);
    state.set_frozen(now.frozen);
    state.set_promotions(now.promotions);
    out.writes.push_back(policy_store::keep(state));
  }
  if (std::exchange(ruling_told_, league_.ruling_version())
          != league_.ruling_version()
      && options_.rule)
    options_.rule(league_.ruling());
}

// -- the judge ----------------------------------------------------------------

std::optional<league_role::round>
league_role::begin_round(cell_history history,
                         std::span<const v1::IslandStatus> islands, instant now,
                         outbox& out) {
  if (league_.mode() == league_mode::off)
    return std::nullopt;
  for (const auto& island : islands)
    if (has_gained(island))
      submit(island.policy(), by_islands, now, out);
  if (history.tasks.size() < options_.league.fewest_tasks) {
    record_ = fmt::format("{} tasks, {} are needed", history.tasks.size(),
                          options_.league.fewest_tasks);
    return std::nullopt;
  }
  new_tasks_ = static_cast<std::size_t>(
      std::ranges::count_if(history.tasks, [this](const auto& task) {
        return task.arrival_milliseconds >= league_.canary_since();
      }));
  return round{.field = league_.field(),
               .history = std::move(history),
               .seed
               = options_.league.seed
                 + (static_cast<std::uint64_t>(now.unix_milliseconds) << 16)};
}

void league_role::end_round(const std::vector<shadow_series>& series,
                            const std::string& record, double cpu_seconds,
                            instant now, outbox& out) {
  record_ = record;
  cpu_seconds_ = cpu_seconds;
  trouble_.clear();
  league_.conclude(series, new_tasks_, now.unix_milliseconds);
  settle(out);
}

// -- others -------------------------------------------------------------------

result<std::string> league_role::take_candidate(const v1::Policy& policy,
                                                std::string_view by,
                                                instant now) {
  const auto weights = weights_from(policy);
  if (!weights) {
    league_.refuse(policy.name().empty() ? "unnamed" : policy.name(),
                   weights.failure().message, by, now.unix_milliseconds);
    return weights.failure();
  }
  auto name
      = league_.submit(policy.name(), *weights, by, now.unix_milliseconds);
  if (!name)
    return name;
  auto& mine = policies_[*name] = policy;
  mine.set_name(*name);
  seal(mine);
  return name;
}

void league_role::submit(const v1::Policy& policy, std::string_view by,
                         instant now, outbox& out) {
  (void)take_candidate(policy, by, now); // What is refused is in the log.
  settle(out);
}

void league_role::alarm(const policy_fault& fault, instant now, outbox& out) {
  league_.alarm(fault.policy, fault.reason, now.unix_milliseconds);
  settle(out);
}

result<std::string> league_role::carry_out(const v1::PolicyCommand& asked,
                                           instant now) {
  const auto time = now.unix_milliseconds;
  const auto said = [](const result<>& what, std::string text) {
    return what ? result<std::string>{std::move(text)}
                : result<std::string>{what.failure()};
  };
  switch (asked.what_case()) {
  case v1::PolicyCommand::kSubmit: {
    auto name = take_candidate(asked.submit().policy(), by_operator, now);
    if (!name && name.failure().code == error_code::already_exists)
      return name.failure().message; // Idempotent: it is here.
    if (!name)
      return name;
    return fmt::format("{} waits to be judged", *name);
  }
  case v1::PolicyCommand::kPromote: {
    const auto& promote = asked.promote();
    const auto done = league_.promote(promote.name(), promote.at_once(), time);
    return said(done, fmt::format("{} is {}", promote.name(),
                                  promote.at_once() ? "active" : "the canary"));
  }
  case v1::PolicyCommand::kRollBack: {
    const auto& back = asked.roll_back();
    const auto done = league_.roll_back(back.name(), back.reason(), time);
    return said(done, fmt::format("{} rules", league_.active()));
  }
  case v1::PolicyCommand::kFreeze:
    league_.freeze(asked.freeze().frozen(), time);
    return std::string{league_.frozen() ? "learning is frozen"
                                        : "learning goes on"};
  default:
    return std::string{};
  }
}

v1::LeagueStatus league_role::run(const v1::PolicyCommand& asked, instant now,
                                  outbox& out) {
  const auto done = carry_out(asked, now);
  settle(out);
  auto reply = status(asked.list());
  if (done) {
    reply.set_done(*done);
  } else {
    reply.set_error_code(static_cast<std::uint32_t>(done.failure().code));
    reply.set_error_message(done.failure().message);
  }
  return reply;
}

v1::PolicyStatus league_role::status_of(const policy_league::member& member,
                                        bool with_weights) const {
  v1::PolicyStatus out;
  out.set_name(member.policy.name);
  out.set_heuristic(member.is_heuristic);
  out.set_standing(std::string{to_string(member.standing)});
  out.set_reason(member.reason);
  out.set_since_unix_milliseconds(member.since_unix_milliseconds);
  out.set_judged(member.judged_round > 0);
  if (member.judged_round > 0) {
    const auto& figures = member.figures;
    const auto& verdict = member.verdict;
    out.set_round(member.judged_round);
    out.set_allocated_percent(figures.allocated_percent);
    out.set_unstarted_percent(figures.unstarted_percent);
    out.set_wait_p99_percent(figures.wait_p99_percent);
    out.set_large_wait_p99_percent(figures.group_wait_p99_percent[large_group]);
    out.set_decision_p99_us(figures.decision_p99_us);
    out.set_gain(verdict.gain.mean);
    out.set_gain_half_width(verdict.gain.half_width);
    out.set_passes(verdict.passes);
    out.set_verdict(verdict.reason);
  }
  if (const auto known = policies_.find(member.policy.name);
      with_weights && known != policies_.end())
    *out.mutable_policy() = known->second;
  return out;
}

v1::LeagueStatus
league_role::status(const v1::ListPoliciesRequest& query) const {
  v1::LeagueStatus out;
  out.set_server(options_.server);
  out.set_mode(std::string{name_of(league_.mode())});
  out.set_active(league_.active());
  out.set_canary(league_.canary());
  out.set_frozen(league_.frozen());
  out.set_best_heuristic(league_.best_heuristic());
  out.set_rounds(league_.rounds());
  out.set_promotions(league_.promotions());
  out.set_canary_share(options_.league.rules.canary_share);
  out.set_record(record_);
  out.set_trouble(trouble_);
  out.set_cpu_seconds(cpu_seconds_);
  if (query.name().empty()) {
    for (const auto& [name, member] : league_.members())
      *out.add_policies() = status_of(member, query.weights());
  } else if (const auto* member = league_.find(query.name())) {
    *out.add_policies() = status_of(*member, true);
  }
  for (auto& what : kept_.last(std::min(query.events(), max_events_told)))
    *out.add_events() = std::move(what);
  return out;
}

} // namespace skerry
