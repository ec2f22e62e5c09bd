#pragma once

#include "evolution/placement_plan.hpp"

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace skerry {

/// What a plan costs, in nodes; lower is better.
///
///     cost = sum over nodes in use of 1 - fill^2 + stranding (max u - min u)
///          + sum over waiting tasks of their delay
///          + sum over tasks away from home of their churn
///
/// u are the shares in use of what the node has: CPU, memory, every other
/// divisible resource, and the milli of its devices together; fill is their
/// mean. A node that is empty costs nothing, one that is full costs nothing
/// either: what is paid for is room that is neither of use now nor kept in one
/// piece for what comes. The square makes a task worth more on a node that is
/// fuller, so that nodes are emptied one task at a time.
///
/// @source Falkenauer, "A hybrid grouping genetic algorithm for bin packing",
///         1996, for the square of the fill.
struct plan_weights {
  double stranding = 0.5; ///< 0 to 100.

  friend bool operator==(const plan_weights&, const plan_weights&) = default;
};

/// A batch compiled for evaluation: what a `plan_state` reads and never writes.
///
/// Movable are the tasks that ask for divisible resources only: no devices,
/// groups or spread. They may go wherever the filters of the core let them and
/// the amounts suffice. All others stay where the plan that is loaded has them.
///
/// Threads: any number may read.
class plan_model {
public:
  /// @pre Shapes are interned in the snapshot, homes are nodes of it or
  ///      `no_node`, and there are at most `max_plan_tasks`.
  /// @cost O(nodes x distinct shapes).
  plan_model(const cluster& snapshot, std::span<const plan_task> tasks,
             const plan_weights& weights = {});

  std::size_t tasks() const { return tasks_.size(); }
  std::size_t nodes() const { return base_tasks_.size(); }
  /// Positions of the tasks that may move.
  std::span<const std::uint32_t> movable() const { return movable_; }
  /// Nodes that a movable task could ever be on, rising.
  std::span<const std::uint32_t> targets(std::uint32_t task) const {
    return targets_[tasks_[task].shape];
  }

private:
  friend class plan_state;

  static constexpr auto nowhere = std::numeric_limits<std::uint32_t>::max();

  struct compiled_task {
    std::uint32_t shape = 0; ///< Into `demands_` and `targets_`.
    std::uint32_t home = nowhere;
    double churn = 0;
    double delay = 0;
    bool movable = false;
  };

  void compile_nodes(const cluster& snapshot);
  std::uint32_t compile_shape(const cluster& snapshot,
                              const compiled_shape& shape);
  std::int64_t device_milli_of(std::uint32_t node, device_mask devices,
                               const compiled_shape& shape) const;
  double node_cost(std::size_t node, const std::int64_t* free,
                   const std::int64_t* taken, std::int64_t sign) const;

  double stranding_;
  std::size_t kinds_ = 0; ///< Divisible ones, and the devices as the last.
  std::vector<std::int64_t> nothing_; ///< `[kinds_]`: an empty demand.
  std::vector<compiled_task> tasks_;
  std::vector<std::uint32_t> movable_;
  std::vector<compiled_shape> shapes_;              ///< Distinct ones.
  std::vector<std::int64_t> demands_;               ///< `[shape][kinds_]`
  std::vector<std::vector<std::uint32_t>> targets_; ///< By shape.
  std::vector<std::uint8_t> allowed_;               ///< `[shape][node]`
  std::vector<std::int64_t> base_free_;             ///< `[node][kinds_]`
  std::vector<double> inverse_;  ///< 1 / capacity, 0 if none: `[node][kinds_]`
  std::vector<double> per_kind_; ///< 1 / kinds that the node has: `[node]`
  std::vector<std::uint32_t> base_tasks_; ///< That it may still take.
  std::vector<std::vector<std::int64_t>> device_capacity_; ///< By node.
};

/// A plan under change: any one-move change is evaluated from the two nodes
/// that it touches.
class plan_state {
public:
  /// All tasks wait. @param of Outlives the state.
  explicit plan_state(const plan_model& of);

  /// Takes over a plan whole.
  /// @pre It is feasible: `check_plan` finds nothing.
  void load(const placement_plan& plan);

  /// Takes over an assignment that nobody has checked, task by task: one that
  /// does not fit where it is sent waits.
  /// @param nodes `[tasks]`; `nodes()` or above for a task that waits. Tasks
  ///              that are not movable stay as they are.
  /// @returns The cost.
  /// @cost    O(tasks x kinds + nodes).
  double assign(std::span<const std::uint32_t> nodes);

  double cost() const { return cost_; }
  /// Where the task is; `nodes()` or above if it waits.
  std::uint32_t node(std::uint32_t task) const { return where_[task]; }

  /// What a move would add to the cost; infinite if the task does not fit.
  /// @param to A node, or `nodes()` to let it wait.
  /// @pre `task` is movable.
  /// @cost O(kinds), no allocation.
  double change(std::uint32_t task, std::uint32_t to) const;
  /// @param change What `change(task, to)` said now, which is finite.
  void move(std::uint32_t task, std::uint32_t to, double change);

  /// Sums the cost anew: every move leaves a rounding error in it.
  void settle() { cost_ = sum_up(); }

  placement_plan plan() const;

private:
  static constexpr auto nowhere = plan_model::nowhere;

  bool fits(const plan_model::compiled_task& task, std::uint32_t node) const;
  void put(std::uint32_t task, std::uint32_t node, std::int64_t sign);
  double sum_up() const;

  const plan_model* of_;
  std::vector<std::int64_t> free_; ///< `[node][kinds_]`
  std::vector<double> node_costs_;
  std::vector<std::uint32_t> room_; ///< Tasks that a node may still take.
  std::vector<std::uint32_t> where_;
  std::vector<device_mask> devices_; ///< Of tasks that are not movable.
  double cost_ = 0;
};

} // namespace skerry
