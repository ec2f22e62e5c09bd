#include "scheduling/fair_share.hpp"

#include <doctest/doctest.h>

using namespace skerry;

TEST_SUITE_BEGIN("scheduling/fair_share");

namespace {

constexpr std::int64_t gib = std::int64_t{1} << 30;

tenant_amounts amounts(std::int64_t cores, std::int64_t gibibytes,
                       std::int64_t gpus = 0) {
  return {{cores * 1000, gibibytes * gib, gpus * 1000}};
}

} // namespace

TEST_CASE("the example of the paper: 3 tasks of one, 2 of the other") {
  // 9 cores and 18 GiB; tasks of 1 core and 4 GiB, and of 3 cores and 1 GiB:
  // both end at a dominant share of two thirds.
  fair_share shares{{}};
  shares.set_capacity(amounts(9, 18));
  auto& a = shares.of("a");
  auto& b = shares.of("b");
  const auto of_a = amounts(1, 4);
  const auto of_b = amounts(3, 1);
  auto free = amounts(9, 18);
  int tasks_a = 0;
  int tasks_b = 0;
  while (true) {
    const bool first = shares.charge(a) <= shares.charge(b);
    const auto& wanted = first ? of_a : of_b;
    if (!wanted.fits_in(free))
      break;
    shares.take(first ? a : b, wanted);
    free -= wanted;
    ++(first ? tasks_a : tasks_b);
  }
  CHECK(tasks_a == 3);
  CHECK(tasks_b == 2);
  CHECK(shares.held_share(a) == doctest::Approx(2.0 / 3));
  CHECK(shares.held_share(b) == doctest::Approx(2.0 / 3));
}

TEST_CASE("what was held counts half after a half-life") {
  fair_share shares{{.half_life_milliseconds = 1000}};
  shares.set_capacity(amounts(10, 10));
  auto& a = shares.of("a");
  shares.take(a, amounts(8, 1));
  shares.advance(1000); // The mean has come half the way to 0.8.
  CHECK(shares.recent_share(a) == doctest::Approx(0.4));
  shares.give_back(a, amounts(8, 1));
  shares.advance(2000);
  CHECK(shares.recent_share(a) == doctest::Approx(0.2));
  CHECK(shares.held_share(a) == 0);
}

TEST_CASE("a quota leaves room for no more than it says") {
  fair_share shares{{}};
  shares.configure("a", 1, {{4000, 0, 0}});
  auto& a = shares.of("a");
  CHECK(fair_share::has_room(a, amounts(4, 1000)));
  shares.take(a, amounts(3, 1));
  CHECK(fair_share::has_room(a, amounts(1, 1)));
  CHECK_FALSE(fair_share::has_room(a, amounts(2, 0)));
  // What asks for nothing of a kind is not held up by it.
  shares.take(a, amounts(3, 0)); // After the quota was made smaller.
  CHECK(fair_share::has_room(a, amounts(0, 1)));
}

TEST_CASE("only who counts for nothing is forgotten") {
  fair_share shares{{.half_life_milliseconds = 1000}};
  shares.set_capacity(amounts(10, 10));
  shares.configure("configured", 2, {});
  shares.take(shares.of("holds"), amounts(1, 1));
  (void)shares.of("waits");
  shares.take(shares.of("was"), amounts(1, 1));
  shares.advance(1000);
  shares.give_back(shares.of("was"), amounts(1, 1));
  const auto waits
      = [](const fair_share::tenant& one) { return one.name == "waits"; };
  shares.forget(waits);
  CHECK(shares.tenants().size() == 4);
  shares.advance(60'000);
  shares.forget(waits);
  CHECK(shares.tenants().size() == 3);
  CHECK_FALSE(shares.tenants().contains("was"));
}
