// Who rules, and by whose word that changes.
#include "actors/policy_league.hpp"

#include <fmt/format.h>

#include <utility>

namespace skerry {

// -- who rules ----------------------------------------------------------------

/// Who has ruled is on standby then, unless it has just been moved elsewhere.
void policy_league::rule(std::string name, const std::string& reason,
                         std::string_view by, std::int64_t now) {
  auto& before = members_.at(active_);
  if (before.standing == policy_standing::active)
    move(before, policy_standing::standby, fmt::format("{} rules", name), by,
         now);
  if (name == canary_)
    canary_.clear();
  previous_ = std::exchange(active_, std::move(name));
  move(members_.at(active_), policy_standing::active, reason, by, now);
  changed_at_ = now;
  ++ruling_version_;
}

void policy_league::end_canary(policy_standing to, const std::string& reason,
                               std::string_view by, std::int64_t now) {
  move(members_.at(canary_), to, reason, by, now);
  canary_.clear();
  ++ruling_version_;
}

/// The best heuristic that is known; without a round the one of the
/// configuration, or what placement did before anything was learned.
std::string policy_league::fallback() const {
  if (!best_heuristic_.empty() && best_heuristic_ != active_)
    return best_heuristic_;
  const auto configured = members_.find(configured_);
  if (configured != members_.end() && configured->second.is_heuristic
      && configured_ != active_)
    return configured_;
  return active_ == "best-fit-all" ? "best-fit" : "best-fit-all";
}

result<> policy_league::promote(std::string_view name, bool at_once,
                                std::int64_t now) {
  const auto* found = find(name);
  if (found == nullptr)
    return {error_code::not_found,
            fmt::format("the league knows no policy {}; `skerry policy list` "
                        "shows those it knows",
                        name)};
  const auto full = found->policy.name;
  auto& which = members_.at(full);
  if (full == active_ || (full == canary_ && !at_once))
    return done{}; // As was wanted.
  if (at_once) {
    ++promotions_;
    if (!canary_.empty() && canary_ != full)
      end_canary(policy_standing::standby, fmt::format("{} rules", full),
                 by_operator, now);
    rule(full, "promoted by an operator", by_operator, now);
    return done{};
  }
  if (!canary_.empty())
    end_canary(policy_standing::standby, fmt::format("{} comes", full),
               by_operator, now);
  move(which, policy_standing::canary, "promoted by an operator", by_operator,
       now);
  canary_ = full;
  ++ruling_version_;
  return done{};
}

result<> policy_league::roll_back(std::string_view name, const std::string& why,
                                  std::int64_t now) {
  const auto* wanted = name.empty() ? nullptr : find(name);
  if (!name.empty() && wanted == nullptr)
    return {error_code::not_found,
            fmt::format("the league knows no policy {}", name)};
  const auto full = wanted != nullptr ? wanted->policy.name
                    : canary_.empty() ? active_
                                      : canary_;
  const auto reason = why.empty()
                          ? std::string{"rolled back by an operator"}
                          : fmt::format("rolled back by an operator: {}", why);
  if (full == canary_) {
    end_canary(policy_standing::refused, reason, by_operator, now);
    return done{};
  }
  if (full != active_)
    return done{}; // It decides nothing, as was wanted.
  const auto before = members_.find(previous_);
  const bool known = before != members_.end() && previous_ != active_
                     && before->second.standing != policy_standing::refused;
  auto& ruler = members_.at(active_);
  if (!known && ruler.is_heuristic)
    return {error_code::conflict,
            fmt::format("the heuristic {} rules, and nothing came before it",
                        active_)};
  const auto next = known ? previous_ : fallback();
  if (!ruler.is_heuristic)
    move(ruler, policy_standing::refused, reason, by_operator, now);
  rule(next, "ruled before", by_operator, now);
  previous_.clear();
  return done{};
}

void policy_league::freeze(bool frozen, std::int64_t now) {
  if (frozen_ == frozen)
    return;
  frozen_ = frozen;
  log({now, active_, "active", "active",
       frozen ? "learning is frozen: nothing is promoted" : "learning goes on",
       std::string{by_operator}});
}

void policy_league::alarm(std::string_view name, const std::string& reason,
                          std::int64_t now) {
  if (name == canary_)
    return end_canary(policy_standing::refused, reason, by_watchdog, now);
  if (name != active_)
    return; // It has gone already.
  auto& ruler = members_.at(active_);
  move(ruler,
       ruler.is_heuristic ? policy_standing::standby : policy_standing::refused,
       reason, by_watchdog, now);
  rule(fallback(), "a heuristic, as " + active_ + " has failed", by_watchdog,
       now);
}

policy_ruling policy_league::ruling() const {
  policy_ruling out{members_.at(active_).policy};
  if (!canary_.empty()) {
    out.canary = members_.at(canary_).policy;
    out.canary_share = options_.canary_share;
  }
  return out;
}

} // namespace skerry
