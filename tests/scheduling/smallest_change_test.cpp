#include "scheduling/smallest_change.hpp"

#include <doctest/doctest.h>

using namespace skerry;
using namespace skerry::literals;

TEST_SUITE_BEGIN("scheduling/smallest_change");

namespace {

/// Of 8 cores each, of which 4 and 6 are free; one has devices, less memory.
cluster two_nodes() {
  cluster nodes;
  REQUIRE(nodes.add_node({.name = "a", .capacity = {8_cores, 64_GiB}}));
  REQUIRE(nodes.add_node({.name = "b",
                          .capacity = {8_cores, 32_GiB},
                          .devices = {{.model = "T4"}, {.model = "T4"}}}));
  REQUIRE(nodes.take(node_index{0}, *nodes.intern({.demand = {4_cores, 1_GiB}}),
                     0));
  REQUIRE(nodes.take(node_index{1}, *nodes.intern({.demand = {2_cores, 1_GiB}}),
                     0));
  return nodes;
}

std::optional<smallest_change> change_for(cluster& nodes,
                                          const task_shape& shape) {
  return find_smallest_change(nodes, nodes.shape(*nodes.intern(shape)));
}

} // namespace

TEST_CASE("the node that asks for the smallest part less is named") {
  auto nodes = two_nodes();
  CHECK(change_for(nodes, {.demand = {8_cores, 1_GiB}})
        == smallest_change{"cpu", 2000, node_index{1},
                           "2 cores less cpu, on node b"});
  // There the memory would never do.
  CHECK(change_for(nodes, {.demand = {8_cores, 48_GiB}})
        == smallest_change{"cpu", 4000, node_index{0},
                           "4 cores less cpu, on node a"});
}

TEST_CASE("devices are counted whole") {
  auto nodes = two_nodes();
  const task_shape asks{.demand = {1_cores, 1_GiB},
                        .devices = {{.count = 2, .models = {"T4"}}}};
  CHECK_FALSE(change_for(nodes, asks)); // It fits.
  const auto one
      = *nodes.intern({.demand = {1_cores, 1_GiB}, .devices = {{.count = 1}}});
  REQUIRE(nodes.take(node_index{1}, one, 1));
  CHECK(change_for(nodes, asks)
        == smallest_change{"gpu", 1, node_index{1}, "1 gpu less, on node b"});
}

TEST_CASE("nothing is named where no one amount helps") {
  auto nodes = two_nodes();
  // Two amounts at once.
  CHECK_FALSE(change_for(nodes, {.demand = {8_cores, 128_GiB}}));
  CHECK_FALSE(change_for(
      nodes, {.demand = {1_cores, 1_GiB}, .devices = {{.models = {"A100"}}}}));
  nodes.set_condition(node_index{1}, node_condition::draining);
  CHECK(change_for(nodes, {.demand = {8_cores, 1_GiB}})->node == node_index{0});
}

TEST_SUITE_END();
