#include "scheduling/explanation.hpp"

#include <doctest/doctest.h>

using namespace skerry;
using namespace skerry::literals;

TEST_SUITE_BEGIN("scheduling/explanation");

namespace {

/// Three nodes with 32 GiB, two with T4 devices and more memory.
cluster mixed() {
  cluster nodes;
  for (const auto* name : {"a", "b", "c"})
    REQUIRE(nodes.add_node({.name = name,
                            .capacity = {8_cores, 32_GiB},
                            .devices = {{.model = "A100"}}}));
  for (const auto* name : {"d", "e"})
    REQUIRE(nodes.add_node({.name = name,
                            .capacity = {8_cores, 64_GiB},
                            .devices = {{.model = "T4"}}}));
  return nodes;
}

const compiled_shape& compiled(cluster& nodes, const task_shape& shape) {
  return nodes.shape(*nodes.intern(shape));
}

} // namespace

TEST_CASE("what fits nowhere is explained by class") {
  auto nodes = mixed();
  const auto why = explain_when_empty(
      nodes, compiled(nodes, {.demand = {1_cores, 64_GiB},
                              .devices = {{.models = {"A100"}}}}));
  CHECK(why.nodes == 5);
  CHECK(why.feasible == 0);
  REQUIRE(why.refusals.size() == 2);
  CHECK(why.refusals[0]
        == refusal_count{{refusal_reason::resource, 1}, 3, 32LL << 30});
  CHECK(why.refusals[1]
        == refusal_count{{refusal_reason::device_model, 0}, 2, 0});
  CHECK(why.text
        == "fits no node even when empty: 3 nodes: not enough memory (asks "
           "64 GiB, has 32 GiB), 2 nodes: no such device model (gpu: A100)");
}

TEST_CASE("what waits is explained by what is free now") {
  auto nodes = mixed();
  const auto half = *nodes.intern(
      {.demand = {2500_mcores, 1_GiB}, .devices = {{.share_milli = 600}}});
  REQUIRE(nodes.take(node_index{0}, half, 1));
  nodes.set_condition(node_index{1}, node_condition::draining);
  const auto why
      = explain(nodes, compiled(nodes, {.demand = {6_cores, 32_GiB}}));
  CHECK(why.feasible == 3);
  CHECK(why.text
        == "fits 3 of 5 nodes now: 1 node: not enough cpu (asks 6 cores, has "
           "5.5 cores), 1 node: node is not ready");
  const auto devices
      = explain(nodes, compiled(nodes, {.devices = {{.share_milli = 500}}}));
  CHECK(devices.text
        == "fits 3 of 5 nodes now: 1 node: no device with that share left "
           "(asks 500 milli of one gpu), 1 node: node is not ready");
}

TEST_CASE("of several nodes the most that one has is named") {
  auto nodes = mixed();
  const auto some = *nodes.intern({.demand = {3_cores, {}}});
  REQUIRE(nodes.take(node_index{0}, some, 0));
  const auto why = explain(nodes, compiled(nodes, {.demand = {9_cores, {}}}));
  REQUIRE(why.refusals.size() == 1);
  CHECK(why.refusals[0].nodes == 5);
  CHECK(why.refusals[0].most == 8000);
}

TEST_CASE("a cluster without nodes is explained") {
  cluster nodes;
  const auto why = explain(nodes, compiled(nodes, {.demand = {1_cores, {}}}));
  CHECK(why.nodes == 0);
  CHECK(why.text == "there are no nodes");
}

TEST_CASE("nodes that are gone do not count") {
  auto nodes = mixed();
  REQUIRE(nodes.remove_node(node_index{0}));
  const auto& shape = compiled(nodes, {.demand = {1_cores, {}}});
  CHECK(explain(nodes, shape).nodes == 4);
  CHECK(explain_when_empty(nodes, shape).nodes == 4);
}

TEST_CASE("labels and groups are named") {
  auto nodes = mixed();
  const auto why = explain(
      nodes,
      compiled(nodes, {.constraints = {{.key = "zone", .values = {"north"}}}}));
  CHECK(why.text == "fits no node now: 5 nodes: labels do not match (zone)");
  const auto apart = explain(nodes, compiled(nodes, {.affinity = {"web"}}));
  CHECK(apart.text
        == "fits no node now: 5 nodes: affinity not met (group web)");
}

TEST_CASE("amounts have units and no needless decimals") {
  const cluster nodes;
  CHECK(amount_text(nodes, 0, 1500) == "1.5 cores");
  CHECK(amount_text(nodes, 0, 2000) == "2 cores");
  CHECK(amount_text(nodes, 1, 3LL << 29) == "1.5 GiB");
  CHECK(amount_text(nodes, 1, 512LL << 20) == "512 MiB");
  CHECK(amount_text(nodes, 2, 1000) == "1000 bytes");
  CHECK(amount_text(nodes, 3, 2'500'000) == "2.5 Mbit/s");
  // 999.9996 rounds up into the next whole one.
  CHECK(amount_text(nodes, 3, 999'999'600) == "1000 Mbit/s");
}
