#include "scheduling/resources.hpp"

#include <limits>

#include <doctest/doctest.h>

using namespace skerry;
using namespace skerry::literals;

TEST_SUITE_BEGIN("scheduling/resources");

TEST_CASE("amounts keep their unit") {
  const resources r{1500_mcores, 4_GiB};
  CHECK(r[resource_kind::cpu] == 1500);
  CHECK(r[resource_kind::memory] == 4294967296); // 4 * 2^30
  CHECK(r[resource_kind::disk] == 0);
}

TEST_CASE("a sum is exact or refused, never wrapped") {
  const resources a{2_cores, 1_GiB};
  const resources b{500_mcores, 1_GiB};
  CHECK(*plus(a, b) == resources{2500_mcores, 2_GiB});
  CHECK(*minus(a, b) == resources{1500_mcores, 0_GiB});

  resources most;
  most.set(resource_kind::memory, std::numeric_limits<std::int64_t>::max());
  const auto sum = plus(most, resources{0_cores, 1_MiB});
  REQUIRE(!sum);
  CHECK(sum.failure().code == error_code::limit_exceeded);
  CHECK(sum.failure().message == "the sum of memory leaves the range of int64");
}

TEST_CASE("fits_in compares every kind") {
  CHECK(resources{1_cores, 1_GiB}.fits_in({1_cores, 1_GiB}));
  CHECK_FALSE(resources{1_cores, 2_GiB}.fits_in({8_cores, 1_GiB}));
}

TEST_SUITE_END();
