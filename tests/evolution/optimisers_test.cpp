#include "evolution/optimisers.hpp"
#include "tests/evolution/search_fixture.hpp"

#include <cmath>

#include <doctest/doctest.h>

using namespace skerry;
using namespace skerry::testing;

// What holds for every optimiser.

TEST_SUITE_BEGIN("evolution/optimisers");

namespace {

std::vector<optimiser_options> all_optimisers() {
  return {*find_optimiser("cma-es"), *find_optimiser("ga"),
          genetic_algorithm_options{.selection = parent_selection::truncation,
                                    .crossover = crossover_kind::sbx,
                                    .step = mutation_step::decaying}};
}

} // namespace

TEST_CASE("the same seed gives the same genomes, another one others") {
  const shifted_function of{test_function::rastrigin, 7, 1};
  for (const auto& options : all_optimisers()) {
    const auto a = make_optimiser(options, of.space(), 5);
    const auto b = make_optimiser(options, of.space(), 5);
    const auto c = make_optimiser(options, of.space(), 6);
    for (int generation = 0; generation < 50; ++generation) {
      advance(*a, of);
      advance(*b, of);
      advance(*c, of);
    }
    CHECK(a->state() == b->state());
    CHECK(a->best().genes != c->best().genes);
  }
}

TEST_CASE("asking twice is asking once") {
  const shifted_function of{test_function::sphere, 3, 1};
  for (const auto& options : all_optimisers()) {
    const auto search = make_optimiser(options, of.space(), 5);
    const auto first = search->ask();
    const std::vector<genome> copy(first.begin(), first.end());
    const auto second = search->ask();
    CHECK(copy == std::vector<genome>(second.begin(), second.end()));
  }
}

TEST_CASE("a restored search goes on bit by bit, at any generation") {
  auto of = shifted_function{test_function::rastrigin, 5, 1};
  const auto foreign = std::vector<genome>{genome(5, 0.5), genome(5, -0.5)};
  for (const auto& options : all_optimisers()) {
    const auto original = make_optimiser(options, of.space(), 5);
    for (int generation = 0; generation < 700; ++generation) {
      if (generation % 50 == 7) // With migrants waiting, too.
        original->inject(foreign, migrant_replacement::worst);
      if (generation % 50 == 7 || generation == 0) {
        auto copy = restore_optimiser(options, of.space(), original->state());
        REQUIRE(copy);
        const auto again = make_optimiser(options, of.space(), 1);
        for (int i = 0; i < 5; ++i) {
          const auto a = original->ask();
          const auto b = (*copy)->ask();
          REQUIRE(std::vector<genome>(a.begin(), a.end())
                  == std::vector<genome>(b.begin(), b.end()));
          advance(*original, of);
          advance(**copy, of);
        }
        REQUIRE((*copy)->state() == original->state());
      }
      advance(*original, of);
    }
    // Some of these generations were the first after a restart.
    if (original->name() == "cma-es")
      CHECK(original->restarts() > 0);
  }
}

TEST_CASE("a damaged or foreign state is refused") {
  const shifted_function of{test_function::sphere, 4, 1};
  const auto smaller = cube(3, -5, 5);
  const auto options = all_optimisers();
  for (const auto& each : options) {
    const auto search = make_optimiser(each, of.space(), 5);
    advance(*search, of);
    const auto good = search->state();
    CHECK(restore_optimiser(each, of.space(), good));
    CHECK_FALSE(restore_optimiser(each, smaller, good));
    for (const auto damage : {0, 1, 2, 3}) {
      auto bad = good;
      auto& common = std::visit(
          [](auto& state) -> search_state& { return state.search; }, bad.of);
      if (damage == 0)
        common.best.genes[2] = std::nan("");
      else if (damage == 1)
        common.members[3].genes.pop_back();
      else if (damage == 2)
        common.migrants = {genome(4, 100)};
      else if (auto* cma = std::get_if<diagonal_cma_es_state>(&bad.of))
        cma->variances[1] = -1;
      else
        std::get<genetic_algorithm_state>(bad.of).steps[0] = std::nan("");
      const auto restored = restore_optimiser(each, of.space(), bad);
      REQUIRE_FALSE(restored);
      CHECK(restored.failure().code == error_code::malformed);
    }
  }
  const auto search = make_optimiser(options[0], of.space(), 5);
  CHECK(restore_optimiser(options[1], of.space(), search->state())
            .failure()
            .message
        == "optimiser state: of another optimiser than the options");
}

TEST_CASE("migrants take the places their policy says") {
  const shifted_function of{test_function::sphere, 4, 1};
  const auto near = of.optimum();
  auto far = genome(4, 5);
  const auto has = [](const optimiser& search, const genome& genes) {
    for (const auto& member : search.members())
      if (member.genes == genes)
        return true;
    return false;
  };
  for (const auto& options : all_optimisers())
    for (const auto how :
         {migrant_replacement::worst, migrant_replacement::random,
          migrant_replacement::if_better}) {
      const auto search = make_optimiser(options, of.space(), 5);
      for (int generation = 0; generation < 20; ++generation)
        advance(*search, of);
      const auto population = search->population();
      search->inject(std::vector{near, far}, how);
      CHECK(search->ask().size() == population + 2);
      advance(*search, of);
      CHECK(search->members().size() == population);
      CHECK(has(*search, far) == (how != migrant_replacement::if_better));
      CHECK(search->members().front() == candidate{near, 0});
      CHECK(search->ask().size() == population);
    }
}

TEST_CASE("a random place is never that of the best") {
  const shifted_function of{test_function::sphere, 4, 1};
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    genetic_algorithm search{{.population = 4, .elites = 1}, of.space(), seed};
    search.inject(std::vector<genome>(2, genome(4, 5)),
                  migrant_replacement::random);
    auto best = 1e9;
    std::vector<double> costs;
    for (const auto& genes : search.ask()) {
      costs.push_back(of.value(genes));
      best = std::min(best, costs.back());
    }
    search.tell(costs);
    REQUIRE(search.members().front().cost == best);
  }
}

TEST_CASE("diversity falls as a search converges") {
  const shifted_function of{test_function::sphere, 6, 1};
  for (const auto& options : all_optimisers()) {
    const auto search = make_optimiser(options, of.space(), 5);
    advance(*search, of);
    const auto first = search->diversity();
    CHECK(first > 0.05);
    CHECK(first < 0.5);
    for (int generation = 0; generation < 60; ++generation)
      advance(*search, of);
    CHECK(search->diversity() < first / 2);
  }
}

TEST_CASE("optimisers are known by name") {
  CHECK(find_optimiser("cma-es")->index() == 0);
  CHECK(find_optimiser("ga")->index() == 1);
  CHECK(find_optimiser("pso").failure().message
        == "no optimiser is called \"pso\" (known: cma-es, ga)");
}

TEST_SUITE_END();
