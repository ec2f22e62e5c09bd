#pragma once

#include "evolution/problem.hpp"
#include "scheduling/specs.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace skerry {

class recent_rollouts;

/// A cluster and what comes to it.
struct placement_picture {
  std::vector<node_spec> nodes;
  std::vector<task_shape> tasks; ///< Each as often as it comes.
  double share = 1;              ///< Of the scenarios, relative.

  /// Whether two searches on them would be the same.
  std::uint64_t fingerprint() const;
};

/// The mixed cluster that is simulated where no real one is known.
placement_picture synthetic_picture(std::uint64_t seed);

struct cell_objective_options {
  /// Of a picture, drawn anew for each scenario: a rollout takes some 2 ms.
  std::size_t nodes_per_rollout = 32;
  /// Of the scenarios, those in which a class of tasks comes more or less often
  /// than in the picture: tomorrow's mix is another one.
  double tilted_share = 0.5;
  /// Where a search begins, beside the heuristics.
  std::vector<genome> starts = {};
  /// Ends rollouts early, with costs that are of no use.
  std::shared_ptr<const std::atomic<bool>> stop = {};
};

/// The cost of placement weights on what a cell is like: as openb's rollouts,
/// for any nodes and tasks. Load is measured in the resource of which the tasks
/// want most, relative to what there is: CPU, memory or GPU.
///
/// From the scenario's number: the picture, the nodes drawn from it and their
/// order, and the tasks that arrive.
class cell_objective final : public problem {
public:
  /// @returns `insufficient` when no picture has a task that fits its nodes,
  ///          and what a cluster says of bad specs.
  static result<std::unique_ptr<cell_objective>>
  make(std::vector<placement_picture> pictures, cell_objective_options options);
  ~cell_objective() override;

  const search_space& space() const override { return space_; }
  double cost(std::span<const double> genes,
              std::uint64_t scenario) const override;

  /// Of what it is, for checkpoints: costs of another one do not compare.
  std::uint64_t fingerprint() const { return fingerprint_; }

private:
  struct view;
  struct draw;

  cell_objective(std::vector<view> views, cell_objective_options options,
                 std::uint64_t fingerprint);

  cell_objective_options options_;
  std::vector<view> views_;
  search_space space_;
  std::uint64_t fingerprint_;
  std::unique_ptr<recent_rollouts> recent_;
};

} // namespace skerry
