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
