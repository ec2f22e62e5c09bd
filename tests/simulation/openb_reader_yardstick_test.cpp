#include "simulation/openb_reader.hpp"
#include "tests/yardsticks.hpp"

#include <array>
#include <numeric>
#include <string>

#include <doctest/doctest.h>

using namespace skerry;

TEST_SUITE_BEGIN("simulation/openb_reader_yardstick");

TEST_CASE("the published lists and orders are read whole") {
  const auto root = testing::find_yardsticks();
  if (!root)
    return;
  const auto openb = *root / "openb";
  const auto nodes
      = read_openb_nodes(openb / "openb_node_list_gpu_node.csv.gz");
  REQUIRE(nodes);
  CHECK(nodes->size() == 1213);
  CHECK(std::accumulate(
            nodes->begin(), nodes->end(), 0,
            [](int sum, const openb_node& node) { return sum + node.gpus; })
        == 6212);

  struct published_list {
    std::string name;
    std::size_t pods;     ///< Lines of the list without its header.
    std::size_t arrivals; ///< Lines of the order with a value for seed 42.
  };
  const std::array lists{published_list{"cpu100", 7853, 10504},
                         published_list{"default", 8152, 10866},
                         published_list{"gpuspec25", 8152, 10866},
                         published_list{"multigpu40", 8746, 7435}};
  for (const auto& list : lists) {
    const auto& name = list.name;
    CAPTURE(name);
    const auto pods = read_openb_pods(
        openb / ("lists/openb_pod_list_" + name + ".csv.gz"), *nodes);
    REQUIRE(pods);
    CHECK(pods->size() == list.pods);
    const auto arrivals = read_openb_arrivals(
        openb / ("orders/order_" + name + ".csv.gz"), 42, pods->size());
    REQUIRE(arrivals);
    CHECK(arrivals->size() == list.arrivals);
    const auto ranks = read_openb_tie_order(
        openb / ("orders/nodeprio_" + name + ".csv.gz"), 46, *nodes);
    REQUIRE(ranks);
    CHECK(ranks->size() == 1213);
  }
}

TEST_SUITE_END();
