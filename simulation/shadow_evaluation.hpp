#pragma once

#include "simulation/shadow_episodes.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace skerry {

/// How a policy does in an episode.
struct shadow_figures {
  /// The objective: of all kinds of resources, each weighed by how much is
  /// asked of it (`pressure`), mean over the episode; higher is better.
  double allocated_percent = 0;
  // Guards; lower is better.
  double unstarted_percent = 0; ///< Of the tasks, at the end.
  /// Waits as parts of the episode's length; a task that never starts counts
  /// with its wait so far.
  double wait_p99_percent = 0;
  std::array<double, task_groups> group_wait_p99_percent{};
  std::array<double, task_groups> group_wait_percent{}; ///< Means.
  double decision_p99_us = 0;                           ///< 0 without a clock.

  friend bool operator==(const shadow_figures&, const shadow_figures&)
      = default;
};

/// A policy over the episodes so far.
struct shadow_series {
  std::string name;
  std::vector<shadow_figures> episodes;
  std::string trouble; ///< Why it could not be run; no figures then.

  std::vector<double> objective() const;
};

/// The mean over the episodes; zeros without any.
shadow_figures mean_of(const std::vector<shadow_figures>& episodes);

/// Several policies on the same episodes, one after the other: they meet the
/// same nodes, tasks, run times and times (common random numbers), so that
/// their differences vary far less than their figures do.
class shadow_evaluation {
public:
  /// @param seed Episodes follow from it and the record.
  /// @param now  For `decision_p99_us`; none: not measured.
  shadow_evaluation(std::shared_ptr<const shadow_episodes> of,
                    std::vector<policy_choice> field, std::size_t episodes,
                    std::uint64_t seed, clock_ns now = {});

  /// Runs the next policy in an episode.
  /// @param stop Once it is true a run ends early and does not count.
  /// @returns False when nothing is left to do.
  /// @cost    Some thousand decisions: 10 to 30 ms.
  bool step(const std::atomic<bool>* stop = nullptr);

  /// In the order of `field`; of equal length, but for those in trouble, once
  /// `step` has returned false.
  const std::vector<shadow_series>& series() const { return series_; }
  std::size_t episodes_done() const { return episode_; }

private:
  void run(std::size_t policy, const std::atomic<bool>* stop);

  std::shared_ptr<const shadow_episodes> of_;
  std::vector<policy_choice> field_;
  std::size_t episodes_;
  std::uint64_t seed_;
  clock_ns now_;
  queueing_workload drawn_; ///< The episode under way.
  std::vector<shadow_series> series_;
  std::size_t episode_ = 0;
  std::size_t policy_ = 0; ///< Next in it.
};

} // namespace skerry
