#include "simulation/statistics.hpp"

#include <array>
#include <cmath>
#include <vector>

#include <doctest/doctest.h>

using namespace skerry;

TEST_SUITE_BEGIN("simulation/statistics");

TEST_CASE("no values make an empty distribution") {
  CHECK(distribution_of({}) == distribution{});
}

TEST_CASE("quantiles are values that occur, by nearest rank") {
  // Ranks ceil(0.5 * 4) = 2 and ceil(0.99 * 4) = 4.
  CHECK(distribution_of({4, 1, 3, 2}) == distribution{4, 2.5, 2, 4, 4});
  std::vector<double> values;
  for (int i = 1; i <= 200; ++i)
    values.push_back(i);
  // Ranks 100 and 198.
  CHECK(distribution_of(values) == distribution{200, 100.5, 100, 198, 200});
}

TEST_CASE("the interval is Student's") {
  // Squares 4 + 1 + 0 + 1 + 4 = 10, variance 10 / 4; 2.776 * sqrt(2.5 / 5).
  const std::array values{1.0, 2.0, 3.0, 4.0, 5.0};
  const auto interval = mean_interval_of(values);
  CHECK(interval.count == 5);
  CHECK(interval.mean == 3);
  CHECK(interval.half_width == doctest::Approx(1.9629));
}

TEST_CASE("one run says nothing about the spread") {
  const auto interval = mean_interval_of(std::array{7.0});
  CHECK(interval.mean == 7);
  CHECK(std::isinf(interval.half_width));
}

TEST_CASE("many runs approach the normal quantile") {
  // Variance of 0, 1, 0, 1, ... is n / 4 / (n - 1): 0.251678 for 150; the
  // quantile for 149 degrees is 1.976.
  std::vector<double> values(150);
  for (std::size_t i = 1; i < values.size(); i += 2)
    values[i] = 1;
  CHECK(mean_interval_of(values).half_width
        == doctest::Approx(1.976 * std::sqrt(0.251678 / 150)).epsilon(0.001));
}

TEST_CASE("a paired difference leaves out what runs have in common") {
  const auto difference = paired_difference(std::array{11.0, 22.0, 33.0},
                                            std::array{10.0, 20.0, 30.0});
  // 1, 2, 3: mean 2, variance 1; 4.303 / sqrt(3).
  CHECK(difference.mean == 2);
  CHECK(difference.half_width == doctest::Approx(2.4843).epsilon(0.0001));
}

TEST_SUITE_END();
