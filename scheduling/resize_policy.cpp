#include "scheduling/resize_policy.hpp"

#include "scheduling/usage_estimates.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace skerry {
namespace {

constexpr std::array methods{
    resize_method::full,       resize_method::threshold,
    resize_method::percentile, resize_method::window_max,
    resize_method::ewma,       resize_method::window_sigma,
};

constexpr std::array<std::string_view, methods.size()> method_names{
    "full", "threshold", "percentile", "window-max", "ewma", "window-sigma",
};

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
  }
  return {};
}

/// Gives each estimate the same way from demand to limit.
class estimating_resizer final : public resizer {
public:
  estimating_resizer(const resize_policy& policy, const usage_prior& prior)
      : estimate_{make_estimate(policy.method, policy.parameters)},
        safety_{policy.safety}, stretch_{policy.stretch} {
    const auto shared
        = std::span{policy.parameters}.last(policy.with_history ? 4 : 2);
    dead_band_ = shared[0];
    boost_ = shared[1];
    if (policy.with_history) {
      prior_weight_ = shared[2];
      prior_demand_
          = static_cast<double>(quantile_of(prior.weights, shared[3]));
    }
  }

  int next_limit(const usage_seen& seen) override {
    estimate_->see(seen.used_percent);
    const auto estimated = estimate_->demand();
    return limit_for(estimated + prior_weight_ * (prior_demand_ - estimated),
                     seen);
  }

private:
  int limit_for(double demand, const usage_seen& seen) const {
    const auto in_force = static_cast<double>(seen.limit_percent);
    auto limit
        = limit_needed(std::clamp(safety_ * demand, 0.0, 100.0), stretch_);
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
  double prior_weight_ = 0;
  double prior_demand_ = 0;
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
  if (with_history) {
    all.push_back({"prior_weight", 0, 1, 0.1});
    all.push_back({"prior_quantile", 0.5, 1, 0.95});
  }
  return all;
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
