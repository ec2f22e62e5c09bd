#include "scheduling/reward.hpp"

#include <limits>

#include <doctest/doctest.h>

using namespace skerry;

TEST_SUITE_BEGIN("scheduling/reward");

TEST_CASE("the reward is the sum of the terms, each times its weight") {
  reward_weights weights;
  weights.of = {1, -2, 0, 0, 0, 0, 0, 4};
  CHECK(total_reward({0.5F, 0.25F, 1, 1, 1, 1, 1, -0.5F}, weights) == -2);
}

namespace {

float of(const reward_values& values, reward_term term) {
  return values[index_of(term)];
}

} // namespace

TEST_CASE("each fact of a decision has its term") {
  const auto terms = reward_of_decision({.allocated_share = 0.75,
                                         .fragmentation_gpus = 0.5,
                                         .wait_seconds = 1800,
                                         .attempt = 4,
                                         .refused = true,
                                         .tenant_share = 0.75,
                                         .tenants = 2});
  CHECK(of(terms, reward_term::allocated_share) == 0.75F);
  CHECK(of(terms, reward_term::fragmentation) == 0.5F);
  CHECK(of(terms, reward_term::wait) == 0.75F); // 1800 of 1800 + 600.
  CHECK(of(terms, reward_term::refusals) == 1);
  CHECK(of(terms, reward_term::churn) == 0.75F);    // Three of four.
  CHECK(of(terms, reward_term::fairness) == 0.25F); // Beyond a half.
  CHECK(of(terms, reward_term::slowdown) == 0);
  CHECK(of(terms, reward_term::response) == 0);
}

TEST_CASE("a tenant alone is treated fairly, and so is one with less") {
  CHECK(of(reward_of_decision({.tenant_share = 1}), reward_term::fairness)
        == 0);
  CHECK(of(reward_of_decision({.tenant_share = 0.1, .tenants = 4}),
           reward_term::fairness)
        == 0);
}

TEST_CASE("an ending is judged by slowdown and by its target") {
  // Bounded slowdown (60 + 20) / 20 = 4; 80 s instead of 60.
  const auto late = reward_of_ending(
      {.wait_seconds = 60, .run_seconds = 20, .target_seconds = 60});
  CHECK(of(late, reward_term::slowdown) == 0.75F);
  CHECK(of(late, reward_term::response) == 0.25F);
  const auto aimless
      = reward_of_ending({.wait_seconds = 60, .run_seconds = 20});
  CHECK(of(aimless, reward_term::response) == 0);
  const auto at_once = reward_of_ending({.run_seconds = 5});
  CHECK(of(at_once, reward_term::slowdown) == 0);
}

TEST_CASE("no term leaves [-1, 1], whatever the facts") {
  constexpr auto much = 1e300;
  for (const auto& terms : {reward_of_decision({.allocated_share = much,
                           .fragmentation_gpus = -much,
                           .wait_seconds = much,
                           .attempt = 0,
                           .tenant_share = -much,
                           .tenants = 0}),
                            reward_of_ending({.wait_seconds = -much,
                            .run_seconds = 1e9,
                            .target_seconds = -much})})
    for (const auto term : terms) {
      CHECK(term >= -1);
      CHECK(term <= 1);
    }
}

TEST_CASE("by default what is allocated is rewarded and all else is blamed") {
  const reward_weights weights;
  CHECK(weights.of[index_of(reward_term::allocated_share)] > 0);
  for (std::size_t term = 1; term < reward_terms; ++term)
    CHECK(weights.of[term] < 0);
  CHECK(validate(weights));
}

TEST_CASE("a weight that is no number, or too large, is refused by name") {
  reward_weights weights;
  weights.of[index_of(reward_term::churn)]
      = std::numeric_limits<double>::quiet_NaN();
  const auto checked = validate(weights);
  REQUIRE_FALSE(checked);
  CHECK(checked.failure().message.find("churn") != std::string::npos);
  weights.of[index_of(reward_term::churn)] = -11;
  CHECK_FALSE(validate(weights));
}

TEST_SUITE_END();
