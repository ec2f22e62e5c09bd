#include "scheduling/simple_scorers.hpp"

#include <array>

#include <doctest/doctest.h>

using namespace skerry;
using namespace skerry::literals;

TEST_SUITE_BEGIN("scheduling/simple_scorers");

namespace {

score_t score(scorer& by, const cluster& nodes, shape_id shape,
              node_index node) {
  const std::array which{node};
  std::array<score_t, 1> out{};
  (void)by.basis(nodes); // Only its effect on the scorer is of use here.
  by.score(nodes, nodes.shape(shape), which, out);
  return out[0];
}

} // namespace

TEST_CASE("worst-fit is the mean share that would be left") {
  cluster nodes;
  const auto plain
      = *nodes.add_node({.name = "a", .capacity = {8_cores, 64_GiB}});
  const auto shape = *nodes.intern({.demand = {2_cores, 48_GiB}});
  worst_fit by;
  // (75 % of CPU + 25 % of memory) / 2
  CHECK(score(by, nodes, shape, plain) == 50);
  const auto gpus = *nodes.add_node(
      {.name = "b", .capacity = {8_cores, 64_GiB}, .devices = {{}, {}}});
  // (75 + 25 + 100 % of two GPUs) / 3 = 66.7
  CHECK(score(by, nodes, shape, gpus) == 66);
}

TEST_CASE("best-fit-all weighs every resource by the largest node") {
  cluster nodes;
  const auto a = *nodes.add_node({.name = "a", .capacity = {4_cores, 16_GiB}});
  const auto shape = *nodes.intern({.demand = {2_cores, 8_GiB}});
  best_fit_all by;
  // Half of CPU and memory of the largest node is left.
  CHECK(score(by, nodes, shape, a) == 500'000'000);
  // Beside a node twice as large it is a quarter.
  const auto before = by.basis(nodes);
  REQUIRE(nodes.add_node({.name = "b", .capacity = {8_cores, 32_GiB}}));
  CHECK(by.basis(nodes) != before);
  CHECK(score(by, nodes, shape, a) == 750'000'000);
  // A node that is no larger changes nothing for the others.
  const auto with_b = by.basis(nodes);
  REQUIRE(nodes.add_node({.name = "c", .capacity = {8_cores, 32_GiB}}));
  CHECK(by.basis(nodes) == with_b);
}

TEST_CASE("whole devices count as large as they are") {
  cluster nodes;
  const auto small = *nodes.add_node({.name = "a",
                                      .capacity = {8_cores, 64_GiB},
                                      .devices = {{.capacity_milli = 100}}});
  const auto shape
      = *nodes.intern({.demand = {4_cores, 32_GiB}, .devices = {{}}});
  best_fit_all fit_all;
  // Half of CPU and memory is left and no device: 1 - (1/2 + 1/2 + 0) / 3.
  CHECK(score(fit_all, nodes, shape, small) == 666'666'666);
  worst_fit worst;
  // (50 + 50 + 0 %) / 3
  CHECK(score(worst, nodes, shape, small) == 33);
}

TEST_SUITE_END();
