#pragma once

#include "scheduling/cluster.hpp"
#include "scheduling/weighted_scorer.hpp"

#include <atomic>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace skerry {

/// Tasks that come one by one to an empty cluster until they have asked for
/// more than it has: each is placed at once or dropped, and nothing leaves.
///
/// Threads: `cost` is called by many at once; all else before.
class placement_rollout {
public:
  /// In % of the capacity; later arrivals do not count.
  static constexpr double last_load_percent = 131;

  struct arrival {
    shape_id shape{};
    std::int64_t size = 0; ///< Of what the capacity is in.
  };

  cluster nodes;             ///< Empty; shapes are interned here.
  std::int64_t capacity = 0; ///< Of the resource that load is measured in.
  std::vector<task_shape> workload; ///< What features take for usual.
  std::vector<arrival> arrivals;

  /// @param stop When it becomes true the cost is of no use, and soon there.
  /// @returns 100 - mean allocated % of the capacity at 95 (twice), 100, 110
  ///          and 130 % arrived.
  double cost(const placement_weights& weights,
              const std::atomic<bool>* stop = nullptr);

private:
  std::unique_ptr<weighted_scorer> borrow();
  void give_back(std::unique_ptr<weighted_scorer> by);

  std::mutex mutex_; ///< Of the scorers.
  std::vector<std::unique_ptr<weighted_scorer>> scorers_;
};

/// The rollouts of the last generations, each drawn once: a generation meets
/// a few scenarios, and a validation some thirty, genome after genome.
class recent_rollouts {
public:
  /// @param draw Gives the rollout of a scenario; only called when it is not
  ///             kept.
  template <class Draw>
  std::shared_ptr<placement_rollout> find(std::uint64_t scenario, Draw&& draw) {
    const std::scoped_lock lock{mutex_};
    for (const auto& [number, rollout] : kept_)
      if (number == scenario)
        return rollout;
    kept_.emplace_front(scenario, draw());
    if (kept_.size() > most_kept)
      kept_.pop_back();
    return kept_.front().second;
  }

private:
  static constexpr std::size_t most_kept = 64;

  std::mutex mutex_;
  std::list<std::pair<std::uint64_t, std::shared_ptr<placement_rollout>>> kept_;
};

} // namespace skerry
