#include "simulation/departures_track.hpp"
#include "tests/yardsticks.hpp"

#include <string_view>
#include <vector>

#include <doctest/doctest.h>

using namespace skerry;

TEST_SUITE_BEGIN("simulation/departures_yardstick");

// Nothing is published. A prototype measured 6.2 % pending GPU under fgd, 7.4
// under first-fit and 8.9 under best-fit, on other streams of random numbers;
// here they are 6.9, 7.6 and 9.2.
TEST_CASE("fgd leaves less pending than first-fit, and that than best-fit") {
  const auto root = testing::find_yardsticks();
  if (!root)
    return;
  const auto nodes
      = read_openb_nodes(*root / "openb/openb_node_list_gpu_node.csv.gz");
  REQUIRE(nodes);
  const auto pods = read_openb_pods(
      *root / "openb/lists/openb_pod_list_default.csv.gz", *nodes);
  REQUIRE(pods);
  constexpr std::uint64_t seeds = 5;
  const auto mean_pending = [&](std::string_view policy) {
    double sum = 0;
    for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
      const auto report = run_departures_track(*nodes, *pods, policy, seed, {},
                                               placement_search::index, {});
      REQUIRE(report);
      CHECK(report->nodes == 405); // ceil(1213 / 3)
      CHECK(report->never_ran == 897);
      sum += report->pending_gpu_percent;
    }
    return sum / seeds;
  };
  const auto fgd = mean_pending("fgd");
  const auto first_fit = mean_pending("first-fit");
  const auto best_fit = mean_pending("best-fit");
  CAPTURE(fgd);
  CAPTURE(first_fit);
  CAPTURE(best_fit);
  CHECK(fgd < first_fit);
  CHECK(first_fit < best_fit);
  CHECK(fgd == doctest::Approx(6.2).epsilon(0.3));
  CHECK(first_fit == doctest::Approx(7.4).epsilon(0.3));
  CHECK(best_fit == doctest::Approx(8.9).epsilon(0.3));
}

TEST_SUITE_END();
