#pragma once

#include "scheduling/cluster.hpp"
#include "scheduling/result.hpp"
#include "scheduling/task.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace skerry {

/// A task of a batch that is planned together: pending, or running and free to
/// be moved. The snapshot does not hold it.
struct plan_task {
  shape_id shape{};
  /// Where it runs, or where the incumbent plan has it; `no_node` if nowhere.
  node_index home = no_node;
  /// What leaving home costs, in nodes; at least 0. A move that gains less than
  /// it disturbs is not worth it.
  double churn = 0.05;
  /// What it costs to let the task wait for the next plan, in nodes; at least
  /// 0. Above 1.5 no plan gains by it, but one where all fit may not exist.
  double delay = 4;
};

/// Where a plan has a task.
struct planned_task {
  node_index node = no_node; ///< `no_node`: it waits.
  device_mask devices = 0;   ///< Of all requests together.

  friend bool operator==(const planned_task&, const planned_task&) = default;
};

/// `[tasks]`, in the order of the batch.
using placement_plan = std::vector<planned_task>;

/// Plans are searched one batch at a time; what is more waits for the next.
inline constexpr std::size_t max_plan_tasks = 100'000;

/// Overrules the greedy rule for one task: it goes to `node` if it fits there
/// when its turn comes, or waits if that is `no_node`.
struct plan_edit {
  std::uint32_t task = 0;
  node_index node = no_node;
};

/// How tasks are placed that no edit speaks of.
struct plan_rule {
  std::string_view policy = "best-fit-all"; ///< See `make_policy`.
  bool home_first = false; ///< At home where it fits, by the policy elsewhere.

  friend bool operator==(const plan_rule&, const plan_rule&) = default;
};

/// The rules that plans choose between: first-fit, best-fit-all and worst-fit,
/// each also with home first.
std::span<const plan_rule> plan_rules();

/// Places the tasks one after the other, on a copy of the snapshot that answers
/// for every constraint: whatever order and edits are, the plan is feasible.
///
///     for each task in the order:
///       wanted <- its edit; otherwise home, if that goes first
///       place it at `wanted` if it fits there now, else where the policy says
///
/// @param order Positions in `tasks`, each once.
/// @param edits At most one for each task; of more the last counts.
/// @pre   The rule's policy is known; shapes are interned in the snapshot, with
///        a reference held.
/// @cost  A copy of the cluster, O(nodes) for each distinct shape and then
///        O(shapes) for each task: half a millisecond for 256 tasks of 16
///        shapes on 1000 nodes.
placement_plan decode(const cluster& snapshot, std::span<const plan_task> tasks,
                      std::span<const std::uint32_t> order,
                      std::span<const plan_edit> edits, const plan_rule& rule);

/// Checks a plan by placing it on a copy of the snapshot.
/// @returns `invalid_argument` for a plan of another length, and what
///          `cluster::take` returns for the first task that does not fit.
result<> check_plan(const cluster& snapshot, std::span<const plan_task> tasks,
                    const placement_plan& plan);

/// The tasks as given, and the largest first: by the largest share that any
/// resource of a task has in the cluster.
std::vector<std::uint32_t> arrival_order(std::span<const plan_task> tasks);
std::vector<std::uint32_t> largest_first(const cluster& snapshot,
                                         std::span<const plan_task> tasks);

struct named_plan {
  std::string name; ///< For example "best-fit-all, largest first".
  placement_plan plan;
};

/// What every search starts from: each rule with each order. Where tasks have a
/// home, those with home first are the incumbent plan, completed.
std::vector<named_plan> heuristic_plans(const cluster& snapshot,
                                        std::span<const plan_task> tasks);

} // namespace skerry
