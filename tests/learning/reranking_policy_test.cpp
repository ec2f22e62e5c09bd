#include "learning/reranking_policy.hpp"
#include "learning/trainer.hpp"
#include "scheduling/ledger.hpp"

#include <memory>
#include <string>
#include <vector>

#include <doctest/doctest.h>

using namespace skerry;
using namespace skerry::literals;

TEST_SUITE_BEGIN("learning/reranking_policy");

namespace {

/// Twenty nodes, some larger, some with GPUs.
struct site {
  cluster nodes;
  std::vector<shape_id> shapes;

  site() {
    for (int n = 0; n < 20; ++n) {
      node_spec spec{.name = std::to_string(n),
                     .capacity = {n % 3 == 0 ? 32_cores : 16_cores, 64_GiB}};
      if (n % 2 == 0)
        spec.devices = {{.model = "A"}, {.model = "A"}};
      REQUIRE(nodes.add_node(spec));
    }
    const std::vector<task_shape> wanted{
        {.demand = {3_cores, 4_GiB}},
        {.demand = {2_cores, 8_GiB}, .devices = {{.share_milli = 300}}},
        {.demand = {4_cores, 8_GiB}, .devices = {{.count = 1}}}};
    for (const auto& each : wanted)
      shapes.push_back(*nodes.intern(each));
  }
};

network_weights even_weights() {
  rng random{1};
  return first_weights(experience_network(), experience_schema(), random);
}

std::shared_ptr<const candidate_network>
network_of(const network_weights& weights) {
  auto net = candidate_network::from(experience_network(), weights,
                                     experience_schema());
  REQUIRE(net);
  return std::make_shared<const candidate_network>(*std::move(net));
}

std::unique_ptr<placement_policy> reranked(const site& at,
                                           const network_weights& weights,
                                           const reranking_options& options) {
  return make_reranking_policy(
      std::make_unique<weighted_scorer>("fgd", fgd_weights(),
                                        std::span<const task_shape>{}),
      network_of(weights), at.nodes, {}, options);
}

} // namespace

TEST_CASE("a network without an opinion leaves the rule's choice") {
  site at;
  const auto rule
      = make_policy(std::make_unique<weighted_scorer>(
                        "fgd", fgd_weights(), std::span<const task_shape>{}),
                    at.nodes);
  // First weights have heads of 0.
  const auto by_value
      = reranked(at, even_weights(), {.candidates = 8, .value_weight = 1});
  const auto by_policy = reranked(at, even_weights(), {.candidates = 8});
  for (int i = 0; i < 60; ++i) {
    const auto shape = at.shapes[static_cast<std::size_t>(i) % 3];
    const auto expected = rule->choose(shape);
    for (auto* policy : {by_value.get(), by_policy.get()}) {
      const auto chosen = policy->choose(shape);
      REQUIRE(chosen.has_value() == expected.has_value());
      if (!expected)
        continue;
      CHECK(chosen->node == expected->node);
      CHECK(chosen->devices == expected->devices);
    }
    if (expected)
      REQUIRE(at.nodes.take(expected->node, shape, expected->devices));
  }
}

TEST_CASE("what it proposes always fits, and is among the rule's best") {
  site at;
  rng random{2};
  auto weights = even_weights();
  for (auto& value : weights.tensors[4].values) // policy.weight
    value = static_cast<float>(random.normal());
  const auto policy = reranked(at, weights, {.candidates = 1});
  const auto wide = reranked(at, weights, {.candidates = 64});
  const auto rule
      = make_policy(std::make_unique<weighted_scorer>(
                        "fgd", fgd_weights(), std::span<const task_shape>{}),
                    at.nodes);
  int differs = 0;
  for (int i = 0; i < 90; ++i) {
    const auto shape = at.shapes[static_cast<std::size_t>(i) % 3];
    const auto expected = rule->choose(shape);
    const auto narrow = policy->choose(shape);
    const auto chosen = wide->choose(shape);
    REQUIRE(chosen.has_value() == expected.has_value());
    if (!chosen)
      continue;
    CHECK(narrow->node == expected->node); // Of one there is no choice.
    differs += chosen->node != expected->node ? 1 : 0;
    REQUIRE(at.nodes.take(chosen->node, shape, chosen->devices));
  }
  CHECK(differs > 0);
}

TEST_SUITE_END();
