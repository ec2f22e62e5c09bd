#include "scheduling/resize_policy.hpp"

#include <cstddef>
#include <memory>
#include <vector>

#include <doctest/doctest.h>

using namespace skerry;

namespace {

const usage_prior nothing_known;

/// @param own Parameters of the method.
resize_policy policy_of(resize_method method, std::vector<double> own,
                        double dead_band = 0, double boost = 1) {
  own.push_back(dead_band);
  own.push_back(boost);
  return {.method = method, .parameters = own, .stretch = 5};
}

/// The last limit after these uses, each under a limit of 100 %.
int limit_after(const resize_policy& policy, const std::vector<double>& uses) {
  const auto chooser = make_resizer(policy, nothing_known);
  int limit = 100;
  for (const auto use : uses)
    limit = chooser->next_limit({use, 100, false});
  return limit;
}

} // namespace

TEST_SUITE_BEGIN("scheduling/resize_policy");

TEST_CASE("the limit needed meets the stretch exactly") {
  // 20 / (1 - 0.8 / 5) = 20 / 0.84.
  CHECK(limit_needed(20, 5) == doctest::Approx(23.8095));
  CHECK(limit_needed(0, 5) == 0);
  CHECK(limit_needed(100, 5) == 100);
  // Under the full flavour 1 / (1 - 0.2) s; under 23.81 % it has 0.238 of the
  // speed and is loaded to 0.84: 1 / (0.238 (1 - 0.84)) / (1 / 0.8) of it, in
  // the protocol's form (1 - 0.2) / (1 - 0.84) = 5.
  CHECK(0.8 / (1 - 20 / limit_needed(20, 5)) == doctest::Approx(5));
}

TEST_CASE("full flavour is never touched") {
  CHECK(limit_after({.method = resize_method::full}, {1, 2, 3}) == 100);
}

TEST_CASE("a window remembers its largest use, and forgets it") {
  const auto policy = policy_of(resize_method::window_max, {2});
  CHECK(limit_after(policy, {20, 0}) == 24); // 23.81, rounded up.
  CHECK(limit_after(policy, {20, 0, 0}) == least_limit_percent);
  CHECK(limit_after(policy, {0, 20, 10, 5}) == 13); // 10 / 0.82 = 12.2
}

TEST_CASE("the percentile weighs old uses less") {
  // Weights after a half-life of one interval: 1/4, 1/2, 1. The upper 40 % of
  // 1.75 is 0.7, less than the newest's 1; the upper 60 %, 1.05, is more.
  const auto upper = policy_of(resize_method::percentile, {1, 0.6});
  const auto lower = policy_of(resize_method::percentile, {1, 0.4});
  CHECK(limit_after(upper, {0, 10, 20}) == 24);
  CHECK(limit_after(lower, {0, 10, 20}) == 13);
}

TEST_CASE("mean and deviation are weighed exponentially") {
  // Half-life 1: mean 10, deviation 10; 20 for two deviations more is 30.
  // 30 / (1 - 0.7 / 5) = 34.9.
  const auto policy = policy_of(resize_method::ewma, {1, 2});
  CHECK(limit_after(policy, {0, 20}) == 35);
  // The window's 20 and half a deviation: 25 / 0.85 = 29.4.
  CHECK(
      limit_after(policy_of(resize_method::window_sigma, {2, 1, 0.5}), {0, 20})
      == 30);
}

TEST_CASE("a threshold moves its level by factors") {
  // From 100: twice below a half of it, 100 -> 80 -> 64; 60 is above 0.9 of
  // 64 and the level grows to 96; 96 / (1 - 0.04 / 5) = 96.8.
  const auto policy = policy_of(resize_method::threshold, {0.9, 0.5, 1.5, 0.8});
  CHECK(limit_after(policy, {10, 10, 60}) == 97);
  // 64 / (1 - 0.36 / 5) = 68.97.
  CHECK(limit_after(policy, {10, 10, 40}) == 69);
}

TEST_CASE("safety multiplies the demand, not the limit") {
  auto policy = policy_of(resize_method::window_max, {1});
  policy.safety = 2;
  CHECK(limit_after(policy, {10}) == 24);
  policy.safety = 100;
  CHECK(limit_after(policy, {10}) == 100);
}

TEST_CASE("a limit falls only past the dead band, and rises at once") {
  const auto chooser
      = make_resizer(policy_of(resize_method::window_max, {1}, 0.2), {});
  CHECK(chooser->next_limit({20, 31, false}) == 24); // 24 < 0.8 * 31 = 24.8
  CHECK(chooser->next_limit({20, 29, false}) == 29); // 24 >= 0.8 * 29 = 23.2
  CHECK(chooser->next_limit({20, 23, false}) == 24);
}

TEST_CASE("after throttling the limit grows by the boost at least") {
  const auto chooser
      = make_resizer(policy_of(resize_method::window_max, {1}, 0, 2), {});
  CHECK(chooser->next_limit({20, 20, true}) == 40);
  CHECK(chooser->next_limit({60, 60, true}) == 100);
}

TEST_CASE("a prior takes its share of the estimate") {
  usage_prior always_40;
  always_40.weights[40] = 1;
  resize_policy policy{.method = resize_method::window_max,
                       .parameters = {1, 0, 1, 0.25, 0.9},
                       .with_history = true};
  // 0.75 * 20 + 0.25 * 40 = 25; 25 / 0.85 = 29.4.
  CHECK(make_resizer(policy, always_40)->next_limit({20, 100, false}) == 30);
  policy.parameters[3] = 0;
  CHECK(make_resizer(policy, always_40)->next_limit({20, 100, false}) == 24);
}

TEST_CASE("the expected cost weighs reserve against work beyond it") {
  // Half-life 1: 50 with weight 1/2, 10 twice with 1 + 1/4. Limits needed: 0,
  // 12.2 and 55.6. Work beyond 10: 50 / 2 of 1.75, at 12 an observation:
  // 12 * 25 / 1.75 = 171.
  auto policy = policy_of(resize_method::expected_cost, {1, 1, 0, 0, 1});
  CHECK(limit_after(policy, {10, 50, 10}) == 56);
  // At a fifth of the price 34.3, less than 55.6 - 12.2 = 43.4: not worth it.
  policy.safety = 0.2;
  CHECK(limit_after(policy, {10, 50, 10}) == 13);
}

TEST_CASE("a prior counts as observations where costs are expected") {
  usage_prior always_40;
  always_40.weights[40] = 1;
  // Beside one observation of 10: 40 / (1 - 0.6 / 5) = 45.5.
  const resize_policy policy{.method = resize_method::expected_cost,
                             .parameters = {100, 1, 0, 0, 1, 0, 1, 30},
                             .with_history = true};
  CHECK(make_resizer(policy, always_40)->next_limit({10, 100, false}) == 46);
  CHECK(make_resizer(policy, {})->next_limit({10, 100, false}) == 13);
}

TEST_CASE("the evolved policy is a sum of features") {
  // After 10 and 30: a constant 10, last 30, maxima 30 and 30; weights by
  // `usage_feature_names`. 0.5 * 10 + 0.1 * 30 + 0.4 * 30 = 20.
  const auto policy
      = policy_of(resize_method::evolved, {0.5, 0.1, 0, 0, 0, 0, 0, 0.4, 0});
  CHECK(limit_after(policy, {10, 30}) == 24);
  // A quarter of a quantile of the prior, 40, more: 30 / 0.86 = 34.9.
  usage_prior always_40;
  always_40.weights[40] = 1;
  const resize_policy informed{.method = resize_method::evolved,
                               .parameters
                               = {0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0.25},
                               .with_history = true};
  CHECK(make_resizer(informed, always_40)->next_limit({20, 100, false}) == 35);
}

TEST_CASE("searches begin within the bounds") {
  for (const auto method : all_resize_methods())
    for (const bool history : {false, true}) {
      const auto parameters = parameters_of(method, history);
      for (const auto& point : starting_points_of(method, history)) {
        REQUIRE(point.size() == parameters.size());
        for (std::size_t i = 0; i < point.size(); ++i) {
          CAPTURE(parameters[i].name);
          CHECK(parameters[i].lower <= point[i]);
          CHECK(point[i] <= parameters[i].upper);
        }
      }
    }
}

TEST_CASE("every method has a name") {
  for (const auto method : all_resize_methods()) {
    CHECK(*find_resize_method(to_string(method)) == method);
  }
  CHECK(find_resize_method("guess").failure().code
        == error_code::invalid_argument);
}

TEST_SUITE_END();
