#include "scheduling/fgd.hpp"
#include "scheduling/placement_policy.hpp"
#include "scheduling/rng.hpp"
#include "scheduling/simple_scorers.hpp"
#include "scheduling/weighted_scorer.hpp"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <set>
#include <vector>

#include <doctest/doctest.h>

using namespace skerry;
using namespace skerry::literals;

TEST_SUITE_BEGIN("scheduling/weighted_scorer");

namespace {

/// Nodes of two models, and tasks of all classes, some naming a model.
struct mixed_cluster {
  cluster nodes;
  std::vector<task_shape> shapes;
  std::vector<shape_id> ids;
  rng random{3};

  mixed_cluster() {
    for (int n = 0; n < 24; ++n) {
      node_spec node{.name = fmt::format("n{}", n),
                     .capacity = {n % 2 == 0 ? 32_cores : 96_cores, 256_GiB}};
      node.devices.assign(static_cast<std::size_t>(n % 3 * 4),
                          {.model = n % 2 == 0 ? "T4" : "A100"});
      REQUIRE(nodes.add_node(node));
    }
    const auto add = [&](millicores cpu, std::vector<device_request> devices) {
      shapes.push_back({.demand = {cpu, 4_GiB}, .devices = std::move(devices)});
      ids.push_back(*nodes.intern(shapes.back()));
    };
    add(4_cores, {});
    add(2_cores, {{.share_milli = 300}});
    add(3_cores, {{.share_milli = 500, .models = {"A100"}}});
    add(8_cores, {{}});
    add(16_cores, {{.count = 2, .models = {"T4"}}});
    add(24_cores, {{.count = 4}});
  }

  std::size_t any() { return random.below(ids.size()); }
};

} // namespace

TEST_CASE("with the weight of one heuristic it chooses that heuristic's node") {
  const std::pair<std::string_view, placement_weights> heuristics[]{
      {"fgd", fgd_weights()}, {"first-fit", first_fit_weights()}};
  for (const auto& [name, weights] : heuristics) {
    CAPTURE(name);
    mixed_cluster on;
    const policy_context context{.workload = on.shapes};
    const auto expected = *make_policy(name, on.nodes, context);
    const auto found
        = *make_policy(policy_choice{"w", weights}, on.nodes, context);
    int placed = 0;
    for (int i = 0; i < 200; ++i) {
      const auto shape = on.ids[on.any()];
      const auto a = expected->choose(shape);
      const auto b = found->choose(shape);
      REQUIRE(a.has_value() == b.has_value());
      if (!a)
        continue;
      REQUIRE(a->node == b->node);
      REQUIRE(on.nodes.take(b->node, shape, b->devices));
      ++placed;
    }
    CHECK(placed > 50);
  }
}

TEST_CASE("features are finite, bounded, and what they are said to be") {
  mixed_cluster on;
  feature_extractor features{on.shapes};
  features.look_at(on.nodes);
  std::set<std::size_t> seen;
  const auto by = *make_policy("random", on.nodes, {.seed = 5});
  for (int i = 0; i < 400; ++i) {
    const auto id = on.ids[on.any()];
    const auto& shape = on.nodes.shape(id);
    const auto chosen = by->choose(id);
    if (!chosen)
      continue;
    features.for_each_way(
        on.nodes, shape, chosen->node,
        [&](const feature_values& values, std::int32_t left_milli) {
          for (std::size_t f = 0; f < placement_features; ++f) {
            CAPTURE(placement_feature_table()[f].name);
            REQUIRE(std::isfinite(values[f]));
            REQUIRE(std::abs(values[f]) <= 4);
            if (values[f] != 0)
              seen.insert(f);
          }
          const auto value = [&](placement_feature f) {
            return values[static_cast<std::size_t>(f)];
          };
          const auto free = static_cast<double>(
              on.nodes.free(chosen->node, resource_kind::cpu)
              - shape.demand[resource_kind::cpu]);
          const auto capacity = static_cast<double>(
              on.nodes.class_of(chosen->node).capacity[resource_kind::cpu]);
          REQUIRE(value(placement_feature::cpu_left)
                  == doctest::Approx(free / capacity));
          if (class_of(shape) == task_class::sharing && left_milli == 0)
            REQUIRE(value(placement_feature::leaves_none) == 1);
        });
    REQUIRE(on.nodes.take(chosen->node, id, chosen->devices));
  }
  // All but other-left, for which these nodes have nothing.
  CHECK(seen.size() >= placement_features - 4);
}

TEST_CASE("a model that the workload names is under pressure, others are not") {
  mixed_cluster on;
  const std::vector<task_shape> workload{
      {.demand = {1_cores, 1_GiB}, .devices = {{.models = {"T4"}}}},
      {.demand = {1_cores, 1_GiB}, .devices = {{}}}};
  feature_extractor features{workload};
  features.look_at(on.nodes);
  const auto pressure_on = [&](node_index node) {
    double out = 0;
    features.for_each_way(
        on.nodes, on.nodes.shape(on.ids[3]), node,
        [&](const feature_values& values, std::int32_t) {
          out = values[static_cast<std::size_t>(placement_feature::pressure)];
        });
    return out;
  };
  // Half of the demand names T4, which are half of the GPUs: n1 and n5 have
  // A100, n2 and n4 T4.
  CHECK(pressure_on(node_index{4}) == doctest::Approx(1));
  CHECK(pressure_on(node_index{1}) == 0);
}

TEST_CASE("a share goes to the device that the weights prefer") {
  cluster nodes;
  REQUIRE(nodes.add_node(
      {.name = "a", .capacity = {8_cores, 8_GiB}, .devices = {{}, {}}}));
  const auto id = *nodes.intern(
      {.demand = {1_cores, 1_GiB}, .devices = {{.share_milli = 300}}});
  REQUIRE(nodes.take(node_index{0}, id, 0b01));
  placement_weights weights;
  auto& opens
      = weights.of[index_of(task_class::sharing)]
                  [static_cast<std::size_t>(placement_feature::opens_gpu)];
  for (const auto& [weight, device] :
       {std::pair{1.0, device_mask{0b10}}, {-1.0, device_mask{0b01}}}) {
    opens = weight;
    const auto by = *make_policy(policy_choice{"w", weights}, nodes, {});
    CHECK(by->choose(id)->devices == device);
  }
}

TEST_CASE("weights that are none are refused by name") {
  for (const auto wrong : {std::numeric_limits<double>::quiet_NaN(),
                           std::numeric_limits<double>::infinity(), -10.5}) {
    auto weights = fgd_weights();
    weights.of[2][4] = wrong;
    const auto outcome = validate(weights);
    REQUIRE(!outcome);
    CHECK(outcome.failure().message.find("gpus-untouched for one-gpu")
          != std::string::npos);
    cluster nodes;
    CHECK(!make_policy(policy_choice{"w", weights}, nodes, {}));
  }
}

TEST_SUITE_END();
