#include "cli/policies_text.hpp"

#include "cli/cluster_text.hpp"
#include "cli/report.hpp"
#include "config/units.hpp"
#include "simulation/text_reader.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace skerry {
namespace {

std::string percent_text(const v1::PolicyStatus& of, double value) {
  return of.judged() ? fmt::format("{:.2f}", value) : "-";
}

std::string gain_text(const v1::PolicyStatus& of) {
  return of.judged()
             ? fmt::format("{:+.2f} +-{:.2f}", of.gain(), of.gain_half_width())
             : "-";
}

std::string standing_text(const v1::PolicyStatus& of) {
  return of.heuristic() && of.standing() == "standby" ? "heuristic"
                                                      : of.standing();
}

std::string since_text(const v1::PolicyStatus& of) {
  return age_text(unix_milliseconds_now() - of.since_unix_milliseconds());
}

/// Who decides first, then the candidates, then the rest.
int rank_of(const v1::PolicyStatus& policy) {
  const auto& at = policy.standing();
  return at == "active"       ? 0
         : at == "canary"     ? 1
         : at == "shadow"     ? 2
         : policy.heuristic() ? 4
         : at == "standby"    ? 3
                              : 5;
}

std::vector<const v1::PolicyStatus*>
sorted(const v1::LeagueStatus& league,
       bool (*before)(const v1::PolicyStatus&, const v1::PolicyStatus&)) {
  std::vector<const v1::PolicyStatus*> out;
  for (const auto& policy : league.policies())
    out.push_back(&policy);
  std::ranges::stable_sort(
      out, [before](const auto* a, const auto* b) { return before(*a, *b); });
  return out;
}

std::string notes_of(const v1::PoliciesReply& leagues) {
  std::string out;
  for (const auto& league : leagues.leagues()) {
    out += fmt::format("{}: the league is {}{}, {} rounds, {} promotions",
                       league.server(), league.mode(),
                       league.frozen() ? " and frozen" : "", league.rounds(),
                       league.promotions());
    if (!league.record().empty())
      out += fmt::format("; judged on {}", league.record());
    if (!league.trouble().empty())
      out += fmt::format("; trouble: {}", printable(league.trouble()));
    out += "\n";
  }
  return out;
}

} // namespace

std::string policies_table(const v1::PoliciesReply& leagues) {
  text_table table{{"SERVER", "POLICY", "STANDING", "SINCE", "ALLOCATED %",
                    "GAIN", "REASON"},
                   3};
  for (const auto& league : leagues.leagues())
    for (const auto* policy : sorted(league, [](const auto&a, const auto&b) {
           return rank_of(a) < rank_of(b);
         }))
      table.add({league.server(), policy->name(), standing_text(*policy),
                 since_text(*policy),
                 percent_text(*policy, policy->allocated_percent()),
                 gain_text(*policy), printable(policy->reason())});
  return table.text() + "\n" + notes_of(leagues);
}

std::string shadow_table(const v1::PoliciesReply& leagues) {
  text_table table{{"SERVER", "POLICY", "STANDING", "ALLOCATED %", "GAIN",
                    "UNSTARTED %", "WAIT P99 %", "LARGE %", "DECISION US",
                    "VERDICT"},
                   3};
  for (const auto& league : leagues.leagues())
    for (const auto* policy : sorted(league, [](const auto&a, const auto&b) {
           return a.judged() > b.judged()
                  || (a.judged() == b.judged()
                      && a.allocated_percent() > b.allocated_percent());
         }))
      table.add({league.server(), policy->name(), standing_text(*policy),
                 percent_text(*policy, policy->allocated_percent()),
                 gain_text(*policy),
                 percent_text(*policy, policy->unstarted_percent()),
                 percent_text(*policy, policy->wait_p99_percent()),
                 percent_text(*policy, policy->large_wait_p99_percent()),
                 percent_text(*policy, policy->decision_p99_us()),
                 policy->standing() == "active"
                     ? "rules"
                     : printable(policy->verdict())});
  return table.text() + "\n" + notes_of(leagues);
}

std::string comparison_table(const v1::PoliciesReply& leagues,
                             const std::vector<std::string>& names) {
  std::string out;
  for (const auto& league : leagues.leagues()) {
    std::vector<std::string> header{"SERVER " + league.server()};
    std::vector<std::vector<std::string>> rows{
        {"standing"},    {"round"},      {"allocated %"},   {"gain"},
        {"unstarted %"}, {"wait p99 %"}, {"large tasks %"}, {"decision us"}};
    for (const auto& name : names)
      for (const auto& policy : league.policies()) {
        if (policy.name() != name)
          continue;
        header.push_back(name);
        const std::vector<std::string> cells{
            standing_text(policy),
            policy.judged() ? fmt::format("{}", policy.round()) : "-",
            percent_text(policy, policy.allocated_percent()),
            gain_text(policy),
            percent_text(policy, policy.unstarted_percent()),
            percent_text(policy, policy.wait_p99_percent()),
            percent_text(policy, policy.large_wait_p99_percent()),
            percent_text(policy, policy.decision_p99_us())};
        for (std::size_t i = 0; i < rows.size(); ++i)
          rows[i].push_back(cells[i]);
      }
    text_table table{header, 1};
    for (auto& row : rows)
      table.add(std::move(row));
    out += table.text();
  }
  return out;
}

std::string policy_events_table(const v1::PoliciesReply& leagues) {
  text_table table{{"SERVER", "AGE", "POLICY", "FROM", "TO", "BY", "REASON"},
                   2};
  const auto or_dash = [](const std::string& text) {
    return text.empty() ? std::string{"-"} : text;
  };
  for (const auto& league : leagues.leagues())
    for (const auto& what : league.events())
      table.add({league.server(),
                 age_text(unix_milliseconds_now() - what.unix_milliseconds()),
                 what.policy(), or_dash(what.from()), or_dash(what.to()),
                 what.by(), printable(what.reason())});
  return table.text();
}

std::string outcomes_text(const v1::PoliciesReply& leagues) {
  std::string out;
  for (const auto& league : leagues.leagues())
    out += fmt::format("{}: {}\n", league.server(),
                       printable(league.error_code() == 0
                                     ? league.done()
                                     : league.error_message()));
  return out;
}

} // namespace skerry
