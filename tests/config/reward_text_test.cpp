#include "config/reward_text.hpp"

#include <doctest/doctest.h>

using namespace skerry;

TEST_SUITE_BEGIN("config/reward_text");

TEST_CASE("weights are set by name") {
  reward_weights weights;
  REQUIRE(set_weight(weights, "fairness=-2.5"));
  CHECK(weights.of[index_of(reward_term::fairness)] == -2.5);
  CHECK(weights.of[index_of(reward_term::wait)] == -1);
  for (const auto* wrong : {"fairness", "=1", "kindness=1", "wait=", "wait=1x",
                            "wait=1e9", "wait=nan"})
    CHECK_FALSE(set_weight(weights, wrong));
}

TEST_SUITE_END();
