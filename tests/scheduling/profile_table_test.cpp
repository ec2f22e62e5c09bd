#include "scheduling/profile_table.hpp"

#include <doctest/doctest.h>

using namespace skerry;
using namespace skerry::literals;

TEST_SUITE_BEGIN("scheduling/profile_table");

TEST_CASE("equal profiles have one handle, others have another") {
  cluster nodes;
  profile_table profiles;
  const task_profile base = {.shape = {.demand = {1_cores, 1_GiB}}};
  const auto id = *profiles.intern(nodes, base);
  CHECK(*profiles.intern(nodes, base) == id);
  CHECK(profiles[id].users == 2);
  for (auto field = 0; field < 6; ++field) {
    auto other = base;
    if (field == 0)
      other.shape.demand = {2_cores, 1_GiB};
    if (field == 1)
      other.minimum = other.maximum = base.shape.demand;
    if (field == 2)
      other.priority = 1;
    if (field == 3)
      other.tenant = "lab";
    if (field == 4)
      other.expected_duration = duration_estimate{0, 0, 0};
    if (field == 5)
      other.max_attempts = 2;
    CHECK(*profiles.intern(nodes, other) != id);
  }
}

TEST_CASE("a profile without users is kept for a while, then its place is "
          "used again") {
  cluster nodes;
  profile_table profiles;
  const auto sized = [](std::int64_t milli) {
    return task_profile{.shape = {.demand = {millicores{milli}, {}}}};
  };
  const auto first = *profiles.intern(nodes, sized(1));
  profiles.release(nodes, first);
  CHECK_FALSE(profiles.in_use(first));
  CHECK(*profiles.intern(nodes, sized(1)) == first);
  profiles.release(nodes, first);
  // 1024 idle ones are kept.
  for (std::int64_t milli = 2; milli < 1100; ++milli)
    profiles.release(nodes, *profiles.intern(nodes, sized(milli)));
  CHECK(profiles[first].source.shape.demand != sized(1).shape.demand);
}

TEST_CASE("more attempts than a record counts are refused") {
  cluster nodes;
  profile_table profiles;
  const auto refused
      = profiles.intern(nodes, {.shape = {}, .max_attempts = 65'536});
  REQUIRE_FALSE(refused);
  CHECK(refused.failure().code == error_code::limit_exceeded);
}
