#include "evolution/island.hpp"
#include "evolution/plan_problem.hpp"
#include "tests/evolution/plan_fixture.hpp"

#include <algorithm>

#include <doctest/doctest.h>

using namespace skerry;
using namespace skerry::testing;

TEST_SUITE_BEGIN("evolution/plan_problem");

TEST_CASE("the starting points are the heuristics, the incumbent foremost") {
  auto [nodes, tasks] = some_batch(2, 12, 40);
  const plan_problem without_homes{nodes, tasks};
  REQUIRE(validate(without_homes.space()));
  CHECK(without_homes.space().starting_points.size() == 6);
  std::vector<placement_plan> decoded;
  for (const auto& start : without_homes.space().starting_points)
    decoded.push_back(without_homes.plan_of(start));
  for (const auto& [name, plan] : heuristic_plans(nodes, tasks))
    CHECK_MESSAGE(std::ranges::count(decoded, plan) > 0, name);

  const auto incumbent
      = decode(nodes, tasks, arrival_order(tasks), {}, {"worst-fit", false});
  for (std::size_t task = 0; task < tasks.size(); ++task)
    tasks[task].home = incumbent[task].node;
  const plan_problem with_homes{nodes, tasks};
  CHECK(with_homes.space().starting_points.size() == 12);
  const auto first = with_homes.plan_of(with_homes.space().starting_points[0]);
  for (std::size_t task = 0; task < tasks.size(); ++task)
    if (incumbent[task].node != no_node)
      CHECK(first[task].node == incumbent[task].node);
}

TEST_CASE("every genome is a feasible plan, at what its plan costs") {
  const auto [nodes, tasks] = some_batch(2, 12, 40);
  const plan_problem of{nodes, tasks};
  rng random{1};
  for (int i = 0; i < 100; ++i) {
    genome genes;
    for (std::size_t gene = 0; gene < of.space().dimension(); ++gene)
      genes.push_back(
          of.space().lower[gene]
          + random.uniform()
                * (of.space().upper[gene] - of.space().lower[gene]));
    if (i == 0)
      genes = of.space().upper; // The ends of every range.
    if (i == 1)
      genes = of.space().lower;
    const auto plan = of.plan_of(genes);
    REQUIRE(check_plan(nodes, tasks, plan));
    plan_state state{of.model()};
    state.load(plan);
    REQUIRE(of.cost(genes, i) == state.cost());
  }
}

TEST_CASE("edits reach every node, and waiting") {
  const auto [nodes, tasks] = some_batch(2, 5, 2, true);
  const plan_problem of{nodes, tasks, 1};
  auto genes = of.space().starting_points[0];
  genes[4] = 0.75; // Task 1 of 2.
  std::vector<node_index> seen;
  for (const auto where : {0.0, 0.2, 0.4, 0.6, 0.8, 0.995}) {
    genes[3] = where;
    seen.push_back(of.plan_of(genes)[1].node);
  }
  // Where it does not fit it goes elsewhere, as by the rule.
  std::vector<node_index> wanted;
  for (std::uint32_t node = 0; node < 5; ++node) {
    const auto edit = plan_edit{1, static_cast<node_index>(node)};
    wanted.push_back(
        decode(nodes, tasks, arrival_order(tasks), {&edit, 1}, {"first-fit"})[1]
            .node);
  }
  wanted.push_back(no_node);
  CHECK(seen == wanted);
}

TEST_CASE("an island over plans is never worse than the best heuristic") {
  const auto [nodes, tasks] = some_batch(4, 12, 40);
  const plan_problem of{nodes, tasks};
  auto best = of.cost(of.space().starting_points[0], 0);
  for (const auto& start : of.space().starting_points)
    best = std::min(best, of.cost(start, 0));
  for (const auto* name : {"cma-es", "ga"}) {
    island here{{.optimiser = *find_optimiser(name)}, of, 1};
    for (int generation = 0; generation < 40; ++generation) {
      here.step();
      REQUIRE(here.statistics().best <= best);
    }
    CHECK(here.statistics().best < best);
  }
}

TEST_SUITE_END();
