#pragma once

#include "scheduling/cluster.hpp"
#include "scheduling/lifetime_model.hpp"
#include "scheduling/rng.hpp"
#include "scheduling/task_class.hpp"
#include "simulation/cell_record.hpp"
#include "simulation/pressure.hpp"
#include "simulation/queueing_cluster.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace skerry {

/// Tasks by who is let wait when a policy packs badly: large ones, which ask
/// for half as much again as is usual in their class, and the others by it.
inline constexpr std::size_t task_groups = 5;
inline constexpr std::array<std::string_view, task_groups> task_group_names{
    "cpu-only", "sharing", "one-gpu", "several-gpus", "large"};

struct shadow_episode_options {
  /// Nodes of an episode, fewer where so many hold `tasks_at_once` already.
  std::size_t nodes = 32;
  std::size_t tasks_at_once = 400;
  /// The demand offered relative to what there is, where it is tightest: drawn
  /// around the record's own, for who is best depends on it, but within these,
  /// for where there is always room policies cannot be told apart.
  double lowest_load = 0.7;
  double highest_load = 1.2;
  /// Half the width of the range that it is drawn from.
  double load_spread = 0.1;
  /// Tasks of the record that come in a row: so are they like each other.
  std::size_t block = 16;
};

/// @returns `invalid_argument` naming the field.
result<> validate(const shadow_episode_options& options);

/// Short stretches of a cell's life, drawn from its record.
///
///     record     its eighths, drawn with replacement
///     nodes      a few of the cell's, in an order of their own
///     residents  until they hold load x capacity: drawn in proportion to their
///                run time, each with an even part of it left
///     arrivals   blocks of consecutive tasks of the record, twice as many as
///                run at once, with its gaps, scaled to the load
///
/// Capacity and sizes are of all kinds of resources, weighed by how much is
/// asked of each (`pressure`): by what the cell holds and what waits. Run times
/// of tasks that have not ended are drawn from those of tasks like them. An
/// episode follows from the record and its seed alone, so all policies meet the
/// same one.
class shadow_episodes {
public:
  /// @returns `insufficient` when no task of the record fits and asks for
  ///          something; `invalid_argument` for options that are none; what a
  ///          cluster says of bad specs.
  static result<shadow_episodes> make(cell_record record,
                                      shadow_episode_options options);

  /// Classes are `task_group_names`; measured from the start, for the queue
  /// begins as full as it stays.
  queueing_workload draw(std::uint64_t seed) const;

  const pressure& demand() const { return demand_; }
  std::size_t nodes() const { return nodes_.size(); }
  std::size_t tasks() const { return tasks_.size(); }

private:
  /// A task of the record, seen.
  struct known_task {
    std::uint32_t profile = 0;
    std::int64_t run_milliseconds = 0;
    std::int64_t gap_milliseconds = 0; ///< Since the one before.
    bool ended = false;
  };

  struct drawing;

  shadow_episodes() = default;
  void weigh(const cell_record& record);
  void take_tasks(std::vector<recorded_task> tasks, cluster& whole);
  void learn_lifetimes();
  void group();
  std::int64_t run_of(const known_task& task, rng& random) const;
  double size_of(std::uint32_t profile) const;

  shadow_episode_options options_;
  std::vector<node_spec> nodes_;
  std::vector<queueing_profile> profiles_;
  std::vector<known_task> tasks_;
  std::vector<lifetime_model> lifetimes_; ///< First those of the classes.
  std::vector<std::size_t> lifetimes_of_; ///< By profile.
  std::vector<task_shape> history_;
  pressure demand_;
  double load_ = 0; ///< In the middle of the range.
};

} // namespace skerry
