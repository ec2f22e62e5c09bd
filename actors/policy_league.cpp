#include "actors/policy_league.hpp"

#include "scheduling/assert.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace skerry {
namespace {

constexpr double max_canary_share = 0.5;

/// Of no use as one that rules: it packs nothing.
constexpr std::string_view never_rules = "random";

const shadow_series* find_in(const std::vector<shadow_series>& all,
                             std::string_view name) {
  const auto found = std::ranges::find(all, name, &shadow_series::name);
  return found == all.end() ? nullptr : &*found;
}

} // namespace

std::string_view to_string(policy_standing standing) {
  switch (standing) {
  case policy_standing::shadow:
    return "shadow";
  case policy_standing::canary:
    return "canary";
  case policy_standing::active:
    return "active";
  case policy_standing::standby:
    return "standby";
  case policy_standing::refused:
    return "refused";
  }
  return "unknown";
}

result<> validate(const league_options& options) {
  const auto fault = [](std::string text) {
    return error{error_code::invalid_argument, std::move(text)};
  };
  if (!(options.canary_share > 0 && options.canary_share <= max_canary_share))
    return fault(fmt::format("a canary's share of {}, must be above 0 and at "
                             "most {}",
                             options.canary_share, max_canary_share));
  if (options.episodes < options.gate.fewest_episodes)
    return fault(fmt::format("{} episodes in a round, the gate needs {}",
                             options.episodes, options.gate.fewest_episodes));
  if (options.canary_milliseconds < 0 || options.settle_milliseconds < 0)
    return fault("a time of the league below 0");
  if (options.candidates_per_round < 1 || options.max_members < 4)
    return fault("a league judges 1 candidate or more and remembers 4 or more");
  return validate(options.gate);
}

policy_league::policy_league(league_options options,
                             const policy_choice& configured,
                             const policy_choice& shipped, std::int64_t now)
    : options_{options}, configured_{configured.name}, active_{
                                                           configured.name} {
  SKERRY_ASSERT(validate(options_));
  for (const auto name : placement_policy_names())
    if (name != never_rules || name == configured.name)
      members_.emplace(name,
                       member{.policy = policy_choice{name},
                              .is_heuristic = true,
                              .standing = policy_standing::standby,
                              .reason = "a heuristic: judged in every round",
                              .since_unix_milliseconds = now});
  members_.try_emplace(shipped.name,
                       member{.policy = shipped,
                              .reason = "shipped with the product",
                              .since_unix_milliseconds = now});
  auto& ruler
      = members_.try_emplace(configured.name, member{.policy = configured})
            .first->second;
  ruler.standing = policy_standing::active;
  ruler.reason = "configured";
  ruler.since_unix_milliseconds = now;
}

policy_league::kept_ruling policy_league::keep() const {
  return {configured_, active_, previous_, frozen_, promotions_};
}

void policy_league::resume(std::vector<member> members,
                           const kept_ruling& ruling, std::int64_t now) {
  for (auto& each : members) {
    const auto& name = each.policy.name;
    const auto at = name.find('@');
    auto& version = versions_[name.substr(0, at)];
    if (at != std::string::npos)
      version = std::max<std::uint64_t>(
          version, std::strtoull(name.c_str() + at + 1, nullptr, 10));
    next_number_ = std::max(next_number_, each.number + 1);
    if (each.standing == policy_standing::canary
        || each.standing == policy_standing::active)
      each.standing = policy_standing::shadow;
    auto& known
        = members_.insert_or_assign(name, std::move(each)).first->second;
    if (name == active_)
      known.standing = policy_standing::active;
  }
  frozen_ = ruling.frozen;
  promotions_ = ruling.promotions;
  previous_ = ruling.previous;
  if (ruling.active.empty() || ruling.active == active_)
    return;
  auto why = ruling.configured != configured_
                 ? fmt::format("the configuration names {} now", configured_)
             : options_.mode == league_mode::off ? "the league is off"
             : members_.contains(ruling.active)
                 ? std::string{}
                 : "it is not among the policies that could be read";
  if (why.empty())
    return rule(ruling.active, "ruled before the start", by_start, now);
  log({now, ruling.active, "active", {}, why, std::string{by_start}});
}

// -- members ------------------------------------------------------------------

void policy_league::log(league_event what) {
  changed_.push_back(what.policy);
  events_.push_back(std::move(what));
}

void policy_league::move(member& which, policy_standing to,
                         const std::string& reason, std::string_view by,
                         std::int64_t now) {
  log({now, which.policy.name, std::string{to_string(which.standing)},
       std::string{to_string(to)}, reason, std::string{by}});
  which.standing = to;
  which.reason = reason;
  which.since_unix_milliseconds = now;
}

void policy_league::refuse(const std::string& name, const std::string& reason,
                           std::string_view by, std::int64_t now) {
  log({now, name, {}, "refused", reason, std::string{by}});
}

result<std::string> policy_league::submit(const std::string& name,
                                          const placement_weights& weights,
                                          std::string_view by,
                                          std::int64_t now) {
  if (auto ok = validate_id(name, "policy name"); !ok)
    return ok.failure();
  if (auto ok = validate(weights); !ok) {
    refuse(name, ok.failure().message, by, now);
    return ok.failure();
  }
  for (const auto& [known, each] : members_)
    if (each.policy.weights && *each.policy.weights == weights)
      return error{error_code::already_exists,
                   fmt::format("the weights are those of {} ({})", known,
                               to_string(each.standing))};
  if (frozen_ && by != by_operator)
    return error{error_code::conflict, "learning is frozen"};
  if (!make_room(now))
    return error{error_code::limit_exceeded,
                 fmt::format("the league has {} policies that are not judged "
                             "yet; try again later",
                             options_.max_members)};
  const auto full = fmt::format("{}@{}", name, ++versions_[name]);
  auto& made = members_
                   .emplace(full, member{.policy = policy_choice{full, weights},
                                         .number = next_number_++,
                                         .since_unix_milliseconds = now})
                   .first->second;
  made.reason = "waits to be judged";
  log({now,
       full,
       {},
       "shadow",
       fmt::format("submitted by {}", by),
       std::string{by}});
  return full;
}

bool policy_league::make_room(std::int64_t now) {
  const auto may_go = [this](const auto& entry) {
    const auto& [name, each] = entry;
    // Those of the product and the configuration have no number.
    return each.number > 0 && name != previous_
           && (each.standing == policy_standing::standby
               || each.standing == policy_standing::refused);
  };
  const auto count = static_cast<std::size_t>(std::ranges::count_if(
      members_, [](const auto& entry) { return !entry.second.is_heuristic; }));
  if (count < options_.max_members)
    return true;
  auto oldest = members_.end();
  for (auto each = members_.begin(); each != members_.end(); ++each)
    if (may_go(*each)
        && (oldest == members_.end()
            || each->second.number < oldest->second.number))
      oldest = each;
  if (oldest == members_.end())
    return false;
  log({now,
       oldest->first,
       std::string{to_string(oldest->second.standing)},
       {},
       "the oldest makes room",
       std::string{by_league}});
  members_.erase(oldest);
  return true;
}

const policy_league::member* policy_league::find(std::string_view name) const {
  if (const auto found = members_.find(std::string{name});
      found != members_.end())
    return &found->second;
  const member* latest = nullptr;
  for (const auto& [full, each] : members_)
    if (full.substr(0, full.find('@')) == name
        && (latest == nullptr || each.number > latest->number))
      latest = &each;
  return latest;
}

// -- rounds -------------------------------------------------------------------

std::vector<policy_choice> policy_league::field() const {
  std::vector<policy_choice> out;
  std::vector<const member*> candidates;
  for (const auto& [name, each] : members_)
    if (each.is_heuristic || name == active_ || name == canary_
        || (name == configured_ && each.standing != policy_standing::refused))
      out.push_back(each.policy);
    else if (each.standing != policy_standing::refused)
      candidates.push_back(&each);
  // The new ones first, then those that were judged longest ago.
  std::ranges::sort(candidates, {}, [](const member* each) {
    return std::pair{each->judged_round, each->number};
  });
  for (std::size_t i = 0;
       i < std::min(candidates.size(), options_.candidates_per_round); ++i)
    out.push_back(candidates[i]->policy);
  return out;
}

void policy_league::conclude(const std::vector<shadow_series>& series,
                             std::size_t new_tasks, std::int64_t now) {
  ++round_;
  const shadow_series* heuristic = nullptr;
  double best = 0;
  for (const auto& each : series) {
    const auto found = members_.find(each.name);
    if (found == members_.end())
      continue; // It has gone while it was judged.
    auto& judged = found->second;
    judged.judged_round = round_;
    judged.figures = mean_of(each.episodes);
    changed_.push_back(each.name);
    const auto mean = judged.figures.allocated_percent;
    if (judged.is_heuristic && each.trouble.empty() && !each.episodes.empty()
        && each.name != never_rules && (heuristic == nullptr || mean > best)) {
      heuristic = &each;
      best = mean;
    }
  }
  if (heuristic == nullptr)
    return; // Nothing was judged.
  best_heuristic_ = heuristic->name;
  watch(series, *heuristic, now);
  const auto* ruler = find_in(series, active_);
  if (ruler == nullptr)
    return; // It came to rule while others were judged.
  std::vector<std::string> passed;
  for (const auto& each : series) {
    const auto found = members_.find(each.name);
    if (found == members_.end() || each.name == active_)
      continue;
    auto& judged = found->second;
    judged.verdict = judge(each, *ruler, *heuristic, options_.gate);
    if (!each.trouble.empty()) {
      if (each.name == canary_)
        end_canary(policy_standing::refused, judged.verdict.reason, by_watchdog,
                   now);
      else if (judged.standing != policy_standing::refused)
        move(judged, policy_standing::refused, judged.verdict.reason,
             by_watchdog, now);
    } else if (judged.verdict.passes) {
      passed.push_back(each.name);
    } else if (each.name == canary_) {
      end_canary(policy_standing::standby, judged.verdict.reason, by_league,
                 now);
    } else if (judged.standing == policy_standing::shadow) {
      move(judged, policy_standing::standby, judged.verdict.reason, by_league,
           now);
    }
  }
  consider(passed, new_tasks, now);
}

/// Whether the ruler must go, and for whom. A heuristic that is behind another
/// is replaced as any ruler is, by way of a canary: of ten one is ahead by
/// chance. The configured policy needs no more than to be ahead for sure; if it
/// had to hurt nobody, too, who once got ahead by hurting large tasks would
/// stay.
void policy_league::watch(const std::vector<shadow_series>& series,
                          const shadow_series& heuristic, std::int64_t now) {
  const auto* ruler = find_in(series, active_);
  if (ruler == nullptr)
    return;
  auto& judged = members_.at(active_);
  auto next = heuristic.name;
  auto why = unfit(*ruler, options_.gate);
  const auto* home = find_in(series, configured_);
  if (why.empty() && home != nullptr && active_ != configured_
      && unfit(*home, options_.gate).empty()) {
    why = behind(*ruler, *home, options_.gate);
    next = why.empty() ? next : configured_;
  }
  if (why.empty() && !judged.is_heuristic)
    why = behind(*ruler, heuristic, options_.gate);
  if (why.empty() || next == active_)
    return;
  if (options_.mode != league_mode::on) {
    log({now, active_, "active", "active",
         fmt::format("would go if the league were on: {}", why),
         std::string{by_watchdog}});
    return;
  }
  move(judged,
       ruler->trouble.empty() ? policy_standing::standby
                              : policy_standing::refused,
       why, by_watchdog, now);
  rule(next,
       fmt::format("{}, as {} must go",
                   next == configured_ ? "configured" : "the best heuristic",
                   active_),
       by_watchdog, now);
}

/// What has passed: the canary may rule, or the best becomes the canary.
void policy_league::consider(const std::vector<std::string>& passed,
                             std::size_t new_tasks, std::int64_t now) {
  const auto lower_bound = [this](const std::string& name) {
    const auto& gain = members_.at(name).verdict.gain;
    return gain.mean - gain.half_width;
  };
  const auto best = std::ranges::max_element(passed, {}, lower_bound);
  if (best == passed.end())
    return;
  auto& first = members_.at(*best);
  if (options_.mode != league_mode::on || frozen_) {
    if (first.standing == policy_standing::shadow)
      move(first, policy_standing::standby,
           fmt::format("{}; not promoted, as {}", first.verdict.reason,
                       frozen_ ? "learning is frozen" : "the league is not on"),
           by_league, now);
    return;
  }
  if (!canary_.empty()) {
    auto& canary = members_.at(canary_);
    if (std::ranges::find(passed, canary_) != passed.end()
        && now - canary.since_unix_milliseconds >= options_.canary_milliseconds
        && new_tasks >= options_.canary_tasks) {
      ++promotions_;
      rule(canary_, "again " + canary.verdict.reason, by_league, now);
    }
    return;
  }
  if (now - changed_at_ < options_.settle_milliseconds)
    return;
  move(first, policy_standing::canary, first.verdict.reason, by_league, now);
  canary_ = *best;
  ++ruling_version_;
}

std::int64_t policy_league::canary_since() const {
  return canary_.empty() ? 0 : members_.at(canary_).since_unix_milliseconds;
}

// -- what has happened --------------------------------------------------------

std::vector<league_event> policy_league::take_events() {
  return std::exchange(events_, {});
}

std::vector<std::string> policy_league::take_changed() {
  auto out = std::exchange(changed_, {});
  std::ranges::sort(out);
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

} // namespace skerry
