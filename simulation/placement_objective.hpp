#pragma once

#include "evolution/problem.hpp"
#include "simulation/departures_track.hpp"
#include "simulation/openb_reader.hpp"
#include "simulation/synthetic.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace skerry {

class recent_rollouts;

/// What weights are trained for.
enum class placement_goal : std::uint8_t {
  openb,      ///< Arrivals only: GPUs allocated at loads of 95 to 130 %.
  departures, ///< Pods come and go: GPUs that wait.
  synthetic,  ///< A mixed cluster: what waits of CPU, memory, GPU and FPGA.
};

inline constexpr std::size_t placement_goals = 3;
inline constexpr std::array<std::string_view, placement_goals>
    placement_goal_names{"openb", "departures", "synthetic"};

struct placement_training {
  /// Of each goal, how often it is drawn; relative.
  std::array<double, placement_goals> shares{1, 0, 0};
  /// For openb and departures.
  std::vector<openb_node> nodes = {};
  std::vector<std::vector<openb_pod>> lists = {}; ///< Each as likely.
  /// A rollout is on one node of so many, drawn anew.
  std::uint32_t cluster_divisor = 6;
  /// Of openb's rollouts, those on a mix that is no list: tasks of a class, and
  /// those that name models, are made rarer or more frequent at random.
  double tilted_share = 0.5;
  departures_options departures = {.cluster_divisor = 9,
                                   .warm_up_seconds = 3'600,
                                   .measured_seconds = 21'600};
  /// Of departures, each as likely; `departures.offered_load` does not count.
  std::vector<double> offered_loads = {0.95};
  synthetic_options synthetic = {.nodes = 60, .hours = 8, .warm_up_hours = 2};
};

/// @returns `invalid_argument`: shares that are none, a goal without its data,
///          pods that ask for no GPU.
result<> validate(const placement_training& training);

/// The cost of placement weights on workloads drawn from a distribution: of
/// each scenario another cluster, another order of its nodes and other
/// arrivals, from the scenario's number alone.
///
///     openb:       100 - mean allocated GPU % at 95 (twice), 100, 110 and
///                  130 % arrived
///     departures:  100 ln(1 + pending GPU % + pods that wait, of 100 GPUs)
///     synthetic:   mean pending % of CPU, memory, GPU and FPGA
///
/// Scoring only the highest load would let large tasks starve early on. When
/// pods leave, to count GPUs alone would let small ones wait for large ones,
/// and without the logarithm an overload would outweigh all else.
///
/// @cost A rollout of openb on a sixth of the published cluster: some 5 ms.
class placement_objective final : public problem {
public:
  /// @pre `training` is valid.
  explicit placement_objective(placement_training training);
  ~placement_objective() override;

  const search_space& space() const override { return space_; }
  double cost(std::span<const double> genes,
              std::uint64_t scenario) const override;

private:
  double openb_cost(const placement_weights& weights,
                    std::uint64_t scenario) const;
  double departures_cost(const placement_weights& weights,
                         std::uint64_t scenario) const;
  double synthetic_cost(const placement_weights& weights,
                        std::uint64_t scenario) const;

  placement_training training_;
  search_space space_;
  std::unique_ptr<recent_rollouts> recent_;
};

} // namespace skerry
