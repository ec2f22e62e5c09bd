#include "evolution/deviates.hpp"
#include "evolution/diagonal_cma_es.hpp"
#include "tests/evolution/search_fixture.hpp"

#include <algorithm>
#include <cmath>

#include <doctest/doctest.h>

using namespace skerry;
using namespace skerry::testing;

TEST_SUITE_BEGIN("evolution/diagonal_cma_es");

namespace {

/// The most evaluations that any of the seeds needed.
std::uint64_t worst_of(test_function which, std::size_t dimension,
                       std::uint64_t seeds, std::uint64_t budget,
                       const diagonal_cma_es_options& options = {}) {
  std::uint64_t worst = 0;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    const shifted_function of{which, dimension, seed};
    diagonal_cma_es search{options, of.space(), seed};
    worst = std::max(worst, evaluations_until(1e-9, search, of, budget));
  }
  return worst;
}

} // namespace

// Ros and Hansen report about 10^3 evaluations on the sphere and 3 x 10^3 on
// the separable ellipsoid in ten dimensions, and a few times 10^4 on
// Rosenbrock's function, for one run from 1 to 10^-9.

TEST_CASE("the sphere is solved from every seed") {
  CHECK(worst_of(test_function::sphere, 10, 30, 100'000) < 2'500);
  CHECK(worst_of(test_function::sphere, 40, 10, 100'000) < 8'000);
}

TEST_CASE("scales that differ a thousandfold are learnt") {
  // With isotropic steps alone, it takes a million.
  CHECK(worst_of(test_function::ellipsoid, 10, 30, 100'000) < 5'000);
  CHECK(worst_of(test_function::ellipsoid, 40, 10, 100'000) < 20'000);
}

TEST_CASE("Rosenbrock's valley is followed to its end") {
  CHECK(worst_of(test_function::rosenbrock, 8, 20, 400'000) < 200'000);
}

TEST_CASE("restarts with larger populations find the best of many valleys") {
  CHECK(worst_of(test_function::rastrigin, 5, 20, 400'000) < 200'000);
}

TEST_CASE("an optimum on the bounds is found, and no genome is outside") {
  struct corner final : problem {
    search_space where = cube(6, -1, 3);
    const search_space& space() const override { return where; }
    double cost(std::span<const double> genes, std::uint64_t) const override {
      double sum = 0;
      for (const auto gene : genes)
        sum += gene; // Least at the corner, -6.
      return sum;
    }
  } of;
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    diagonal_cma_es search{{.initial_step = 5}, of.space(), seed};
    for (int generation = 0; generation < 300; ++generation) {
      for (const auto& genes : search.ask())
        REQUIRE(check_genome(of.space(), genes));
      advance(search, of);
    }
    CHECK(search.best().cost < -6 + 1e-6);
  }
}

TEST_CASE("noise leaves the mean near the optimum") {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    const shifted_function of{test_function::sphere, 10, seed, 1};
    diagonal_cma_es search{{.population = 40}, of.space(), seed};
    for (std::uint64_t generation = 0; generation < 150; ++generation)
      advance(search, of, generation);
    // Uniform genomes have 150 or so: noise of 1 hides the last bit only.
    CHECK(of.value(search.proposals().front()) < 3);
  }
}

TEST_CASE("the first generation holds every starting point") {
  auto space = cube(3, -5, 5);
  space.starting_points = {{1, 2, 3}, {-1, 0, 1}, {4, 4, 4}};
  diagonal_cma_es search{{.population = 8, .first_start = 1}, space, 1};
  const auto asked = search.ask();
  for (const auto& start : space.starting_points)
    CHECK(std::ranges::count(asked, start) == 1);
  CHECK(asked.front() == space.starting_points[1]);
}

TEST_CASE("a good migrant draws the search to it, a far one not at once") {
  const shifted_function of{test_function::sphere, 20, 7};
  diagonal_cma_es search{{}, of.space(), 1};
  for (int generation = 0; generation < 100; ++generation)
    advance(search, of);
  const auto before = std::get<diagonal_cma_es_state>(search.state().of);
  const auto spread_before = search.diversity();
  // Far from where the search has got to, but better, as it believes.
  auto far = before.mean;
  for (std::size_t gene = 0; gene < far.size(); ++gene)
    far[gene] = mirrored(far[gene] + 4, -5, 5);
  search.inject({&far, 1}, migrant_replacement::if_better);
  auto costs = std::vector<double>(search.ask().size(), 1001);
  costs.back() = 1000;
  search.tell(costs);
  const auto after = std::get<diagonal_cma_es_state>(search.state().of);
  double moved = 0;
  for (std::size_t gene = 0; gene < far.size(); ++gene)
    moved += std::pow((after.mean[gene] - before.mean[gene]), 2)
             / before.variances[gene];
  // Less than the longest step, sqrt(20) + 40 / 22 = 6.29 deviations.
  CHECK(std::sqrt(moved) / before.step < 6.29);
  CHECK(std::sqrt(moved) / before.step > 1);
  // One step lengthens by at most e, the covariance by a bounded share.
  CHECK(search.diversity() < 6 * spread_before);
  CHECK(search.best().genes == before.search.best.genes);
}

TEST_CASE("a plateau does not stop the search") {
  const auto space = cube(4, -5, 5);
  diagonal_cma_es search{{}, space, 1};
  for (int generation = 0; generation < 500; ++generation) {
    const auto asked = search.ask().size();
    search.tell(std::vector<double>(asked, 1));
  }
  CHECK(search.restarts() > 0);
  CHECK(search.diversity() > 0);
}

TEST_CASE("costs that are no numbers count as the worst") {
  const auto space = cube(4, -5, 5);
  diagonal_cma_es search{{}, space, 1};
  auto costs = std::vector<double>(search.ask().size(), std::nan(""));
  costs[3] = 5;
  const auto good = search.ask()[3];
  search.tell(costs);
  CHECK(search.best() == candidate{good, 5});
  CHECK(search.members().front().genes == good);
}

TEST_CASE("options out of range are refused by name") {
  CHECK(validate(diagonal_cma_es_options{}));
  CHECK(validate(diagonal_cma_es_options{.population = 3}).failure().message
        == "cma-es: population is 3, must be 4 to 65536, or 0");
  CHECK_FALSE(validate(diagonal_cma_es_options{.initial_step = 0}));
  CHECK_FALSE(validate(diagonal_cma_es_options{.initial_step = std::nan("")}));
  CHECK_FALSE(validate(diagonal_cma_es_options{.restart_growth = 0.5}));
  CHECK_FALSE(validate(diagonal_cma_es_options{.largest_growth = 1001}));
  CHECK_FALSE(validate(diagonal_cma_es_options{.tolerance = -1}));
}

TEST_SUITE_END();
