#pragma once

#include "evolution/placement_plan.hpp"
#include "scheduling/rng.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <vector>

namespace skerry::testing {

/// A batch on a cluster in use: nodes of two sizes, some with devices, and
/// tasks of shapes with and without devices, labels, groups and spread.
struct batch {
  cluster nodes;
  std::vector<plan_task> tasks;
};

inline std::vector<shape_id> some_shapes(cluster& nodes, bool plain_only) {
  using namespace literals;
  std::vector<task_shape> shapes{{.demand = {1_cores, 2_GiB}},
                                 {.demand = {3_cores, 1_GiB}},
                                 {.demand = {2_cores, 12_GiB}},
                                 {.demand = {6_cores, 6_GiB}}};
  if (!plain_only) {
    shapes.push_back({.demand = {1_cores, 1_GiB}, .devices = {{.count = 2}}});
    shapes.push_back(
        {.demand = {1_cores, 1_GiB}, .devices = {{.share_milli = 400}}});
    shapes.push_back({.demand = {1_cores, 1_GiB},
                      .constraints = {{.key = "zone", .values = {"east"}}}});
    shapes.push_back({.demand = {1_cores, 1_GiB},
                      .groups = {"web"},
                      .anti_affinity = {"web"}});
    shapes.push_back(
        {.demand = {1_cores, 1_GiB},
         .groups = {"db"},
         .spread = spread_constraint{.group = "db", .topology = "zone"}});
  }
  std::vector<shape_id> out;
  for (const auto& shape : shapes)
    out.push_back(*nodes.intern(shape));
  return out;
}

inline batch some_batch(std::uint64_t seed, std::size_t nodes,
                        std::size_t tasks, bool plain_only = false) {
  using namespace literals;
  rng random{seed};
  batch out;
  for (std::size_t n = 0; n < nodes; ++n) {
    node_spec spec{.name = fmt::format("n{}", n),
                   .capacity = {8_cores, 16_GiB},
                   .labels = {{"zone", n % 3 == 0 ? "east" : "west"}}};
    if (n % 4 == 1)
      spec.capacity = {16_cores, 64_GiB};
    if (n % 4 == 2)
      spec.devices.resize(4);
    if (n % 5 == 4)
      spec.max_tasks = 3;
    (void)*out.nodes.add_node(spec); // Numbered in this order.
  }
  const auto shapes = some_shapes(out.nodes, plain_only);
  for (std::size_t n = 0; n < nodes; ++n)
    if (random.below(2) == 0) // May not fit: then the node stays as it is.
      (void)out.nodes.take(static_cast<node_index>(n), shapes[random.below(4)],
                           0);
  for (std::size_t i = 0; i < tasks; ++i)
    out.tasks.push_back({.shape = shapes[random.below(shapes.size())]});
  return out;
}

} // namespace skerry::testing
