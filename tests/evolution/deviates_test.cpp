#include "evolution/deviates.hpp"

#include <cmath>
#include <set>
#include <vector>

#include <doctest/doctest.h>

using namespace skerry;

TEST_SUITE_BEGIN("evolution/deviates");

TEST_CASE("logarithm and exponential agree with the library's") {
  constexpr auto two_ulp = 4.5e-16;
  rng random{1};
  for (int i = 0; i < 100'000; ++i) {
    const auto x = std::ldexp(1 + random.uniform(),
                              static_cast<int>(random.below(2000)) - 1000);
    const auto log = std::log(x);
    REQUIRE(std::abs(portable_log(x) - log) <= two_ulp * std::abs(log));
    const auto y = 1400 * random.uniform() - 700;
    const auto exp = std::exp(y);
    REQUIRE(std::abs(portable_exp(y) - exp) <= two_ulp * exp);
  }
  // Near 1, where the logarithm itself is small.
  for (const auto x : {1 - 1e-15, 1 + 1e-15, 1 - 1e-9, 1 + 1e-5})
    CHECK(portable_log(x) == doctest::Approx(std::log(x)).epsilon(1e-15));
  CHECK(portable_log(1) == 0);
  CHECK(portable_exp(0) == 1);
  CHECK(portable_exp(-800) == 0);
  CHECK(std::isfinite(portable_exp(1e300)));
}

TEST_CASE("normal deviates have the moments and tails of N(0, 1)") {
  std::vector<double> drawn(1'000'001); // Odd: the last one has no pair.
  rng random{2};
  draw_normals(drawn, random);
  double sum = 0;
  double squares = 0;
  double fourth = 0;
  double beyond_two = 0;
  for (const auto x : drawn) {
    sum += x;
    squares += x * x;
    fourth += x * x * x * x;
    beyond_two += std::abs(x) > 2 ? 1 : 0;
  }
  const auto n = static_cast<double>(drawn.size());
  // Within four standard errors: 1/sqrt(n), sqrt(2/n), sqrt(96/n).
  CHECK(std::abs(sum / n) < 0.004);
  CHECK(std::abs(squares / n - 1) < 0.006);
  CHECK(std::abs(fourth / n - 3) < 0.04);
  CHECK(std::abs(beyond_two / n - 0.0455) < 0.0009);
}

TEST_CASE("the first deviates of a seed are the same everywhere") {
  std::vector<double> drawn(3);
  rng random{42};
  draw_normals(drawn, random);
  CHECK(drawn
        == std::vector{0x1.4b37d0b4daa8fp+0, 0x1.68f438d8aec29p-1,
                       0x1.978762f4a05dcp-2});
}

TEST_CASE("streams differ by seed, stream and substream") {
  std::set<std::uint64_t> seen;
  for (std::uint64_t seed = 0; seed < 20; ++seed)
    for (std::uint64_t stream = 0; stream < 20; ++stream)
      for (std::uint64_t substream = 0; substream < 20; ++substream)
        seen.insert(derive_seed(seed, stream, substream));
  CHECK(seen.size() == 8000);
}

TEST_SUITE_END();
