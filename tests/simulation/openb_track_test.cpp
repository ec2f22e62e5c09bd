#include "simulation/openb_track.hpp"

#include <doctest/doctest.h>

using namespace skerry;

TEST_SUITE_BEGIN("simulation/openb_track");

namespace {

/// Two nodes of one GPU each, 2000 milli in all.
openb_workload two_nodes(std::vector<openb_pod> pods,
                         std::vector<std::uint32_t> arrivals) {
  return {.nodes = {{"a", 8000, 1024, 1, "T4"}, {"b", 8000, 1024, 1, "T4"}},
          .pods = std::move(pods),
          .arrivals = std::move(arrivals),
          .tie_order = {1, 0}}; // b wins ties.
}

const openb_pod half{"half", 1000, 1, 1, 500};
const openb_pod whole{"whole", 1000, 1, 1, 1000};

} // namespace

TEST_CASE("ties go to the smaller rank, and what does not fit is dropped") {
  const auto workload = two_nodes({half, whole}, {0, 1, 1, 0, 0});
  const auto report
      = *run_openb_track(workload, "first-fit", 1, placement_search::index, {});
  CHECK(decisions_csv(workload, report)
        == "arrival,pod,node,devices\n"
           "0,half,b,0\n"
           "1,whole,a,0\n"
           "2,whole,,\n"
           "3,half,b,0\n"
           "4,half,,\n");
  CHECK(report.placed == 3);
  CHECK(report.failed == 2);
}

TEST_CASE("allocation is averaged over the arrivals that round to a load") {
  // Arrived 50, 100, 150 %; of 20 pods of 10 milli nothing fits any more.
  const openb_pod sliver{"sliver", 1000, 1, 1, 10};
  const auto workload = two_nodes({whole, sliver}, {0, 0, 1, 0});
  const auto report
      = *run_openb_track(workload, "first-fit", 1, placement_search::index, {});
  // 100 % and 100.5 % arrived: the first rounds to 100, the second to 101.
  const auto& at = report.allocated_gpu_percent;
  CHECK_FALSE(at[0]); // No arrival rounds to 80.
  CHECK(at[3] == doctest::Approx(100));
  CHECK_FALSE(at[6]); // 150.5 is not 130.
}

TEST_CASE("a pod that no node could ever run is dropped, not an error") {
  const openb_pod large{"large", 9000, 1, 0, 0};
  const auto report = *run_openb_track(two_nodes({large}, {0}), "fgd", 1,
                                       placement_search::index, {});
  CHECK(report.failed == 1);
}

TEST_SUITE_END();
