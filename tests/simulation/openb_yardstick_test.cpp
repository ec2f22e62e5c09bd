#include "tests/simulation/openb_yardstick.hpp"
#include "tests/yardsticks.hpp"

#include <cmath>
#include <string>

#include <doctest/doctest.h>

using namespace skerry;
using namespace skerry::testing;

TEST_SUITE_BEGIN("simulation/openb_yardstick");

// Two lists and two seeds; openb_full_yardstick_test.cpp runs all of them.
TEST_CASE("the published policies give the published allocation") {
  const auto root = find_yardsticks();
  if (!root)
    return;
  const auto published = read_published(*root);
  for (const std::string list : {"default", "gpuspec25"})
    for (const std::uint64_t seed : {42U, 43U}) {
      const auto workload = read_openb_yardstick(*root, list, seed);
      for (const std::string policy : {"best-fit", "dot-product", "gpu-packing",
                                       "gpu-clustering", "fgd"}) {
        const auto off = deviation_from_published(
            workload, policy, seed, published.at({list, policy, seed}));
        for (std::size_t i = 0; i < off.size(); ++i) {
          CAPTURE(list);
          CAPTURE(policy);
          CAPTURE(seed);
          CAPTURE(openb_loads[i]);
          CHECK(std::abs(off[i]) <= to_the_digit);
        }
      }
    }
}

TEST_CASE("index and scan decide alike, arrival by arrival") {
  const auto root = find_yardsticks();
  if (!root)
    return;
  // gpuspec25 has the most shapes: 427.
  const auto workload = read_openb_yardstick(*root, "gpuspec25", 44);
  for (const auto policy : placement_policy_names()) {
    CAPTURE(policy);
    const auto by_index
        = run_openb_track(workload, policy, 1, placement_search::index, {});
    const auto by_scan
        = run_openb_track(workload, policy, 1, placement_search::scan, {});
    REQUIRE(by_index);
    REQUIRE(by_scan);
    CHECK(by_index->placed > 5000);
    CHECK(decisions_csv(workload, *by_index)
          == decisions_csv(workload, *by_scan));
  }
}

TEST_SUITE_END();
