#pragma once

#include "scheduling/cluster.hpp"

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace skerry {

/// A task that runs, and when it gives back what it holds.
struct expected_end {
  shape_id shape{};
  device_mask devices = 0;
  std::int64_t since = 0; ///< That it was placed, in milliseconds.
  std::int64_t at = 0;    ///< By its bound if it has one, else estimated.
};

/// Appends the tasks of a node, and nothing else.
using ends_on_node
    = std::function<void(node_index node, std::vector<expected_end>& out)>;

/// What waits for so long that nodes are kept for it, so that no stream of
/// small tasks keeps it out for ever: EASY backfilling with one claim,
/// conservative backfilling with one for each that waits, for several kinds of
/// resources and nodes that differ.
///
///     plan     nodes, and a time at which all tasks of the claim fit there, by
///              the ends of what runs and beside the other claims
///     promise  the earliest plan so far; a plan is later only when what runs
///              has not ended as expected
///     backfill any other task after which all plans hold: because it has ended
///              by then, or takes what is not needed
///
/// While what runs ends by its bound, a plan never gets later, whatever is
/// backfilled. What runs longer than was expected delays the claims; after the
/// promised time nothing more is let in on the strength of its end, and what
/// was let in since then does not count as ending. So a claim waits only for
/// those who ran at that time, and starts in the end if they end.
///
/// Times are milliseconds of any clock that does not go back.
///
/// @source Lifka, "The ANL/IBM SP scheduling system", JSSPP 1995; Mu'alem and
///         Feitelson, TPDS 2001.
class claims {
public:
  struct options {
    /// Nodes that a plan looks at for each shape: some tens of microseconds
    /// each. The first look decides among these; later ones look at others.
    std::size_t candidates = 64;
  };

  /// Who claims, and its number for it.
  using key = std::pair<std::string, std::uint64_t>;
  static constexpr auto never = std::numeric_limits<std::int64_t>::max();

  struct claim {
    std::vector<shape_id> tasks;   ///< All at once, or none.
    std::int64_t length = never;   ///< How long they run at most.
    std::int32_t priority = 0;     ///< Tasks of a higher one need not care.
    std::uint64_t order = 0;       ///< In which they have come.
    std::vector<node_index> nodes; ///< Of each task.
    std::int64_t expected = never; ///< By what is known now.
    std::int64_t promised = never; ///< Never later than expected.
  };

  /// A task that would be placed now.
  struct newcomer {
    node_index node;
    shape_id shape;
    device_mask devices = 0;
    std::int64_t end = never; ///< By its bound.
    std::int32_t priority = 0;
  };

  /// @param on Outlives this.
  claims(const cluster& on, options how) : on_{&on}, how_{how} {}

  /// Keeps nodes for these tasks, or looks for an earlier time.
  /// @param tasks  Interned for as long as the claim is here; not empty.
  /// @param length That they run at most; `never` when they have no bound.
  /// @returns None when they would not fit even when all that runs has ended,
  ///          or only after a claim that may last for ever; then nothing is
  ///          kept.
  /// @cost    O(log(ends) * candidates * (tasks + claims on each)^2).
  const claim* keep(const key& whose, std::vector<shape_id> tasks,
                    std::int64_t length, std::int32_t priority,
                    std::int64_t now, const ends_on_node& ends);
  /// Plans again where nodes were lost or tasks have not ended as expected.
  /// Claims for which nothing can be kept any more are forgotten.
  void review(std::int64_t now, const ends_on_node& ends);
  void give_up(const key& whose) { kept_.erase(whose); }
  const claim* find(const key& whose) const;
  bool empty() const { return kept_.empty(); }
  const std::map<key, claim>& all() const { return kept_; }

  /// Whether all plans hold when the task is placed now.
  /// @param mine The claim that it is of: it does not bind its own tasks.
  /// @pre   The task fits there with these devices.
  bool allows(const newcomer& task, std::int64_t now, const ends_on_node& ends,
              const key* mine = nullptr) const;

  /// When the tasks of a claim would fit on the nodes that are kept for them,
  /// other claims aside, if what runs there ended as `ends` says.
  std::int64_t start_of(const claim& mine, std::int64_t now,
                        const ends_on_node& ends) const;

private:
  struct plan {
    std::int64_t at;
    std::vector<node_index> nodes;
  };

  /// A task that will want room on a node.
  struct step {
    shape_id shape{};
    std::uint64_t order = 0;   ///< Of its claim.
    std::int64_t at = 0;       ///< Room given back by then counts,
    std::int64_t promised = 0; ///< of who was there before this.
    std::int64_t end = never;

    auto rank() const { return std::pair{at, order}; }
  };

  /// Of several claims, by order.
  using chosen = std::vector<const claim*>;

  /// What a plan is made from: a node, what runs there, what is kept there.
  struct site {
    node_index node{};
    std::vector<expected_end> ends;
    std::vector<step> steps;
  };

  static void add_steps(const claim& of, node_index node, std::int64_t now,
                        std::vector<step>& out);
  site look_at(node_index node, std::int64_t now, const ends_on_node& ends,
               const chosen& others) const;
  bool all_fit(const site& on, const newcomer* guest) const;
  bool holds(const claim& mine, std::int64_t now, const ends_on_node& ends,
             const chosen& others) const;
  std::optional<plan> find_plan(const claim& mine,
                                std::span<const node_index> among,
                                std::int64_t now, const ends_on_node& ends,
                                const chosen& others) const;
  std::optional<plan> plan_at(std::int64_t time, const claim& mine,
                              std::vector<site> sites) const;
  bool plan_anew(claim& mine, std::int64_t now, const ends_on_node& ends,
                 const chosen& others);
  std::vector<node_index> candidates_for(const claim& mine);
  bool is_ready(std::span<const node_index> nodes) const;
  chosen all_but(const claim* mine) const;

  const cluster* on_;
  options how_;
  std::map<key, claim> kept_;
  std::uint64_t next_order_ = 1;
  std::uint64_t looks_ = 0; ///< Where the next look begins.
};

} // namespace skerry
