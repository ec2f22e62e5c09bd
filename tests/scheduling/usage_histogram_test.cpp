#include "scheduling/usage_histogram.hpp"

#include <doctest/doctest.h>

using namespace skerry;

TEST_SUITE_BEGIN("scheduling/usage_histogram");

TEST_CASE("uses are rounded up and kept within the flavour") {
  CHECK(usage_bin(0) == 0);
  CHECK(usage_bin(0.1) == 1);
  CHECK(usage_bin(7) == 7);
  CHECK(usage_bin(130) == 100);
  CHECK(usage_bin(-1) == 0);
}

TEST_CASE("an observation counts half after its half-life") {
  usage_histogram uses{2};
  uses.add(10);
  uses.add(20);
  uses.add(20);
  CHECK(uses.weights()[10] == doctest::Approx(uses.newest_weight() / 2));
  // 1/2 + 1/sqrt(2) + 1
  CHECK(uses.observations() == doctest::Approx(2.2071));
}

TEST_CASE("weights stay finite however long it goes on") {
  usage_histogram uses{0.5};
  for (int i = 0; i < 10'000; ++i)
    uses.add(i % 2 == 0 ? 30 : 60);
  // The newest, 60: 1 + 1/16 + ... = 16/15; a quarter of that for 30.
  CHECK(uses.observations() == doctest::Approx(4. / 3));
  CHECK(uses.weights()[30] * 4 == doctest::Approx(uses.weights()[60]));
}

TEST_CASE("a quantile is the smallest bin that holds the share") {
  usage_weights weights{};
  CHECK(quantile_of(weights, 0.9) == 0);
  weights[5] = 8;
  weights[50] = 2;
  CHECK(quantile_of(weights, 0.5) == 5);
  CHECK(quantile_of(weights, 0.79) == 5);
  CHECK(quantile_of(weights, 0.81) == 50);
}

TEST_SUITE_END();
