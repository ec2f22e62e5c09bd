#include "evolution/migration.hpp"

#include <algorithm>
#include <array>
#include <set>

#include <doctest/doctest.h>

using namespace skerry;

TEST_SUITE_BEGIN("evolution/migration");

namespace {

std::vector<candidate> ten_members() {
  std::vector<candidate> out;
  for (int i = 0; i < 10; ++i)
    out.push_back({{double(i)}, double(i)});
  return out;
}

} // namespace

TEST_CASE("best leaves the best, in order") {
  rng random{1};
  CHECK(select_migrants(ten_members(), {.count = 3}, random)
        == std::vector<std::size_t>{0, 1, 2});
}

TEST_CASE("random and tournament leave distinct members, tournament better") {
  const auto members = ten_members();
  std::array<double, 2> sums{};
  for (std::uint64_t seed = 0; seed < 300; ++seed)
    for (const auto selection :
         {migrant_selection::random, migrant_selection::tournament}) {
      rng random{seed};
      const auto chosen = select_migrants(
          members, {.count = 3, .selection = selection}, random);
      REQUIRE(std::set(chosen.begin(), chosen.end()).size() == 3);
      for (const auto at : chosen)
        sums[selection == migrant_selection::tournament ? 1 : 0]
            += members.at(at).cost / 900;
    }
  CHECK(sums[0] == doctest::Approx(4.5).epsilon(0.1));
  // The best of three from 0 to 9 is 2.0 with replacement; each of the three
  // draws has fewer left.
  CHECK(sums[1] > 1.5);
  CHECK(sums[1] < 3);
}

TEST_CASE("no more leave than there are") {
  rng random{1};
  const auto members = ten_members();
  for (const auto selection :
       {migrant_selection::best, migrant_selection::random,
        migrant_selection::tournament}) {
    auto all = select_migrants(members, {.count = 64, .selection = selection},
                               random);
    std::ranges::sort(all);
    CHECK(all == std::vector<std::size_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
    CHECK(select_migrants({}, {.selection = selection}, random).empty());
  }
}

TEST_CASE("policies are read and written alike") {
  const auto read
      = parse_migration("every=25,count=2,select=tournament,replace=random");
  REQUIRE(read);
  CHECK(*read
        == migration_policy{25, 2, migrant_selection::tournament,
                            migrant_replacement::random});
  CHECK(*parse_migration(to_string(*read)) == *read);
  CHECK(*parse_migration("count=3") == migration_policy{.count = 3});
  CHECK(parse_migration("none")->count == 0);
}

TEST_CASE("what is wrong with a policy is said") {
  const auto why = [](std::string_view text) {
    return parse_migration(text).failure().message;
  };
  CHECK(why("select=worst")
        == "migration: select: \"worst\" is none of best, random, tournament");
  CHECK(why("every=0") == "migration: every is 0, must be 1 to 1000000");
  CHECK(why("count=65") == "migration: count is 65, must be 0 to 64");
  CHECK(why("count=-1") == "migration: count: \"-1\" is no whole number");
  CHECK(why("")
        == "migration: \"\" is none of every=N, count=N, select=HOW, "
           "replace=HOW");
  CHECK_FALSE(parse_migration("every=5,"));
}

TEST_SUITE_END();
