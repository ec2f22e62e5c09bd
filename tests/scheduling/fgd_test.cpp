#include "scheduling/fgd.hpp"

#include <array>

#include <doctest/doctest.h>

using namespace skerry;
using namespace skerry::literals;

TEST_SUITE_BEGIN("scheduling/fgd");

namespace {

/// Expects shares of 500 milli and whole GPUs, half and half.
const std::vector<typical_class> expected{
    {.gpus = 1, .gpu_milli = 500, .frequency = 0.5},
    {.gpus = 1, .gpu_milli = 1000, .frequency = 0.5}};

score_t score(fgd& by, const cluster& nodes, shape_id shape, node_index node) {
  const std::array which{node};
  std::array<score_t, 1> out{};
  by.score(nodes, nodes.shape(shape), which, out);
  return out[0];
}

} // namespace

TEST_CASE("the score is the sigmoid of the fall of fragmentation") {
  cluster nodes;
  const auto a = *nodes.add_node(
      {.name = "a", .capacity = {8_cores, 64_GiB}, .devices = {{}, {}}});
  fgd by{expected};
  // Both GPUs idle: F = 0. After a share of 500 the whole GPU cannot use the
  // 500 that are left: F = 0.5 x 500 = 250; 100/(1 + exp(0.25)) = 43.78.
  const auto half = *nodes.intern({.devices = {{.share_milli = 500}}});
  CHECK(score(by, nodes, half, a) == 43);
  // After a share of 600: 400 are of no use to either: 100/(1 + exp(0.4)).
  const auto more = *nodes.intern({.devices = {{.share_milli = 600}}});
  CHECK(score(by, nodes, more, a) == 40);
  // A whole GPU leaves nothing behind: 50.
  const auto whole = *nodes.intern({.devices = {{}}});
  CHECK(score(by, nodes, whole, a) == 50);
}

TEST_CASE("a share goes to the GPU where it does least harm") {
  cluster nodes;
  const auto a = *nodes.add_node({.name = "a",
                                  .capacity = {8_cores, 64_GiB},
                                  .devices = {{}, {}, {.kind = "fpga"}}});
  const auto half = *nodes.intern({.devices = {{.share_milli = 500}}});
  fgd by{expected};
  const auto& shape = nodes.shape(half);
  CHECK(by.choose_devices(nodes, shape, a) == 0b001); // A tie: the lowest.
  REQUIRE(nodes.take(a, half, 0b010));
  // The second GPU is fragmented already; filling it mends that.
  CHECK(by.choose_devices(nodes, shape, a) == 0b010);
  // Other devices are chosen beside the GPU.
  const auto both
      = *nodes.intern({.devices = {{.share_milli = 500}, {.kind = "fpga"}}});
  CHECK(by.choose_devices(nodes, nodes.shape(both), a) == 0b110);
}

TEST_SUITE_END();
