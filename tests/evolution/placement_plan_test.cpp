#include "evolution/placement_plan.hpp"
#include "scheduling/placement_policy.hpp"
#include "tests/evolution/plan_fixture.hpp"

#include <algorithm>

#include <doctest/doctest.h>

using namespace skerry;
using namespace skerry::literals;
using namespace skerry::testing;

TEST_SUITE_BEGIN("evolution/placement_plan");

namespace {

std::size_t placed(const placement_plan& plan) {
  return static_cast<std::size_t>(std::ranges::count_if(
      plan, [](const planned_task& task) { return task.node != no_node; }));
}

} // namespace

TEST_CASE("whatever order and edits are, the plan is feasible") {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    CAPTURE(seed);
    auto [nodes, tasks] = some_batch(seed, 12, 40);
    rng random{seed};
    auto order = arrival_order(tasks);
    for (auto i = order.size(); i > 1; --i)
      std::swap(order[i - 1], order[random.below(i)]);
    std::vector<plan_edit> edits;
    for (int i = 0; i < 6; ++i)
      edits.push_back({static_cast<std::uint32_t>(random.below(40)),
                       random.below(5) == 0
                           ? no_node
                           : static_cast<node_index>(random.below(14))});
    for (auto& task : tasks)
      if (random.below(2) == 0)
        task.home = static_cast<node_index>(random.below(12));
    const auto rule = plan_rules()[random.below(plan_rules().size())];
    const auto plan = decode(nodes, tasks, order, edits, rule);
    REQUIRE(placed(plan) > 10);
    // In the order of the batch, as in any: nobody here waits for a neighbour,
    // and spread is the policy's to see.
    const auto ok = check_plan(nodes, tasks, plan);
    REQUIRE_MESSAGE(ok, ok.failure().message);
  }
}

TEST_CASE("without edits a plan is what the policy does one by one") {
  auto [nodes, tasks] = some_batch(3, 12, 40);
  const auto order = largest_first(nodes, tasks);
  for (const auto* name : {"first-fit", "best-fit-all", "worst-fit"}) {
    const auto plan = decode(nodes, tasks, order, {}, {name, false});
    auto copy = nodes;
    const auto policy = *make_policy(name, copy, {});
    for (const auto task : order) {
      const auto chosen = policy->choose(tasks[task].shape);
      REQUIRE(plan[task].node == (chosen ? chosen->node : no_node));
      if (chosen)
        REQUIRE(copy.take(chosen->node, tasks[task].shape, chosen->devices));
    }
  }
}

TEST_CASE("home first gives the incumbent plan back") {
  auto [nodes, tasks] = some_batch(5, 14, 15, true);
  const auto incumbent
      = decode(nodes, tasks, arrival_order(tasks), {}, {"worst-fit", false});
  REQUIRE(placed(incumbent) == 15);
  for (std::size_t task = 0; task < tasks.size(); ++task)
    tasks[task].home = incumbent[task].node;
  CHECK(decode(nodes, tasks, largest_first(nodes, tasks), {},
               {"best-fit-all", true})
        == incumbent);
  const auto plans = heuristic_plans(nodes, tasks);
  CHECK(plans.size() == 12);
  CHECK(std::ranges::find(plans, incumbent, &named_plan::plan) != plans.end());
}

TEST_CASE("an edit moves, delays, or is overruled where it does not fit") {
  cluster nodes;
  const auto a = *nodes.add_node({.name = "a", .capacity = {4_cores, 8_GiB}});
  const auto b = *nodes.add_node({.name = "b", .capacity = {2_cores, 8_GiB}});
  const auto shape = *nodes.intern({.demand = {2_cores, 2_GiB}});
  const std::vector<plan_task> tasks(3, plan_task{.shape = shape});
  const auto nodes_of = [&](std::vector<plan_edit> edits) {
    std::vector<node_index> out;
    for (const auto& task : decode(nodes, tasks, arrival_order(tasks), edits,
                                   {"first-fit", false}))
      out.push_back(task.node);
    return out;
  };
  CHECK(nodes_of({}) == std::vector{a, a, b});
  CHECK(nodes_of({{0, b}}) == std::vector{b, a, a});
  CHECK(nodes_of({{1, no_node}}) == std::vector{a, no_node, a});
  CHECK(nodes_of({{0, b}, {1, b}}) == std::vector{b, a, a}); // b is full.
  CHECK(nodes_of({{0, static_cast<node_index>(9)}}) == std::vector{a, a, b});
  CHECK(nodes_of({{0, no_node}, {0, b}}) == std::vector{b, a, a}); // The last.
}

TEST_CASE("the largest first is by the scarcest resource of the cluster") {
  cluster nodes;
  REQUIRE(nodes.add_node({.name = "a", .capacity = {10_cores, 100_GiB}}));
  const auto tenth = *nodes.intern({.demand = {1_cores, 1_GiB}});
  const auto half = *nodes.intern({.demand = {1_cores, 50_GiB}});
  const auto third = *nodes.intern({.demand = {3_cores, 1_GiB}});
  const std::vector<plan_task> tasks{{tenth}, {half}, {third}, {half}};
  CHECK(largest_first(nodes, tasks) == std::vector<std::uint32_t>{1, 3, 2, 0});
}

TEST_CASE("a plan that does not fit is found out") {
  cluster nodes;
  const auto a = *nodes.add_node({.name = "a", .capacity = {4_cores, 8_GiB}});
  const auto shape = *nodes.intern({.demand = {3_cores, 2_GiB}});
  const std::vector<plan_task> tasks(2, plan_task{.shape = shape});
  CHECK(check_plan(nodes, tasks, {{a}, {}}));
  CHECK(check_plan(nodes, tasks, {{a}, {a}}).failure().code
        == error_code::insufficient);
  CHECK_FALSE(check_plan(nodes, tasks, {{a}}));
  CHECK_FALSE(check_plan(nodes, tasks, {{static_cast<node_index>(7)}, {}}));
  CHECK_FALSE(check_plan(nodes, tasks, {{a, 1}, {}})); // A device from nowhere.
}

TEST_SUITE_END();
