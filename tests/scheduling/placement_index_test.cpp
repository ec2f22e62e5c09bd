#include "scheduling/fgd.hpp"
#include "scheduling/placement_index.hpp"
#include "scheduling/placement_policy.hpp"
#include "scheduling/rng.hpp"
#include "scheduling/simple_scorers.hpp"

#include <fmt/format.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

using namespace skerry;
using namespace skerry::literals;

TEST_SUITE_BEGIN("scheduling/placement_index");

namespace {

node_spec random_node(std::uint64_t number, rng& random) {
  node_spec out{
      .name = fmt::format("n{}", number),
      .capacity
      = {millicores{static_cast<std::int64_t>(4000 * (1 + random.below(4)))},
         bytes{static_cast<std::int64_t>((8 * (1 + random.below(4))) << 30)}}};
  const auto model = random.below(2) == 0 ? "A100" : "T4";
  for (auto gpus = random.below(5); gpus > 0; --gpus)
    // Now and then a node of mixed models, where FGD has no shortcut.
    out.devices.push_back({.model = random.below(8) == 0 ? "V100" : model,
                           .memory_bytes = std::int64_t{16} << 30});
  if (random.below(4) == 0)
    out.devices.push_back({.kind = "fpga"});
  out.labels = {{"zone", random.below(2) == 0 ? "x" : "y"}};
  out.max_tasks = random.below(8) == 0 ? 2 : 0;
  return out;
}

placement_weights random_weights(std::uint64_t seed) {
  rng random{seed};
  placement_weights out;
  for (auto& weights : out.of)
    for (auto& weight : weights)
      weight = random.normal();
  return out;
}

task_shape random_shape(rng& random) {
  task_shape out{
      .demand
      = {millicores{static_cast<std::int64_t>(500 * (1 + random.below(8)))},
         bytes{static_cast<std::int64_t>((1 + random.below(8)) << 30)}}};
  if (const auto what = random.below(6); what < 4) {
    device_request gpus;
    if (what < 2)
      gpus.share_milli = static_cast<std::int32_t>(100 * (1 + random.below(9)));
    else
      gpus.count = static_cast<std::int32_t>(1 + random.below(3));
    if (random.below(3) == 0)
      gpus.models = {"A100", "V100"};
    if (random.below(4) == 0)
      gpus.memory_bytes = std::int64_t{4} << 30;
    out.devices.push_back(std::move(gpus));
  } else if (what == 4) {
    out.devices.push_back({.kind = "fpga"});
  }
  if (random.below(4) == 0)
    out.constraints = {{.key = "zone", .values = {"x"}}};
  if (random.below(4) == 0)
    out.groups = {"g"};
  if (random.below(6) == 0)
    out.anti_affinity = {"g"};
  if (random.below(10) == 0)
    out.spread = {.group = "g", .topology = "zone"};
  return out;
}

/// A cluster in which everything that can change does, and what runs there.
class churning_cluster {
public:
  churning_cluster(std::size_t nodes, std::uint64_t seed) : random_{seed} {
    for (std::size_t n = 0; n < nodes; ++n)
      add_node();
    for (int s = 0; s < 12; ++s) {
      shapes_.push_back(random_shape(random_));
      ids_.push_back(*nodes_.intern(shapes_.back()));
    }
  }

  const cluster& nodes() const { return nodes_; }
  const std::vector<task_shape>& shapes() const { return shapes_; }
  shape_id any_shape() { return ids_[random_.below(ids_.size())]; }

  void take(shape_id shape, const placement& where) {
    REQUIRE(nodes_.take(where.node, shape, where.devices));
    running_.emplace_back(shape, where);
  }

  /// Something other than a placement happens.
  void disturb() {
    const auto what = random_.below(20);
    const auto node = static_cast<node_index>(random_.below(nodes_.size()));
    const auto gone = nodes_.condition(node) == node_condition::gone;
    if (what < 14 && !running_.empty())
      finish(random_.below(running_.size()));
    else if (what == 14)
      add_node();
    else if (what == 15 && !gone && nodes_.task_count(node) == 0)
      REQUIRE(nodes_.remove_node(node));
    else if (what == 16 && !gone)
      nodes_.set_condition(node, node_condition::cordoned);
    else if (what == 17 && !gone)
      nodes_.set_condition(node, node_condition::ready);
    else if (what == 18 && !gone)
      grow(node);
  }

private:
  void add_node() {
    REQUIRE(nodes_.add_node(random_node(next_name_++, random_)));
  }

  void finish(std::size_t which) {
    const auto [shape, where] = running_[which];
    nodes_.give_back(where.node, shape, where.devices);
    running_[which] = running_.back();
    running_.pop_back();
  }

  void grow(node_index node) {
    const auto& of = nodes_.class_of(node);
    node_spec larger{.name = nodes_.name(node),
                     .capacity = *plus(of.capacity, {1_cores, 1_GiB}),
                     .devices = of.devices,
                     .labels = of.labels,
                     .max_tasks = of.max_tasks};
    REQUIRE(nodes_.update_node(node, larger));
  }

  rng random_;
  cluster nodes_;
  std::vector<task_shape> shapes_;
  std::vector<shape_id> ids_;
  std::vector<std::pair<shape_id, placement>> running_;
  std::uint64_t next_name_ = 0;
};

} // namespace

TEST_CASE("every policy chooses by index what it would choose by scan") {
  std::vector<policy_choice> policies;
  for (const auto name : placement_policy_names())
    if (name != "random") // Has no best node; see placement_policy_test.cpp.
      policies.emplace_back(name);
  for (std::uint64_t seed = 1; seed <= 3; ++seed)
    policies.emplace_back("weighted", random_weights(seed));
  for (const auto& policy : policies) {
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
      CAPTURE(policy.name);
      CAPTURE(seed);
      churning_cluster churn{40, seed};
      const policy_context context{.workload = churn.shapes()};
      auto by_scan_context = context;
      by_scan_context.search = placement_search::scan;
      const auto by_index = *make_policy(policy, churn.nodes(), context);
      const auto by_scan = *make_policy(policy, churn.nodes(), by_scan_context);
      std::uint64_t placed = 0;
      for (int step = 0; step < 2000; ++step) {
        const auto shape = churn.any_shape();
        const auto chosen = by_index->choose(shape);
        const auto expected = by_scan->choose(shape);
        REQUIRE(chosen.has_value() == expected.has_value());
        if (chosen) {
          REQUIRE(chosen->node == expected->node);
          REQUIRE(chosen->devices == expected->devices);
          REQUIRE(chosen->score == expected->score);
          churn.take(shape, *chosen);
          ++placed;
        }
        churn.disturb();
      }
      CHECK(placed > 200);
    }
  }
}

TEST_CASE("trees of any depth find the leftmost best node") {
  // 16 and 256 nodes fill one and two levels; the others straddle them.
  for (const std::size_t size : {1, 2, 15, 16, 17, 255, 256, 257, 4097}) {
    CAPTURE(size);
    cluster nodes;
    for (std::size_t n = 0; n < size; ++n)
      REQUIRE(nodes.add_node(
          {.name = fmt::format("n{}", n), .capacity = {1_cores, 1_GiB}}));
    const auto shape = *nodes.intern({.demand = {1_cores, 1_GiB}});
    first_fit by;
    placement_index index{nodes, by};
    // Each placement takes the leftmost node that is left.
    for (std::size_t n = 0; n < size; ++n) {
      const auto best = index.best(shape);
      REQUIRE(best);
      REQUIRE(index_of(best->node) == n);
      REQUIRE(nodes.take(best->node, shape, 0));
    }
    CHECK_FALSE(index.best(shape));
    nodes.give_back(static_cast<node_index>(size / 2), shape, 0);
    CHECK(index_of(index.best(shape)->node) == size / 2);
  }
}

TEST_CASE("an empty cluster has no best node") {
  cluster nodes;
  const auto shape = *nodes.intern({});
  first_fit by;
  placement_index index{nodes, by};
  CHECK_FALSE(index.best(shape));
}

TEST_CASE("trees over the limit are dropped, the longest unused first") {
  cluster nodes;
  for (int n = 0; n < 160; ++n)
    REQUIRE(nodes.add_node(
        {.name = fmt::format("n{}", n), .capacity = {4_cores, 4_GiB}}));
  first_fit by;
  // 160 leaves, 10 and then 1 maxima in blocks of 16: 192 cells, 768 bytes.
  placement_index index{nodes, by, {.max_bytes = 2000}};
  std::vector<shape_id> shapes;
  for (int s = 1; s <= 4; ++s)
    shapes.push_back(*nodes.intern({.demand = {millicores{s}, 1_GiB}}));
  for (const auto shape : shapes) {
    CHECK(index.best(shape));
    CHECK(index.bytes() <= 2000);
  }
  CHECK(index.bytes() == 2 * 704);
  CHECK(index.best(shapes.front())); // Built again.
}

TEST_CASE("a shape in the slot of another does not see its scores") {
  cluster nodes;
  REQUIRE(nodes.add_node({.name = "a", .capacity = {1_cores, 1_GiB}}));
  first_fit by;
  placement_index index{nodes, by};
  std::map<shape_id, int> slots;
  // More shapes than are kept without a reference, so that slots come again.
  for (int s = 0; s < 3000; ++s) {
    const auto fits = s % 2 == 0;
    const auto shape
        = *nodes.intern({.demand = {fits ? 1_cores : 2_cores, bytes{s}}});
    REQUIRE(index.best(shape).has_value() == fits);
    nodes.release(shape);
    ++slots[shape];
  }
  CHECK(slots.size() < 1100);
}

TEST_SUITE_END();
