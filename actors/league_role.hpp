#pragma once

#include "actors/allocator.hpp"
#include "actors/outbox.hpp"
#include "actors/policy_league.hpp"
#include "messages/skerry/v1/policies.pb.h"
#include "storage/policy_store.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace skerry {

/// The league of a server.
struct server_league_options {
  league_options rules = {};
  shadow_episode_options episodes = {};
  /// Of one core, above 0, at most 1; and only while nobody else wants it.
  double cpu_share = 0.1;
  bool when_idle = true;
  /// From the start of a round to that of the next, at least.
  std::int64_t round_milliseconds = 60'000;
  /// Of the record; fewer tasks say nothing.
  std::size_t fewest_tasks = 64;
  std::uint64_t seed = 1;
};

/// @returns `invalid_argument` naming the field.
result<> validate(const server_league_options& options);

struct league_role_options {
  std::string server;
  server_league_options league;
  v1::Policy shipped;
  policy_choice configured;
  /// Of `configured`, for its provenance; empty for a heuristic.
  std::optional<v1::Policy> configured_policy = {};
  /// Brings a ruling to the ALLOCATOR.
  std::function<void(policy_ruling)> rule = {};
  std::function<void(const std::string&)> log = {};
};

/// LEAGUE: the policies of a server's cell, with their provenance, on disk and
/// for whoever asks; what is judged, and what comes of it. Judging itself is
/// elsewhere (`league_judge`): it may take long or never end, and this answers.
///
///     islands, operators --submit--> policy_league --ruling--> ALLOCATOR
///     league_judge <--round-- | --writes--> store
///                  --series-->|
///
/// Threads: one at a time.
class league_role {
public:
  /// What a judge has to do.
  struct round {
    std::vector<policy_choice> field;
    cell_history history;
    std::uint64_t seed = 0;
  };

  /// @param kept What the store has.
  /// @param out  Takes what was damaged out of the store.
  league_role(league_role_options options, policy_store kept, instant now,
              outbox& out);

  // -- the judge --------------------------------------------------------------

  /// Takes the champions of the islands as candidates.
  /// @returns Nothing when the league is off or little is known of the cell.
  std::optional<round> begin_round(cell_history history,
                                   std::span<const v1::IslandStatus> islands,
                                   instant now, outbox& out);
  /// @param record What was judged on, for people.
  void end_round(const std::vector<shadow_series>& series,
                 const std::string& record, double cpu_seconds, instant now,
                 outbox& out);
  void in_trouble(const std::string& why) { trouble_ = why; }

  // -- others -----------------------------------------------------------------

  v1::LeagueStatus run(const v1::PolicyCommand& asked, instant now,
                       outbox& out);
  /// A candidate from inside the cluster: an island, the learner.
  void submit(const v1::Policy& policy, std::string_view by, instant now,
              outbox& out);
  void alarm(const policy_fault& fault, instant now, outbox& out);

  policy_ruling ruling() const { return league_.ruling(); }
  bool frozen() const { return league_.frozen(); }
  const policy_league& state() const { return league_; }

private:
  void recover(instant now);
  result<std::string> take_candidate(const v1::Policy& policy,
                                     std::string_view by, instant now);
  result<std::string> carry_out(const v1::PolicyCommand& asked, instant now);
  /// After every change: what is to be kept and told.
  void settle(outbox& out);
  v1::LeagueStatus status(const v1::ListPoliciesRequest& query) const;
  v1::PolicyStatus status_of(const policy_league::member& member,
                             bool with_weights) const;

  league_role_options options_;
  policy_league league_;
  policy_store kept_;
  std::map<std::string, v1::Policy> policies_; ///< With weights, by full name.
  std::uint64_t ruling_told_ = 0;
  std::string record_;
  std::string trouble_;
  std::size_t new_tasks_
      = 0; ///< Since the canary began, in the round's record.
  double cpu_seconds_ = 0;
};

} // namespace skerry
