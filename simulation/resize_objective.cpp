#include "simulation/resize_objective.hpp"

#include "evolution/diagonal_cma_es.hpp"
#include "scheduling/rng.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

namespace skerry {
namespace {

/// A safety of 1 is a good guess; these are beyond any that was ever needed.
constexpr double least_safety = 1.0 / 64;
constexpr double most_safety = 64;
/// From the first guess to the other side.
constexpr double first_stride = 1.3;
/// Stands for no violation in a logarithm.
constexpr double tiny_percent = 1e-3;
/// Interpolated from so few, a reserve is good enough to compare.
constexpr std::size_t steps_to_compare = 3;
constexpr std::size_t steps_in_the_end = 14;

struct probe {
  double log_safety = 0;
  double excess = 0; ///< Logarithm of the violation over the allowed one.
  resize_totals totals;
};

double reserve_between(const probe& low, const probe& high) {
  const auto share = low.excess / (low.excess - high.excess);
  const auto at_low = low.totals.charged_reserve_percent();
  return at_low + share * (high.totals.charged_reserve_percent() - at_low);
}

} // namespace

calibrated calibrate(const std::function<resize_totals(double)>& run,
                     double violation_percent, std::size_t steps) {
  const auto try_at = [&](double log_safety) {
    const auto totals = run(std::exp(log_safety));
    return probe{log_safety,
                 std::log((totals.violation_percent() + tiny_percent)
                          / (violation_percent + tiny_percent)),
                 totals};
  };
  const auto keeps = [](const probe& at) { return at.excess <= 0; };

  auto low = try_at(0);
  auto high = low;
  for (auto stride = std::log(first_stride); keeps(high) == keeps(low);
       stride *= 1.5) {
    auto& moving = keeps(low) ? low : high;
    const auto& edge = keeps(low) ? least_safety : most_safety;
    if (std::abs(moving.log_safety) >= std::log(most_safety))
      // Who violates even so can only have the full flavour.
      return {std::exp(moving.log_safety), moving.totals,
              keeps(low) ? moving.totals.charged_reserve_percent() : 100};
    const auto other = moving;
    moving = try_at(keeps(low)
                        ? std::max(std::log(edge), other.log_safety - stride)
                        : std::min(std::log(edge), other.log_safety + stride));
    // The side that was left behind comes along, so that both stay close.
    (&moving == &low ? high : low) = other;
  }
  for (std::size_t i = 0; i < steps; ++i) {
    // Halving in turn: a violation that jumps would hold one side where it is.
    const auto falsi = low.excess / (low.excess - high.excess);
    const auto share = i % 2 == 1 ? 0.5 : std::clamp(falsi, 0.1, 0.9);
    const auto middle
        = try_at(low.log_safety + share * (high.log_safety - low.log_safety));
    (keeps(middle) ? high : low) = middle;
  }
  return {std::exp(high.log_safety), high.totals, reserve_between(low, high)};
}

resize_objective::resize_objective(resize_policy policy,
                                   std::vector<resize_case> cases,
                                   double violation_percent, std::size_t sample)
    : policy_{std::move(policy)}, cases_{std::move(cases)},
      violation_percent_{violation_percent}, sample_{std::min(sample,
                                                              cases_.size())} {
  for (const auto& each : parameters_of(policy_.method, policy_.with_history)) {
    space_.lower.push_back(each.lower);
    space_.upper.push_back(each.upper);
    space_.scale.push_back((each.upper - each.lower) / 8);
  }
  space_.starting_points
      = starting_points_of(policy_.method, policy_.with_history);
}

resize_policy resize_objective::with(std::span<const double> genes) const {
  auto policy = policy_;
  policy.parameters.assign(genes.begin(), genes.end());
  return policy;
}

double resize_objective::cost(std::span<const double> genes,
                              std::uint64_t scenario) const {
  rng random{scenario};
  std::vector<resize_case> drawn;
  drawn.reserve(sample_);
  for (std::size_t i = 0; i < sample_; ++i)
    drawn.push_back(cases_[random.below(cases_.size())]);
  auto policy = with(genes);
  return calibrate(
             [&](double safety) {
               policy.safety = safety;
               return run_resize_track(drawn, policy);
             },
             violation_percent_, steps_to_compare)
      .reserve_percent;
}

calibrated resize_objective::on_all(std::span<const double> genes,
                                    std::size_t steps) const {
  auto policy = with(genes);
  return calibrate(
      [&](double safety) {
        policy.safety = safety;
        return run_resize_track(cases_, policy);
      },
      violation_percent_, steps);
}

double resize_objective::cost_on_all(std::span<const double> genes) const {
  return on_all(genes, steps_to_compare).reserve_percent;
}

resize_policy resize_objective::tuned(std::span<const double> genes) const {
  auto policy = with(genes);
  policy.safety = on_all(genes, steps_in_the_end).safety;
  return policy;
}

resize_policy tune_resize_policy(const resize_policy& method,
                                 const std::vector<resize_case>& cases,
                                 double violation_percent,
                                 const resize_search& search) {
  const resize_objective objective{method, cases, violation_percent,
                                   search.sample};
  const auto& space = objective.space();
  auto contenders = space.starting_points;
  if (space.dimension() > 0 && search.evaluations > 0) {
    diagonal_cma_es optimiser{{}, space, search.seed};
    rng scenarios{search.seed};
    std::vector<double> costs;
    for (std::size_t done = 0; done < search.evaluations;
         done += costs.size()) {
      const auto scenario = scenarios.bits();
      costs.clear();
      for (const auto& genes : optimiser.ask())
        costs.push_back(objective.cost(genes, scenario));
      optimiser.tell(costs);
    }
    for (auto& each : optimiser.proposals())
      contenders.push_back(std::move(each));
  }
  const auto best
      = std::ranges::min_element(contenders, {}, [&](const auto& genes) {
          return objective.cost_on_all(genes);
        });
  return objective.tuned(*best);
}

} // namespace skerry
