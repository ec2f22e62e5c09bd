#pragma once

#include "scheduling/cell_policies.hpp"
#include "simulation/promotion_gate.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace skerry {

/// Where a policy stands. Numbered for wire and disk: only append.
enum class policy_standing : std::uint8_t {
  shadow = 1,  ///< Waits to be judged, or is: decides nothing.
  canary = 2,  ///< Decides a share.
  active = 3,  ///< Rules.
  standby = 4, ///< Not better when it was judged; looked at again later.
  refused = 5, ///< Failed, or an operator's word: only that brings it back.
};

std::string_view to_string(policy_standing standing);

enum class league_mode : std::uint8_t {
  off = 0,    ///< Judges nothing.
  shadow = 1, ///< Judges and says what it would do.
  on = 2,     ///< Promotes and drops.
};

struct league_options {
  league_mode mode = league_mode::shadow;
  gate_limits gate = {};
  std::size_t episodes = 24; ///< Of a round.
  /// Judged in a round beside heuristics, ruler and canary. Each costs
  /// `episodes` runs.
  std::size_t candidates_per_round = 4;
  double canary_share = 0.1; ///< Of decisions, above 0, at most 0.5.
  /// A canary decides for so long before it may rule, and is judged again on a
  /// record with so many new tasks: on the old ones it would only be found to
  /// be as good as it was.
  std::int64_t canary_milliseconds = 60'000;
  std::size_t canary_tasks = 200;
  /// From one change of ruler to the next canary: rulers that take turns leave
  /// a mixture that is neither's.
  std::int64_t settle_milliseconds = 60'000;
  /// Remembered beside the heuristics; the oldest on standby or refused go.
  std::size_t max_members = 64;
};

/// @returns `invalid_argument` naming the field.
result<> validate(const league_options& options);

/// By whom a change is, beside those who submit.
inline constexpr std::string_view by_league = "league";
inline constexpr std::string_view by_watchdog = "watchdog";
inline constexpr std::string_view by_operator = "operator";
inline constexpr std::string_view by_start = "start";

/// A change, and why. Kept for whoever asks later.
struct league_event {
  std::int64_t unix_milliseconds = 0;
  std::string policy;
  std::string from; ///< Its standing before; empty: was not there.
  std::string to;   ///< Empty: is there no longer.
  std::string reason;
  std::string by; ///< league, watchdog, operator, start

  friend bool operator==(const league_event&, const league_event&) = default;
};

/// Which policy rules a cell: judges members in rounds on the same episodes,
/// promotes what is better and hurts nobody, drops what has become worse.
///
///     submit -> shadow --passes--> canary --passes again--> active
///                 |  ^               |                        |
///                 v  | looked at     v fails                  v outdone
///              standby <-------------+------------------------+
///     watchdog, operator: refused; the best heuristic rules
///
/// Who falls behind the configured policy, the operator's word, makes room for
/// it at once. Heuristics are members, too, and the best of them steps in when
/// an evolved policy must go: they are what placement has always had. The
/// canary's second judgement is on fresh episodes, so a policy that was lucky
/// once must be so twice.
///
/// Pure: no actor, disk, clock or thread.
class policy_league {
public:
  struct member {
    policy_choice policy;
    bool is_heuristic = false;
    policy_standing standing = policy_standing::shadow;
    std::string reason = {};        ///< Of its standing.
    std::uint64_t number = 0;       ///< In order of coming; 0: was there.
    std::uint64_t judged_round = 0; ///< 0: never.
    std::int64_t since_unix_milliseconds = 0;
    gate_verdict verdict = {};   ///< Of its last round.
    shadow_figures figures = {}; ///< Likewise, means.
  };

  /// Who ruled when the server ended.
  struct kept_ruling {
    std::string configured; ///< At that time.
    std::string active;
    std::string previous;
    bool frozen = false;
    std::uint64_t promotions = 0;
  };

  /// @param configured Rules at first: a heuristic or weights.
  /// @param shipped    A candidate from the start.
  /// @pre `validate(options)`; weights that are some.
  policy_league(league_options options, const policy_choice& configured,
                const policy_choice& shipped, std::int64_t now);

  /// Goes on where the store has ended: who ruled rules again, unless the
  /// configuration now names another policy, the league is off, or it is not
  /// among the members. A canary begins anew.
  void resume(std::vector<member> members, const kept_ruling& ruling,
              std::int64_t now);
  kept_ruling keep() const;

  // -- members ----------------------------------------------------------------

  /// @param weights Any: a policy that cannot be made is refused, with the
  ///                reason in the log.
  /// @returns Its name, with its version: `NAME@N`. `already_exists` for
  ///          weights that are known, naming the member; `invalid_argument`;
  ///          `limit_exceeded`; `conflict` when frozen, for what comes by
  ///          itself.
  result<std::string> submit(const std::string& name,
                             const placement_weights& weights,
                             std::string_view by, std::int64_t now);
  /// Writes down what could not even be read.
  void refuse(const std::string& name, const std::string& reason,
              std::string_view by, std::int64_t now);
  /// @param name With a version, or the latest without.
  const member* find(std::string_view name) const;
  const std::map<std::string, member>& members() const { return members_; }

  // -- rounds -----------------------------------------------------------------

  /// Who is judged next: heuristics, ruler, canary, who is configured, and some
  /// candidates.
  std::vector<policy_choice> field() const;
  /// @param series    Of all `field()`, of one evaluation.
  /// @param new_tasks In the record of it that came after the canary had begun.
  void conclude(const std::vector<shadow_series>& series, std::size_t new_tasks,
                std::int64_t now);
  std::uint64_t rounds() const { return round_; }
  /// Of the last round; empty before.
  const std::string& best_heuristic() const { return best_heuristic_; }

  // -- from outside -----------------------------------------------------------

  /// Makes it the canary, or at once the ruler. Nothing happens to one that is.
  /// @returns `not_found`.
  result<> promote(std::string_view name, bool at_once, std::int64_t now);
  /// Ends a canary, or the rule of a policy: who ruled before rules again, or
  /// the best heuristic. Nothing happens to one that decides nothing.
  /// @param name Empty: the canary if there is one, otherwise who rules.
  /// @returns `not_found`; `conflict` when a heuristic rules that nothing came
  ///          before.
  result<> roll_back(std::string_view name, const std::string& why,
                     std::int64_t now);
  /// Nothing is promoted and nothing comes by itself; what fails is dropped
  /// still.
  void freeze(bool frozen, std::int64_t now);
  bool frozen() const { return frozen_; }
  /// A policy has failed in real decisions.
  void alarm(std::string_view name, const std::string& reason,
             std::int64_t now);

  policy_ruling ruling() const;
  /// Grows whenever `ruling` changes.
  std::uint64_t ruling_version() const { return ruling_version_; }
  const std::string& active() const { return active_; }
  const std::string& canary() const { return canary_; }
  /// When the canary began; 0 without one.
  std::int64_t canary_since() const;
  const std::string& previous() const { return previous_; }
  std::uint64_t promotions() const { return promotions_; }
  league_mode mode() const { return options_.mode; }
  const league_options& options() const { return options_; }

  /// Since the last call, the oldest first.
  std::vector<league_event> take_events();
  /// Names of members that have changed or gone since the last call.
  std::vector<std::string> take_changed();

private:
  void move(member& which, policy_standing to, const std::string& reason,
            std::string_view by, std::int64_t now);
  void rule(std::string name, const std::string& reason, std::string_view by,
            std::int64_t now);
  void end_canary(policy_standing to, const std::string& reason,
                  std::string_view by, std::int64_t now);
  void watch(const std::vector<shadow_series>& series,
             const shadow_series& heuristic, std::int64_t now);
  void consider(const std::vector<std::string>& passed, std::size_t new_tasks,
                std::int64_t now);
  std::string fallback() const;
  bool make_room(std::int64_t now);
  void log(league_event what);

  league_options options_;
  std::map<std::string, member> members_;         ///< By name with version.
  std::map<std::string, std::uint64_t> versions_; ///< The last, by name.
  std::string configured_;
  std::string active_;
  std::string canary_;
  std::string previous_;
  std::string best_heuristic_;
  bool frozen_ = false;
  std::uint64_t round_ = 0;
  std::uint64_t next_number_ = 1;
  std::uint64_t ruling_version_ = 1;
  std::uint64_t promotions_ = 0;
  std::int64_t changed_at_ = 0;
  std::vector<league_event> events_;
  std::vector<std::string> changed_;
};

} // namespace skerry
