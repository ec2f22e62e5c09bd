#include "scheduling/fragmentation.hpp"

#include <doctest/doctest.h>

using namespace skerry;
using namespace skerry::literals;

TEST_SUITE_BEGIN("scheduling/fragmentation");

namespace {

task_shape task(millicores cpu, std::int32_t gpus, std::int32_t share = 0,
                std::vector<std::string> models = {}) {
  task_shape out{.demand = {cpu, 1_GiB}};
  if (gpus > 0)
    out.devices = {{.count = gpus, .share_milli = share, .models = models}};
  return out;
}

node_spec two_gpus(std::string name, std::string first, std::string second) {
  return {.name = std::move(name),
          .capacity = {8_cores, 64_GiB},
          .devices
          = {{.model = std::move(first)}, {.model = std::move(second)}}};
}

} // namespace

TEST_CASE("typical classes are the most frequent up to 95 %, larger first") {
  std::vector<task_shape> tasks;
  tasks.insert(tasks.end(), 10, task(1_cores, 0));
  tasks.insert(tasks.end(), 10, task(2_cores, 1, 500));
  tasks.insert(tasks.end(), 19, task(4_cores, 1));
  tasks.insert(tasks.end(), 1, task(8_cores, 2)); // Beyond 95 % of 40.
  const auto classes = typical_classes(tasks);
  REQUIRE(classes.size() == 3);
  CHECK(classes[0].gpu_milli == 1000);
  CHECK(classes[0].frequency == doctest::Approx(19.0 / 39));
  // Of the two that come ten times, (2000, 500, 1) is the larger tuple.
  CHECK(classes[1].cpu_millicores == 2000);
  CHECK(classes[2].gpus == 0);
  CHECK(typical_classes({}).empty());
}

TEST_CASE("F is the free milli that the expected tasks cannot use") {
  cluster nodes;
  const auto a = *nodes.add_node(two_gpus("a", "A100", "A100"));
  fragmentation_table table{{
      {.cpu_millicores = 1000, .frequency = 0.25},
      {.cpu_millicores = 2000, .gpus = 1, .gpu_milli = 500, .frequency = 0.5},
      {.cpu_millicores = 6000, .gpus = 2, .gpu_milli = 1000, .frequency = 0.25},
  }};
  // Idle: only the class without GPU spoils 2000 milli.
  auto state = table.state_of(nodes, a);
  CHECK(table.value(state, 8000) == doctest::Approx(0.25 * 2000));
  // With 5 cores the pair of GPUs cannot be used either.
  CHECK(table.value(state, 5000) == doctest::Approx(0.25 * 2000 + 0.25 * 2000));
  CHECK(table.value(state, 1999) == doctest::Approx(2000));
  // One GPU has 400 left: too little for a share of 500.
  const auto share = *nodes.intern(task(1_cores, 1, 600));
  REQUIRE(nodes.take(a, share, 0b1));
  state = table.state_of(nodes, a);
  CHECK(table.value(state, 8000)
        == doctest::Approx(0.25 * 1400 + 0.5 * 400 + 0.25 * 1400));
}

TEST_CASE("a class of other models spoils all that is free") {
  cluster nodes;
  const auto a = *nodes.add_node(two_gpus("a", "A100", "T4"));
  fragmentation_table table{
      {{.gpus = 1, .gpu_milli = 500, .models = {"V100"}, .frequency = 0.5},
       {.gpus = 2, .gpu_milli = 1000, .models = {"T4"}, .frequency = 0.5}}};
  // No V100 at all, and one T4 is not two.
  CHECK(table.value(table.state_of(nodes, a), 8000) == doctest::Approx(2000));
}

TEST_CASE("states are known by what is free, not by where, if GPUs are alike") {
  cluster nodes;
  const auto alike = *nodes.add_node(two_gpus("a", "A100", "A100"));
  const auto other = *nodes.add_node(two_gpus("b", "A100", "A100"));
  const auto mixed = *nodes.add_node(two_gpus("c", "A100", "T4"));
  const auto share = *nodes.intern(task(1_cores, 1, 600));
  fragmentation_table table{{{.gpus = 1, .gpu_milli = 500, .frequency = 1}}};
  CHECK(table.state_of(nodes, alike) == table.state_of(nodes, other));
  CHECK(table.state_of(nodes, alike) != table.state_of(nodes, mixed));
  const auto& shape = nodes.shape(share);
  CHECK(table.outcomes(nodes, shape, alike, table.state_of(nodes, alike)).size()
        == 1);
  CHECK(table.outcomes(nodes, shape, mixed, table.state_of(nodes, mixed)).size()
        == 2);
  REQUIRE(nodes.take(alike, share, 0b01));
  REQUIRE(nodes.take(other, share, 0b10));
  CHECK(table.state_of(nodes, alike) == table.state_of(nodes, other));
}

TEST_SUITE_END();
