#include "scheduling/backfill.hpp"

#include <doctest/doctest.h>

using namespace skerry;

TEST_SUITE_BEGIN("scheduling/backfill");

TEST_CASE("the head starts when enough requested times have passed") {
  // 2 free; 3 more at 50, 5 more at 80.
  const std::vector<processor_claim> running{{80, 5}, {50, 3}};
  CHECK(*earliest_start(10, 2, 2, running) == 10);
  CHECK(*earliest_start(10, 2, 3, running) == 50);
  CHECK(*earliest_start(10, 2, 5, running) == 50);
  CHECK(*earliest_start(10, 2, 6, running) == 80);
  CHECK(*earliest_start(10, 2, 10, running) == 80);
}

TEST_CASE("a job that overran its request may end at any moment") {
  CHECK(*earliest_start(100, 0, 4, {{80, 4}}) == 100);
}

TEST_CASE("a head wider than the machine is infeasible") {
  const auto never = earliest_start(10, 2, 11, {{80, 5}, {50, 3}});
  REQUIRE(!never);
  CHECK(never.failure()
        == error{error_code::infeasible,
                 "11 processors are wanted, but there are only 10"});
}

TEST_CASE("a backfilled job ends strictly before the head starts") {
  CHECK(ends_before(10, 39, 50));
  CHECK_FALSE(ends_before(10, 40, 50));
}

TEST_SUITE_END();
