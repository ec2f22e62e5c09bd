#pragma once

#include "evolution/problem.hpp"
#include "simulation/resize_track.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace skerry {

/// A safety and what it led to.
struct calibrated {
  double safety = 1;
  resize_totals totals; ///< Under `safety`: at most the allowed violation.
  /// The charged reserve at exactly the allowed violation, interpolated: what
  /// can be compared, as whole percents make the violation jump.
  double reserve_percent = 100;
};

/// Finds the least safety that keeps the allowed violation, by regula falsi on
/// the logarithms of both.
/// @param run               Totals under a safety. The violation should fall as
///                          the safety grows; 100 % limits have none.
/// @param violation_percent Above 0.
/// @param steps             Runs after the first two that stand on either side.
/// @returns What the largest safety, 64, gives when even that violates more.
calibrated calibrate(const std::function<resize_totals(double)>& run,
                     double violation_percent, std::size_t steps);

/// The charged reserve of a method at the allowed violation, as a function of
/// its parameters. A scenario is a sample of VM-days.
class resize_objective final : public problem {
public:
  /// @param policy Its parameters and safety are not looked at.
  /// @param cases  Of the tuning days; what they point at outlives this.
  /// @param sample VM-days in a scenario.
  resize_objective(resize_policy policy, std::vector<resize_case> cases,
                   double violation_percent, std::size_t sample);

  const search_space& space() const override { return space_; }
  double cost(std::span<const double> genes,
              std::uint64_t scenario) const override;

  /// The policy with these genes, its safety calibrated on all tuning days.
  resize_policy tuned(std::span<const double> genes) const;
  /// The same as `cost`, on all tuning days.
  double cost_on_all(std::span<const double> genes) const;

private:
  calibrated on_all(std::span<const double> genes, std::size_t steps) const;
  resize_policy with(std::span<const double> genes) const;

  resize_policy policy_;
  std::vector<resize_case> cases_;
  double violation_percent_;
  std::size_t sample_;
  search_space space_;
};

struct resize_search {
  std::size_t evaluations = 300; ///< Of scenarios; 0 keeps the starts.
  std::size_t sample = 100;      ///< VM-days a scenario.
  std::uint64_t seed = 1;
};

/// Tunes a method by CMA-ES from its starts: each generation meets one fresh
/// scenario; in the end its mean and its best genome meet all tuning days.
resize_policy tune_resize_policy(const resize_policy& method,
                                 const std::vector<resize_case>& cases,
                                 double violation_percent,
                                 const resize_search& search);

} // namespace skerry
