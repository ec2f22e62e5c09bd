#pragma once

#include "evolution/plan_model.hpp"
#include "scheduling/result.hpp"
#include "scheduling/rng.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace skerry {

struct plan_search_options {
  std::uint32_t members = 4; ///< 1 to 256.
  /// Moves that a member tries in the first round; 1 to 10^9. Each round is
  /// longer than the one before, so the search is good early and better late.
  std::uint32_t first_round = 20'000;
  double round_growth = 2; ///< 1 to 10.
  /// A move that costs at most this, in nodes, is accepted at a round's start;
  /// 0 to 10. It falls to 0 at its end.
  double threshold = 0.02;
  /// The next member's is as many times higher, and so on for four members: a
  /// low one polishes, a high one empties nodes; 1 to 100.
  double threshold_growth = 4;

  friend bool operator==(const plan_search_options&, const plan_search_options&)
      = default;
};

/// @returns `invalid_argument` naming the field.
result<> validate(const plan_search_options& options);

/// A search between two slices, as plain data.
struct plan_search_state {
  std::uint64_t seed = 0;
  std::uint64_t slice = 0;       ///< Completed ones; each draws from its own.
  std::uint64_t evaluations = 0; ///< Moves tried, of all members.
  std::uint64_t round = 0;
  std::uint64_t tried = 0; ///< Moves of this round, of one member.
  placement_plan best;
  std::vector<placement_plan> members;

  friend bool operator==(const plan_search_state&, const plan_search_state&)
      = default;
};

/// A population of plans, each changed move by move.
///
///     members <- the given plans, the best first
///     for rounds r = 0, 1, ..., of length first_round x growth^r:
///       for each move i of the round, for each member:
///         task <- any movable one
///         node <- any it may run on, or that of another task: half and half
///         change <- delta of two nodes
///         accept if change <= the member's threshold (1 - i / length)
///       the worst half of the members becomes the best plan known
///
/// Greater moves come about as several small ones. The best plan known starts
/// as the best of those given, the incumbent and every heuristic among them,
/// and is only replaced by a better one: so they never die.
///
/// Everything follows from model, plans, options and seed, and from the sizes
/// of the slices.
///
/// @source Dueck and Scheuer, "Threshold accepting: a general purpose
///         optimization algorithm appearing superior to simulated annealing",
///         1990; Aldous and Vazirani, "'Go with the winners' algorithms", 1994.
class plan_search {
public:
  /// @param of Outlives the search.
  /// @pre `options` are valid; `plans` is not empty, and each is feasible.
  plan_search(const plan_search_options& options, const plan_model& of,
              std::span<const placement_plan> plans, std::uint64_t seed);

  /// Goes on where `state` was taken.
  /// @pre The plans in `state` are feasible: `check_plan` finds nothing.
  /// @returns `malformed` when it is of another batch or of other options.
  static result<plan_search> restore(const plan_search_options& options,
                                     const plan_model& of,
                                     const plan_search_state& state);

  /// Tries moves: `evaluations` of them, but for the remainder by members.
  void run(std::uint64_t evaluations);

  /// Lets a plan from elsewhere take the place of the worst member.
  /// @pre It is feasible.
  /// @returns Whether it was better than that.
  bool accept(const placement_plan& plan);

  const placement_plan& best() const { return best_; }
  double best_cost() const { return best_cost_; }
  std::uint64_t evaluations() const { return evaluations_; }
  plan_search_state state() const;

private:
  plan_search(const plan_search_options& options, const plan_model& of)
      : options_{options}, of_{&of} {}

  std::uint64_t round_length() const;
  void try_moves(std::size_t number, std::uint64_t from, std::uint64_t count,
                 rng& random);
  void remember(const plan_state& member);
  void end_round();

  plan_search_options options_;
  const plan_model* of_;
  std::uint64_t seed_ = 0;
  std::uint64_t slice_ = 0;
  std::uint64_t evaluations_ = 0;
  std::uint64_t round_ = 0;
  std::uint64_t tried_ = 0;
  std::vector<plan_state> members_;
  placement_plan best_;
  double best_cost_ = 0;
};

} // namespace skerry
