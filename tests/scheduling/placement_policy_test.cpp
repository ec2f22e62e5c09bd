#include "scheduling/placement_policy.hpp"

#include <fmt/format.h>

#include <array>
#include <set>

#include <doctest/doctest.h>

using namespace skerry;
using namespace skerry::literals;

TEST_SUITE_BEGIN("scheduling/placement_policy");

TEST_CASE("an unknown policy is refused with the names there are") {
  cluster nodes;
  const auto made = make_policy("wurst-fit", nodes, {});
  REQUIRE(!made);
  CHECK(made.failure().code == error_code::invalid_argument);
  CHECK(made.failure().message.find("worst-fit") != std::string::npos);
  for (const auto name : placement_policy_names())
    CHECK((*make_policy(name, nodes, {}))->name() == name);
}

TEST_CASE("random draws every feasible node and device, and no other") {
  cluster nodes;
  for (int n = 0; n < 4; ++n)
    REQUIRE(nodes.add_node({.name = fmt::format("n{}", n),
                            .capacity = {n == 2 ? 1_cores : 8_cores, 8_GiB},
                            .devices = {{}, {}}}));
  const auto shape = *nodes.intern(
      {.demand = {2_cores, 1_GiB}, .devices = {{.share_milli = 300}}});
  const auto policy = *make_policy("random", nodes, {.seed = 7});
  std::set<std::pair<std::size_t, device_mask>> drawn;
  for (int i = 0; i < 200; ++i) {
    const auto chosen = policy->choose(shape);
    REQUIRE(chosen);
    drawn.emplace(index_of(chosen->node), chosen->devices);
  }
  // Nodes 0, 1 and 3 with either GPU; 200 draws miss one of six with a chance
  // of 6 x (5/6)^200 < 1e-14.
  CHECK(drawn.size() == 6);
  CHECK(drawn.lower_bound({2, 0}) == drawn.lower_bound({3, 0}));
}

TEST_CASE("a seed repeats what random draws") {
  cluster nodes;
  for (int n = 0; n < 50; ++n)
    REQUIRE(nodes.add_node(
        {.name = fmt::format("n{}", n), .capacity = {8_cores, 8_GiB}}));
  const auto shape = *nodes.intern({.demand = {1_cores, 1_GiB}});
  const auto draw = [&](std::uint64_t seed) {
    const auto policy = *make_policy("random", nodes, {.seed = seed});
    std::vector<std::size_t> out(20);
    for (auto& node : out)
      node = index_of(policy->choose(shape)->node);
    return out;
  };
  CHECK(draw(1) == draw(1));
  CHECK(draw(1) != draw(2));
}

TEST_CASE("every policy has a version of its own") {
  CHECK(version_of("fgd") == version_of("fgd"));
  CHECK(version_of("fgd") != version_of("first-fit"));
  auto weights = fgd_weights();
  const auto evolved = version_of({"fgd", weights});
  CHECK(evolved != version_of("fgd"));
  weights.of[0][1] += 1e-9;
  CHECK(version_of({"fgd", weights}) != evolved);
}

TEST_SUITE_END();
