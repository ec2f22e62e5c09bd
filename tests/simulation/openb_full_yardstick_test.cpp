#include "tests/simulation/openb_yardstick.hpp"
#include "tests/yardsticks.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <map>
#include <string>

#include <doctest/doctest.h>

using namespace skerry;
using namespace skerry::testing;

namespace {

constexpr std::array lists{"default",    "cpu100",     "cpu250",
                           "gpushare40", "gpushare80", "gpuspec10",
                           "gpuspec25",  "multigpu20", "multigpu40"};
constexpr std::array<std::uint64_t, 5> seeds{42, 43, 44, 45, 46};

double furthest(const published_row& off) {
  double most = 0;
  for (const auto value : off)
    most = std::max(most, std::abs(value));
  return most;
}

} // namespace

TEST_SUITE_BEGIN("simulation/openb_full_yardstick");

TEST_CASE("every published value is met to the digit") {
  const auto root = find_yardsticks();
  if (!root)
    return;
  const auto published = read_published(*root);
  for (const std::string list : lists)
    for (const auto seed : seeds) {
      const auto workload = read_openb_yardstick(*root, list, seed);
      for (const std::string policy : {"best-fit", "dot-product", "gpu-packing",
                                       "gpu-clustering", "fgd"}) {
        CAPTURE(list);
        CAPTURE(policy);
        CAPTURE(seed);
        CHECK(furthest(deviation_from_published(
                  workload, policy, seed, published.at({list, policy, seed})))
              <= to_the_digit);
      }
    }
}

TEST_SUITE_END();
