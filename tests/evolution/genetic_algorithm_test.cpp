#include "evolution/genetic_algorithm.hpp"
#include "tests/evolution/search_fixture.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include <doctest/doctest.h>

using namespace skerry;
using namespace skerry::testing;

TEST_SUITE_BEGIN("evolution/genetic_algorithm");

namespace {

std::uint64_t worst_of(test_function which, double target,
                       const genetic_algorithm_options& options) {
  constexpr std::uint64_t budget = 400'000;
  std::uint64_t worst = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const shifted_function of{which, 10, seed};
    genetic_algorithm search{options, of.space(), seed};
    worst = std::max(worst, evaluations_until(target, search, of, budget));
  }
  return worst;
}

} // namespace

TEST_CASE("the sphere is solved by every combination of operators") {
  for (const auto crossover : {crossover_kind::blx, crossover_kind::sbx})
    for (const auto step :
         {mutation_step::self_adaptive, mutation_step::decaying})
      for (const auto selection :
           {parent_selection::tournament, parent_selection::truncation})
        CHECK(
            worst_of(
                test_function::sphere, 1e-3,
                {.selection = selection, .crossover = crossover, .step = step})
            < 40'000);
}

TEST_CASE("the best of many valleys is found") {
  CHECK(
      worst_of(test_function::rastrigin, 0.5, {.population = 100, .elites = 4})
      < 100'000);
}

TEST_CASE("without noise the best member never gets worse") {
  const shifted_function of{test_function::rastrigin, 6, 3};
  genetic_algorithm search{{}, of.space(), 3};
  auto last = std::numeric_limits<double>::infinity();
  for (int generation = 0; generation < 200; ++generation) {
    advance(search, of);
    REQUIRE(search.members().front().cost <= last);
    last = search.members().front().cost;
  }
}

TEST_CASE("elites are evaluated again: luck does not last") {
  const auto space = cube(4, -5, 5);
  genetic_algorithm search{{}, space, 1};
  auto costs = std::vector<double>(search.ask().size(), 1);
  costs[7] = -1000; // Luck.
  const auto lucky = search.ask()[7];
  search.tell(costs);
  CHECK(search.ask()[0] == lucky);
  costs.assign(search.ask().size(), 1);
  costs[0] = 50; // Worst of all in the new scenario.
  search.tell(costs);
  CHECK(search.members().back().genes == lucky);
}

TEST_CASE("genomes stay within the bounds") {
  const auto space = cube(5, 0, 1);
  genetic_algorithm search{{.initial_step = 10}, space, 5};
  const shifted_function of{test_function::sphere, 5, 1};
  for (int generation = 0; generation < 100; ++generation) {
    for (const auto& genes : search.ask())
      REQUIRE(check_genome(space, genes));
    advance(search, of);
  }
}

TEST_CASE("the first generation holds every starting point") {
  auto space = cube(3, -5, 5);
  space.starting_points = {{1, 2, 3}, {-1, 0, 1}};
  genetic_algorithm search{{}, space, 1};
  CHECK(search.ask()[0] == genome{1, 2, 3});
  CHECK(search.ask()[1] == genome{-1, 0, 1});
}

TEST_CASE("a collapsed population is drawn anew around its best") {
  const shifted_function of{test_function::sphere, 3, 1};
  genetic_algorithm search{{.collapse = 1e-3}, of.space(), 1};
  for (int generation = 0; generation < 300; ++generation)
    advance(search, of);
  CHECK(search.restarts() > 0);
  CHECK(of.value(search.members().front().genes) < 1e-3);
}

TEST_CASE("options out of range are refused by name") {
  CHECK(validate(genetic_algorithm_options{}));
  CHECK(validate(genetic_algorithm_options{.population = 3}).failure().message
        == "ga: population is 3, must be 4 to 65536");
  CHECK(validate(genetic_algorithm_options{.blx_alpha = 3}).failure().message
        == "ga: blx_alpha is 3, must be 0 to 2");
  CHECK_FALSE(validate(genetic_algorithm_options{.elites = 21}));
  CHECK_FALSE(validate(genetic_algorithm_options{.tournament_size = 0}));
  CHECK_FALSE(validate(genetic_algorithm_options{.truncation = 0}));
  CHECK_FALSE(
      validate(genetic_algorithm_options{.initial_step = std::nan("")}));
}

TEST_SUITE_END();
