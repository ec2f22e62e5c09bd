#pragma once

#include "scheduling/ledger.hpp"
#include "scheduling/placement_policy.hpp"
#include "scheduling/rng.hpp"

#include <array>
#include <cstdint>
#include <deque>
#include <memory>

namespace skerry {

/// A cluster in its steady state: tasks of 16 shapes that ask for CPU, memory,
/// disk and network fill two thirds of it. One step submits a task, places it
/// where `best-fit-all` says, and finishes the oldest, all through the ledger.
class busy_cluster {
public:
  /// @param nodes Of three sizes in turn.
  /// @param gpus  On each node; no task asks for them.
  busy_cluster(std::size_t nodes, std::uint64_t seed, std::size_t gpus = 0);

  /// Places tasks until two thirds of the scarcest resource are taken.
  result<> fill();
  /// From here on; both ways choose alike.
  void search_by(placement_search search);
  result<> step();

  const ledger& book() const { return book_; }
  const placement_policy& policy() const { return *policy_; }
  /// A number that depends on every choice so far.
  std::uint64_t choices() const { return choices_; }

private:
  static constexpr std::size_t shapes = 16;

  result<> place(profile_id profile);

  rng random_;
  ledger book_;
  std::array<profile_id, shapes> profiles_{};
  std::unique_ptr<placement_policy> policy_;
  std::deque<task_ref> live_;
  std::uint64_t next_id_ = 0;
  std::uint64_t choices_ = 0;
};

} // namespace skerry
