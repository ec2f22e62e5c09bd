#include "evolution/plan_search.hpp"
#include "tests/evolution/plan_fixture.hpp"

#include <algorithm>
#include <limits>

#include <doctest/doctest.h>

using namespace skerry;
using namespace skerry::literals;
using namespace skerry::testing;

TEST_SUITE_BEGIN("evolution/plan_search");

namespace {

std::vector<placement_plan> starts(const batch& of) {
  std::vector<placement_plan> out;
  for (const auto& each : heuristic_plans(of.nodes, of.tasks))
    out.push_back(each.plan);
  return out;
}

double cost_of(const plan_model& model, const placement_plan& plan) {
  plan_state state{model};
  state.load(plan);
  return state.cost();
}

/// The least cost of all plans.
double least_cost(const plan_model& model, plan_state& state,
                  std::uint32_t task = 0) {
  if (task == model.tasks())
    return state.cost();
  auto least = std::numeric_limits<double>::infinity();
  const auto waits = static_cast<std::uint32_t>(model.nodes());
  for (std::uint32_t node = 0; node <= waits; ++node) {
    const auto change = state.change(task, node);
    if (change == std::numeric_limits<double>::infinity())
      continue;
    state.move(task, node, change);
    least = std::min(least, least_cost(model, state, task + 1));
    state.move(task, waits, state.change(task, waits));
  }
  return least;
}

} // namespace

TEST_CASE("the best plan of a small batch is found") {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    CAPTURE(seed);
    const auto of = some_batch(seed, 4, 7, true);
    const plan_model model{of.nodes, of.tasks};
    plan_state all_waiting{model};
    plan_search search{{}, model, starts(of), seed};
    search.run(200'000);
    CHECK(search.best_cost()
          == doctest::Approx(least_cost(model, all_waiting)).epsilon(1e-9));
  }
}

TEST_CASE("plans stay feasible and never fall behind those given") {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    const auto of = some_batch(seed, 12, 50);
    const plan_model model{of.nodes, of.tasks};
    const auto given = starts(of);
    auto best = std::numeric_limits<double>::infinity();
    for (const auto& plan : given)
      best = std::min(best, cost_of(model, plan));
    // Even a search that accepts nearly everything.
    plan_search search{{.first_round = 1000, .threshold = 5}, model, given, 1};
    CHECK(search.best_cost() == doctest::Approx(best));
    for (int slice = 0; slice < 50; ++slice) {
      const auto before = search.best_cost();
      search.run(700);
      REQUIRE(search.best_cost() <= before);
      REQUIRE(check_plan(of.nodes, of.tasks, search.best()));
      REQUIRE(search.best_cost()
              == doctest::Approx(cost_of(model, search.best())));
      for (const auto& plan : search.state().members)
        REQUIRE(check_plan(of.nodes, of.tasks, plan));
    }
  }
}

TEST_CASE("tasks with devices, groups or spread stay where they were put") {
  const auto of = some_batch(3, 16, 25);
  const plan_model model{of.nodes, of.tasks};
  const auto start = starts(of).front();
  plan_search search{{.members = 1}, model, {&start, 1}, 1};
  search.run(200'000);
  CHECK(search.best_cost() < cost_of(model, start));
  for (std::uint32_t task = 0; task < of.tasks.size(); ++task)
    if (std::ranges::count(model.movable(), task) == 0)
      CHECK(search.best()[task] == start[task]);
}

TEST_CASE("a task leaves home only for more than its churn") {
  // Two half-empty nodes: together on one they save 0.6 of a node.
  for (const auto churn : {0.01, 5.0}) {
    cluster nodes;
    const auto a = *nodes.add_node({.name = "a", .capacity = {4_cores, 8_GiB}});
    const auto b = *nodes.add_node({.name = "b", .capacity = {4_cores, 8_GiB}});
    const auto half = *nodes.intern({.demand = {2_cores, 4_GiB}});
    const std::vector<plan_task> tasks{
        {.shape = half, .home = a, .churn = churn},
        {.shape = half, .home = b, .churn = churn}};
    const plan_model model{nodes, tasks};
    const placement_plan incumbent{{a}, {b}};
    plan_search search{{.members = 1}, model, {&incumbent, 1}, 1};
    search.run(1000);
    CHECK((search.best() == incumbent) == (churn > 1));
  }
}

TEST_CASE("the same seed gives the same plan, another one another way") {
  const auto of = some_batch(3, 12, 50, true);
  const plan_model model{of.nodes, of.tasks};
  plan_search a{{}, model, starts(of), 1};
  plan_search b{{}, model, starts(of), 1};
  plan_search c{{}, model, starts(of), 2};
  for (auto* search : {&a, &b, &c})
    search->run(5'000);
  CHECK(a.state() == b.state());
  CHECK(a.state().members != c.state().members);
}

TEST_CASE("a restored search goes on bit by bit") {
  const auto of = some_batch(3, 12, 50);
  const plan_model model{of.nodes, of.tasks};
  const plan_search_options options{.first_round = 500};
  plan_search original{options, model, starts(of), 1};
  for (int slice = 0; slice < 30; ++slice) {
    original.run(700);
    auto copy = plan_search::restore(options, model, original.state());
    REQUIRE(copy);
    original.run(900);
    copy->run(900);
    REQUIRE(copy->state() == original.state());
    REQUIRE(copy->best_cost() == original.best_cost());
  }
  auto foreign = original.state();
  foreign.best.pop_back();
  CHECK_FALSE(plan_search::restore(options, model, foreign));
  foreign = original.state();
  foreign.members[0][0].node = static_cast<node_index>(12);
  CHECK_FALSE(plan_search::restore(options, model, foreign));
  foreign = original.state();
  foreign.members.pop_back();
  CHECK_FALSE(plan_search::restore(options, model, foreign));
}

TEST_CASE("a better plan from elsewhere is taken in") {
  const auto of = some_batch(3, 12, 50, true);
  const plan_model model{of.nodes, of.tasks};
  plan_search good{{}, model, starts(of), 1};
  good.run(50'000);
  const auto start = starts(of).front();
  plan_search search{{}, model, {&start, 1}, 2};
  const auto before = search.best_cost();
  CHECK(search.accept(good.best()));
  CHECK(search.best_cost() == good.best_cost());
  CHECK(search.best_cost() < before);
  CHECK_FALSE(search.accept(placement_plan(of.tasks.size()))); // All wait.
}

TEST_CASE("a batch that cannot move costs no time") {
  auto of = some_batch(3, 12, 20);
  std::erase_if(of.tasks, [&](const plan_task& task) {
    return of.nodes.shape(task.shape).source.devices.empty();
  });
  const plan_model model{of.nodes, of.tasks};
  plan_search search{{}, model, starts(of), 1};
  search.run(1'000'000'000'000);
  CHECK(search.evaluations() == 0);
}

TEST_CASE("options out of range are refused by name") {
  CHECK(validate(plan_search_options{}));
  CHECK(validate(plan_search_options{.members = 0}).failure().message
        == "plan search: members are 0, must be 1 to 256");
  CHECK_FALSE(validate(plan_search_options{.first_round = 0}));
  CHECK_FALSE(validate(plan_search_options{.round_growth = 0.5}));
  CHECK_FALSE(validate(plan_search_options{.threshold = -1}));
}

TEST_SUITE_END();
