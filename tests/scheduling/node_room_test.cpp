#include "scheduling/node_room.hpp"
#include "scheduling/rng.hpp"
#include "scheduling/scorer.hpp"

#include <doctest/doctest.h>

using namespace skerry;
using namespace skerry::literals;

TEST_SUITE_BEGIN("scheduling/node_room");

TEST_CASE("after the same steps a room refuses what the cluster refuses") {
  cluster nodes;
  const auto node
      = nodes
            .add_node({.name = "a",
                       .capacity = {8_cores, 32_GiB},
                       .named = {{"licence", 3'000}},
                       .devices = {{.model = "A100", .memory_bytes = 1 << 30},
                                   {.model = "A100", .memory_bytes = 1 << 30},
                                   {.model = "T4", .memory_bytes = 1 << 29},
                                   {.kind = "fpga"}},
                       .max_tasks = 6})
            .value();
  const std::vector<task_shape> shapes{
      {.demand = {2_cores, 4_GiB}},
      {.demand = {1_cores, 12_GiB}, .named = {{"licence", 1'000}}},
      {.demand = {500_mcores, 1_GiB}, .devices = {{.share_milli = 400}}},
      {.demand = {1_cores, 1_GiB},
       .devices = {{.count = 1, .models = {"A100"}}},
       .groups = {"db"}},
      {.demand = {1_cores, 1_GiB},
       .devices = {{.count = 2}, {.kind = "fpga"}},
       .anti_affinity = {"db"}},
      {.demand = {100_mcores, 1_GiB},
       .devices = {{.share_milli = 300, .memory_bytes = 1 << 29}},
       .affinity = {"db"}}};
  std::vector<shape_id> ids;
  for (const auto& shape : shapes)
    ids.push_back(nodes.intern(shape).value());
  rng random{7};
  std::size_t refused = 0;
  for (int round = 0; round < 200; ++round) {
    std::vector<std::pair<shape_id, device_mask>> held;
    // From a random state on, the same steps in both.
    std::optional<node_room> room;
    cluster begin;
    for (int step = 0; step < 60; ++step) {
      if (step == static_cast<int>(random.below(20)) && !room) {
        begin = nodes;
        room.emplace(begin, node);
      }
      const auto id = ids[random.below(ids.size())];
      if (!held.empty() && random.below(2) == 0) {
        const auto i = random.below(held.size());
        nodes.give_back(node, held[i].first, held[i].second);
        if (room)
          room->give_back(begin.shape(held[i].first), held[i].second);
        held.erase(held.begin() + static_cast<std::ptrdiff_t>(i));
      } else if (!nodes.why_not(nodes.shape(id), node)) {
        const auto devices = tightest_devices(nodes, nodes.shape(id), node);
        if (room)
          REQUIRE(room->choose(begin.shape(id)) == devices);
        REQUIRE(nodes.take(node, id, devices));
        if (room)
          room->take(begin.shape(id), devices);
        held.emplace_back(id, devices);
      }
      if (room)
        for (const auto each : ids) {
          const bool fits = !nodes.why_not(nodes.shape(each), node);
          REQUIRE(room->fits(begin.shape(each)) == fits);
          refused += fits ? 0 : 1;
        }
    }
    for (const auto& [id, devices] : held)
      nodes.give_back(node, id, devices);
  }
  CHECK(refused > 10'000); // Of some 60 000: the test has looked at both.
}

TEST_SUITE_END();
