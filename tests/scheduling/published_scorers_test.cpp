#include "scheduling/published_scorers.hpp"

#include <array>

#include <doctest/doctest.h>

using namespace skerry;
using namespace skerry::literals;

TEST_SUITE_BEGIN("scheduling/published_scorers");

namespace {

/// A node of 64 cores and 4 GPUs, and tasks on it.
struct fixture {
  fixture() {
    node_spec spec{.name = "a", .capacity = {64_cores, 256_GiB}};
    spec.devices.assign(4, {});
    node = *nodes.add_node(spec);
  }

  shape_id whole(std::int32_t gpus) {
    return *nodes.intern(
        {.demand = {8_cores, 1_GiB}, .devices = {{.count = gpus}}});
  }
  shape_id share(std::int32_t milli) {
    return *nodes.intern(
        {.demand = {8_cores, 1_GiB}, .devices = {{.share_milli = milli}}});
  }
  shape_id cpu_only() { return *nodes.intern({.demand = {8_cores, 1_GiB}}); }

  void take(shape_id shape, device_mask devices) {
    REQUIRE(nodes.take(node, shape, devices));
  }

  template <class Scorer>
  score_t score(shape_id shape) {
    Scorer by;
    const std::array which{node};
    std::array<score_t, 1> out{};
    by.score(nodes, nodes.shape(shape), which, out);
    return out[0];
  }

  cluster nodes;
  node_index node{};
};

} // namespace

TEST_CASE_FIXTURE(fixture, "best-fit counts what is left of CPU and GPU") {
  // 100 - 50 (64000-8000)/128000 - 50 (4000-2000)/8000
  //   = 100 - 21.875 - 12.5 = 65.625, truncated
  CHECK(score<best_fit>(whole(2)) == 65);
  // 100 - 21.875 - 50 (4000-500)/8000 = 100 - 21.875 - 21.875 = 56.25
  CHECK(score<best_fit>(share(500)) == 56);
  CHECK(score<best_fit>(whole(5)) == infeasible_score);
}

TEST_CASE_FIXTURE(fixture, "dot-product prefers nodes unlike the task") {
  // 100 - 50 (64000 x 8000/128000^2 + 4000 x 2000/8000^2)
  //   = 100 - 50 (0.03125 + 0.125) = 92.1875
  CHECK(score<dot_product>(whole(2)) == 92);
  // Without GPUs: 100 - 50 x 0.03125 = 98.4375
  CHECK(score<dot_product>(cpu_only()) == 98);
}

TEST_CASE_FIXTURE(fixture, "gpu-packing fills used GPUs, then used nodes") {
  CHECK(score<gpu_packing>(cpu_only()) == 0);
  CHECK(score<gpu_packing>(whole(2)) == 29); // All idle: max(33 - 4, 4).
  take(share(300), 0b1);
  CHECK(score<gpu_packing>(whole(2)) == 48); // Opens two: max(50 - 2, 33).
  // The used GPU has 700 left, 70 %: max(100 - 70/10, 50).
  CHECK(score<gpu_packing>(share(500)) == 93);
  CHECK(score<gpu_packing>(share(800)) == 49); // Opens one.
}

TEST_CASE_FIXTURE(fixture, "gpu-clustering puts like beside like") {
  CHECK(score<gpu_clustering>(cpu_only()) == 0);
  // 4 of 8 GPUs' worth are not there: 25 x 4000/8000 = 12; empty: + 25.
  CHECK(score<gpu_clustering>(share(500)) == 37);
  take(share(300), 0b1);
  // 25 x 4300/8000 = 13.4; runs only shares: + 75.
  CHECK(score<gpu_clustering>(share(500)) == 88);
  CHECK(score<gpu_clustering>(whole(1)) == 13); // Runs only others.
  take(whole(2), 0b110);
  // 25 x 6300/8000 = 19.7; runs shares and pairs: + 50 for either.
  CHECK(score<gpu_clustering>(share(500)) == 69);
  CHECK(score<gpu_clustering>(whole(1)) == 19);
}

TEST_SUITE_END();
