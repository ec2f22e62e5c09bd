#include "scheduling/resize_policy.hpp"

#include "scheduling/usage_estimates.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <initializer_list>
#include <utility>

namespace skerry {
namespace {

constexpr std::array methods{
    resize_method::full,          resize_method::threshold,
    resize_method::percentile,    resize_method::window_max,
    resize_method::ewma,          resize_method::window_sigma,
    resize_method::expected_cost, resize_method::evolved,
};

constexpr std::array<std::string_view, methods.size()> method_names{
    "full", "threshold",    "percentile",    "window-max",
    "ewma", "window-sigma", "expected-cost", "evolved",
};

/// The safety sets the scale of the sum: weights are shares, nearly.
constexpr resize_parameter weight_of(std::string_view feature) {
  return {feature, -0.4, 0.8, 0};
}

std::vector<resize_parameter> evolved_parameters() {
  std::vector<resize_parameter> weights;
  for (const auto feature : usage_feature_names())
    weights.push_back(weight_of(feature));
  return weights;
}

// Starts are of 5-minute intervals: 288 are a day.
std::vector<resize_parameter> own_parameters(resize_method method) {
  switch (method) {
  case resize_method::full:
    return {};
  case resize_method::threshold:
    return {{"grow_above", 0.05, 1, 0.8},
            {"shrink_below", 0, 0.95, 0.5},
            {"grow", 1.05, 4, 1.5},
            {"shrink", 0.5, 0.99, 0.9}};
  case resize_method::percentile:
    return {{"half_life", 2, 1000, 288}, {"quantile", 0.5, 1, 0.95}};
  case resize_method::window_max:
    return {{"window", 1, 288, 48}};
  case resize_method::ewma:
    return {{"half_life", 0.5, 288, 24}, {"sigmas", 0, 8, 2}};
  case resize_method::window_sigma:
    return {{"window", 1, 288, 24},
            {"half_life", 0.5, 288, 24},
            {"sigmas", -2, 6, 0.5}};
  case resize_method::expected_cost:
    return {{"half_life", 12, 1000, 288},
            {"recent_half_life", 0.5, 24, 4},
            {"recent_observations", 0, 60, 6},
            {"surprise_observations", 0, 10, 1},
            {"margin", 0.8, 2, 1.1}};
  case resize_method::evolved:
    return evolved_parameters();
  }
  return {};
}

/// Of the prior, after the shared ones.
std::vector<resize_parameter> prior_parameters(resize_method method) {
  if (method == resize_method::expected_cost)
    return {{"prior_observations", 0, 300, 10}};
  if (method == resize_method::evolved)
    return {weight_of("prior_mean"), weight_of("prior_quantile_90"),
            weight_of("prior_quantile_99")};
  return {{"prior_weight", 0, 1, 0.1}, {"prior_quantile", 0.5, 1, 0.95}};
}

/// Gives each estimate the same way from demand to limit.
class estimating_resizer final : public resizer {
public:
  estimating_resizer(const resize_policy& policy, const usage_prior& prior)
      : estimate_{make_estimate(policy, prior)}, safety_{policy.safety},
        stretch_{policy.stretch} {
    const auto own = own_parameters(policy.method).size();
    dead_band_ = policy.parameters[own];
    boost_ = policy.parameters[own + 1];
  }

  int next_limit(const usage_seen& seen) override {
    estimate_->see(seen.used_percent);
    return limit_for(estimate_->demand(safety_), seen);
  }

private:
  int limit_for(double demand, const usage_seen& seen) const {
    const auto in_force = static_cast<double>(seen.limit_percent);
    auto limit = limit_needed(std::clamp(demand, 0.0, 100.0), stretch_);
    if (seen.throttled)
      limit = std::max(limit, boost_ * in_force);
    limit = std::clamp(std::ceil(limit),
                       static_cast<double>(least_limit_percent), 100.0);
    if (limit < in_force && limit >= (1 - dead_band_) * in_force)
      return seen.limit_percent;
    return static_cast<int>(limit);
  }

  std::unique_ptr<usage_estimate> estimate_;
  double safety_;
  double stretch_;
  double dead_band_ = 0;
  double boost_ = 1;
};

class full_resizer final : public resizer {
public:
  int next_limit(const usage_seen& /*seen*/) override { return 100; }
};

} // namespace

double limit_needed(double demand_percent, double stretch) {
  return demand_percent / (1 - (1 - demand_percent / 100) / stretch);
}

std::span<const resize_method> all_resize_methods() {
  return methods;
}

std::string_view to_string(resize_method method) {
  return method_names[static_cast<std::size_t>(method)];
}

result<resize_method> find_resize_method(std::string_view name) {
  const auto found = std::ranges::find(method_names, name);
  if (found != method_names.end())
    return methods[static_cast<std::size_t>(found - method_names.begin())];
  return error{error_code::invalid_argument,
               fmt::format("there is no policy \"{}\" (want one of {})", name,
                           fmt::join(method_names, ", "))};
}

std::vector<resize_parameter> parameters_of(resize_method method,
                                            bool with_history) {
  if (method == resize_method::full)
    return {};
  auto all = own_parameters(method);
  all.push_back({"dead_band", 0, 0.9, 0.1});
  all.push_back({"boost", 1, 4, 1.5});
  if (with_history)
    for (const auto& each : prior_parameters(method))
      all.push_back(each);
  return all;
}

std::vector<std::vector<double>> starting_points_of(resize_method method,
                                                    bool with_history) {
  std::vector<double> start;
  for (const auto& each : parameters_of(method, with_history))
    start.push_back(each.start);
  if (method != resize_method::evolved)
    return {start};
  // What the good rules do: a window's maximum and some deviation, or a
  // quantile; and a bit of both.
  const auto with =
      [&](std::initializer_list<std::pair<std::string_view, double>> weights) {
        auto point = start;
        const auto names = usage_feature_names();
        for (const auto& [name, weight] : weights)
          point[static_cast<std::size_t>(std::ranges::find(names, name)
                                         - names.begin())]
              = weight;
        return point;
      };
  return {with({{"four_hours_max", 0.3},
                {"deviation", 0.3},
                {"quantile_95", 0.3},
                {"mean", 0.2}}),
          with({{"four_hours_max", 0.7}, {"deviation", 0.3}}),
          with({{"quantile_95", 0.8}}), with({{"day_max", 0.8}})};
}

std::unique_ptr<resizer> make_resizer(const resize_policy& policy,
                                      const usage_prior& prior) {
  SKERRY_ASSERT(policy.parameters.size()
                == parameters_of(policy.method, policy.with_history).size());
  if (policy.method == resize_method::full)
    return std::make_unique<full_resizer>();
  return std::make_unique<estimating_resizer>(policy, prior);
}

} // namespace skerry
