#include "evolution/plan_model.hpp"
#include "tests/evolution/plan_fixture.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include <doctest/doctest.h>

using namespace skerry;
using namespace skerry::literals;
using namespace skerry::testing;

TEST_SUITE_BEGIN("evolution/plan_model");

namespace {

constexpr auto infinity = std::numeric_limits<double>::infinity();

double cost_of(const plan_model& model, const placement_plan& plan) {
  plan_state state{model};
  state.load(plan);
  return state.cost();
}

} // namespace

TEST_CASE("the cost is open room, stranded room, waiting and churn") {
  cluster nodes;
  const auto a = *nodes.add_node({.name = "a", .capacity = {4_cores, 8_GiB}});
  const auto b = *nodes.add_node({.name = "b", .capacity = {4_cores, 8_GiB}});
  const auto half = *nodes.intern({.demand = {2_cores, 2_GiB}});
  const std::vector<plan_task> tasks{{.shape = half, .home = b, .churn = 0.125},
                                     {.shape = half, .delay = 3}};
  const plan_model model{nodes, tasks, {.stranding = 0.5}};
  // Both wait: the first away from home, delay 4 by default.
  CHECK(cost_of(model, {{}, {}}) == doctest::Approx(4 + 0.125 + 3));
  // b: CPU 1/2, memory 1/4, fill 3/8: 1 - 9/64 + 0.5 (1/2 - 1/4).
  const auto one = 1 - 9.0 / 64 + 0.125;
  CHECK(cost_of(model, {{b}, {}}) == doctest::Approx(one + 3));
  CHECK(cost_of(model, {{b}, {a}}) == doctest::Approx(2 * one));
  // b: CPU full, memory 1/2, fill 3/4.
  CHECK(cost_of(model, {{b}, {b}}) == doctest::Approx(1 - 9.0 / 16 + 0.25));
  CHECK(cost_of(model, {{a}, {a}})
        == doctest::Approx(1 - 9.0 / 16 + 0.25 + 0.125));
}

TEST_CASE("devices count as one more resource") {
  cluster nodes;
  const auto a = *nodes.add_node(
      {.name = "a", .capacity = {4_cores, 8_GiB}, .devices = {{}, {}}});
  const auto share = *nodes.intern(
      {.demand = {2_cores, 4_GiB}, .devices = {{.share_milli = 500}}});
  const auto whole
      = *nodes.intern({.demand = {2_cores, 4_GiB}, .devices = {{}}});
  const std::vector<plan_task> tasks{{.shape = share}, {.shape = whole}};
  const plan_model model{nodes, tasks, {.stranding = 0}};
  CHECK(model.movable().empty());
  // u = 1/2, 1/2 and 500 of 2000 milli; then 1, 1 and 1500 of 2000.
  CHECK(cost_of(model, {{a, 1}, {}})
        == doctest::Approx(4 + 1 - std::pow(1.25 / 3, 2)));
  CHECK(cost_of(model, {{a, 1}, {a, 2}})
        == doctest::Approx(1 - std::pow(2.75 / 3, 2)));
}

TEST_CASE("what a move adds is what evaluating the whole plan says") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    auto [nodes, tasks] = some_batch(seed, 12, 40);
    rng random{seed};
    for (auto& task : tasks)
      if (random.below(3) == 0)
        task.home = static_cast<node_index>(random.below(12));
    const plan_model model{nodes, tasks};
    plan_state state{model};
    state.load(decode(nodes, tasks, arrival_order(tasks), {}, {}));
    std::size_t moved = 0;
    for (int i = 0; i < 400; ++i) {
      const auto task = model.movable()[random.below(model.movable().size())];
      const auto to = static_cast<std::uint32_t>(random.below(13));
      const auto change = state.change(task, to);
      auto changed = state.plan();
      changed[task].node = to < 12 ? static_cast<node_index>(to) : no_node;
      const auto feasible = check_plan(nodes, tasks, changed).has_value();
      REQUIRE((change < infinity) == feasible);
      if (!feasible)
        continue;
      REQUIRE(state.cost() + change
              == doctest::Approx(cost_of(model, changed)).epsilon(1e-12));
      state.move(task, to, change);
      REQUIRE(state.plan() == changed);
      ++moved;
    }
    CHECK(moved > 40);
  }
}

TEST_CASE("movable are the tasks that ask for amounts alone") {
  const auto [nodes, tasks] = some_batch(1, 12, 40);
  const plan_model model{nodes, tasks};
  for (std::uint32_t task = 0; task < tasks.size(); ++task) {
    const auto& source = nodes.shape(tasks[task].shape).source;
    CHECK((std::ranges::count(model.movable(), task) == 1)
          == (source.devices.empty() && source.groups.empty()));
    // East is every third node.
    if (!source.constraints.empty())
      CHECK(std::ranges::equal(model.targets(task),
                               std::vector<std::uint32_t>{0, 3, 6, 9}));
  }
}

TEST_CASE("nodes that take no tasks are no targets") {
  auto [nodes, tasks] = some_batch(1, 6, 10, true);
  nodes.set_condition(static_cast<node_index>(1), node_condition::cordoned);
  nodes.set_condition(static_cast<node_index>(4), node_condition::draining);
  const plan_model model{nodes, tasks};
  plan_state state{model};
  CHECK(std::ranges::equal(model.targets(0),
                           std::vector<std::uint32_t>{0, 2, 3, 5}));
  CHECK(state.change(0, 1) == infinity);
  CHECK(state.change(0, 4) == infinity);
  CHECK(state.change(0, 0) < 0);
}

TEST_CASE("an assignment nobody checked leaves waiting what does not fit") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const auto [nodes, tasks] = some_batch(seed, 12, 60, true);
    const plan_model model{nodes, tasks};
    plan_state state{model};
    rng random{seed};
    for (int i = 0; i < 20; ++i) {
      std::vector<std::uint32_t> assignment;
      for (std::size_t task = 0; task < tasks.size(); ++task)
        assignment.push_back(static_cast<std::uint32_t>(random.below(14)));
      const auto cost = state.assign(assignment);
      REQUIRE(check_plan(nodes, tasks, state.plan()));
      REQUIRE(cost == doctest::Approx(cost_of(model, state.plan())));
      for (std::uint32_t task = 0; task < tasks.size(); ++task)
        REQUIRE((state.node(task) == assignment[task]
                 || state.plan()[task].node == no_node));
    }
  }
}

TEST_SUITE_END();
