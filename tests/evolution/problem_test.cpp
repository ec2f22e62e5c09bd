#include "evolution/problem.hpp"
#include "evolution/test_functions.hpp"

#include <cmath>
#include <limits>

#include <doctest/doctest.h>

using namespace skerry;

TEST_SUITE_BEGIN("evolution/problem");

TEST_CASE("a genome from elsewhere is looked at gene by gene") {
  const auto space = cube(3, -1, 1);
  CHECK(check_genome(space, genome{-1, 0, 1}));
  const auto why = [&](const genome& genes) {
    return check_genome(space, genes).failure().message;
  };
  CHECK(why({0, 0}) == "2 genes instead of 3");
  CHECK(why({0, 0, 0, 0}) == "4 genes instead of 3");
  CHECK(why({0, std::nan(""), 0}) == "gene 1 is nan");
  CHECK(why({0, 0, std::numeric_limits<double>::infinity()})
        == "gene 2 is inf");
  CHECK(why({-1.5, 0, 0}) == "gene 0 is -1.5, not in -1 to 1");
  CHECK_FALSE(check_genome(space, genome{0, 0, std::nextafter(1.0, 2.0)}));
}

TEST_CASE("a space that cannot be searched is refused") {
  CHECK(validate(cube(2, 0, 1)));
  CHECK(validate(search_space{}).failure().message
        == "0 genes, must be 1 to 100000");
  auto space = cube(2, 0, 1);
  space.upper[1] = 0;
  CHECK(validate(space).failure().message
        == "gene 1: bounds 0 and 0 are no finite range");
  space = cube(2, 0, 1);
  space.scale[0] = 2;
  CHECK(validate(space).failure().message
        == "gene 0: scale 2 is not in 0 to 1");
  space = cube(2, 0, 1);
  space.scale.pop_back();
  CHECK_FALSE(validate(space));
  space = cube(2, 0, 1);
  space.lower[0] = -std::numeric_limits<double>::infinity();
  CHECK_FALSE(validate(space));
  space = cube(2, 0, 1);
  space.starting_points = {{0, 0}, {0, 2}};
  CHECK(validate(space).failure().message
        == "starting point 1: gene 1 is 2, not in 0 to 1");
}

TEST_CASE("a mirror folds the line into the bounds") {
  CHECK(mirrored(0.5, 0, 1) == 0.5);
  CHECK(mirrored(1.25, 0, 1) == 0.75);
  CHECK(mirrored(-0.25, 0, 1) == 0.25);
  CHECK(mirrored(2.25, 0, 1) == 0.25); // Back and forth.
  CHECK(mirrored(-7.5, -1, 3) == doctest::Approx(-0.5 + 1));
  for (const auto far : {1e300, -1e300, 1e17})
    CHECK(check_genome(cube(1, -1, 3), genome{mirrored(far, -1, 3)}));
}

TEST_CASE("test functions are 0 at their optimum, above elsewhere") {
  for (const auto which : {test_function::sphere, test_function::ellipsoid,
                           test_function::rosenbrock, test_function::rastrigin})
    for (std::uint64_t seed = 1; seed < 5; ++seed) {
      const shifted_function of{which, 5, seed};
      REQUIRE(validate(of.space()));
      CHECK(check_genome(of.space(), of.optimum()));
      CHECK(of.cost(of.optimum(), 0) == 0);
      CHECK(of.cost(genome(5, 0.0), 0) > 0);
    }
}

TEST_CASE("noise depends on genome and scenario, and has its size") {
  const shifted_function of{test_function::sphere, 3, 1, 2};
  CHECK(of.cost(of.optimum(), 1) == of.cost(of.optimum(), 1));
  CHECK(of.cost(of.optimum(), 1) != of.cost(of.optimum(), 2));
  double squares = 0;
  for (std::uint64_t scenario = 0; scenario < 2000; ++scenario)
    squares += std::pow(of.cost(of.optimum(), scenario), 2) / 2000;
  CHECK(squares == doctest::Approx(4).epsilon(0.15));
}

TEST_SUITE_END();
