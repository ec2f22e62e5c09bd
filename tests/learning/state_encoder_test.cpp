#include "learning/state_encoder.hpp"
#include "scheduling/rng.hpp"
#include "scheduling/scorer.hpp"

#include <cmath>
#include <string>
#include <tuple>
#include <vector>

#include <doctest/doctest.h>

using namespace skerry;

TEST_SUITE_BEGIN("learning/state_encoder");

namespace {

float of(const state_values& values, state_feature feature) {
  return values[static_cast<std::size_t>(feature)];
}

node_spec machine(const std::string& name, int cores, int gpus) {
  node_spec out{.name = name,
                .capacity = {millicores{cores * 1000}, bytes{64LL << 30}}};
  out.devices.resize(static_cast<std::size_t>(gpus));
  return out;
}

task_shape asks(int cores, int gpus, int share_milli = 0) {
  task_shape out{.demand = {millicores{cores * 1000}, bytes{8LL << 30}}};
  if (gpus > 0)
    out.devices.push_back({.count = gpus, .share_milli = share_milli});
  return out;
}

} // namespace

TEST_CASE("the cluster and the task are described as the table says") {
  cluster nodes;
  const auto a = nodes.add_node(machine("a", 16, 8)).value();
  const auto b = nodes.add_node(machine("b", 16, 0)).value();
  const auto whole = nodes.intern(asks(4, 3)).value();
  const auto share = nodes.intern(asks(2, 1, 250)).value();
  const auto plain = nodes.intern(asks(10, 0)).value();
  REQUIRE(nodes.take(a, whole, 0b111));
  REQUIRE(nodes.take(a, share, 0b1000));
  REQUIRE(nodes.take(b, plain, 0));
  state_encoder encoder{nodes};
  encoder.follow();
  const auto state
      = encoder.encode(nodes.shape(share), {.wait_seconds = 1023,
                                            .expected_run_seconds = 3,
                                            .attempt = 2,
                                            .priority = -100,
                                            .tasks_running = 3,
                                            .tasks_pending = 0});
  CHECK(of(state, state_feature::cpu_allocated) == 0.5F); // 16 of 32 cores.
  CHECK(of(state, state_feature::gpu_allocated) == 3.25F / 8);
  CHECK(of(state, state_feature::gpus_idle) == 0.5F);
  CHECK(of(state, state_feature::gpus_shared) == 0.125F);
  CHECK(of(state, state_feature::shared_gpus_left) == 0.75F / 8);
  CHECK(of(state, state_feature::nodes_empty) == 0);
  CHECK(of(state, state_feature::nodes_four_idle_gpus) == 0.5F);
  CHECK(of(state, state_feature::nodes_eight_idle_gpus) == 0);
  CHECK(of(state, state_feature::stranded_cpu) == 0);
  // 10 of 16 and 6 of 16 cores left: mean 1/2, deviation 1/8.
  CHECK(of(state, state_feature::cpu_spread) == 0.125F);
  CHECK(of(state, state_feature::cores_per_gpu) == 0.125F); // 4 of 32.
  CHECK(of(state, state_feature::tasks_running) == 0.1F);   // log2 4 of 20.
  CHECK(of(state, state_feature::task_cpu) == 2.0F / 32);
  CHECK(of(state, state_feature::task_gpus) == 0.25F / 8);
  CHECK(of(state, state_feature::task_gpu_share) == 0.25F);
  CHECK(of(state, state_feature::task_sharing) == 1);
  CHECK(of(state, state_feature::task_one_gpu) == 0);
  CHECK(of(state, state_feature::task_expected_run) == 0.1F);
  CHECK(of(state, state_feature::task_wait) == 0.5F);
  CHECK(of(state, state_feature::task_attempts) == 0.5F);
  CHECK(of(state, state_feature::task_priority) == -0.5F);
  CHECK(encoder.allocated_share(nodes.shape(share)) == 3.5 / 8);
}

TEST_CASE("a GPU without cores for it is stranded, and so are cores behind "
          "full GPUs") {
  cluster nodes;
  const auto a = nodes.add_node(machine("a", 4, 4)).value();
  const auto b = nodes.add_node(machine("b", 4, 1)).value();
  const auto hungry = nodes.intern(asks(3, 0)).value();
  const auto one = nodes.intern(asks(1, 1)).value();
  REQUIRE(nodes.take(a, hungry, 0)); // A core is left for four GPUs.
  REQUIRE(nodes.take(b, one, 1));    // Three cores without a GPU.
  state_encoder encoder{nodes};
  encoder.follow();
  const auto state = encoder.encode(nodes.shape(one), {});
  CHECK(of(state, state_feature::stranded_gpus) == 3.0F / 5);
  CHECK(of(state, state_feature::stranded_cpu) == 3.0F / 8);
}

TEST_CASE("a cluster of nothing, or without GPUs, has a state too") {
  cluster nodes;
  const auto plain = nodes.intern(asks(1, 0)).value();
  state_encoder encoder{nodes};
  encoder.follow();
  for (const auto value : encoder.encode(nodes.shape(plain), {}))
    CHECK(std::abs(value) <= 4);
  REQUIRE(nodes.add_node(machine("a", 4, 0)));
  encoder.follow();
  CHECK(encoder.allocated_share(nodes.shape(plain)) == 0.25);
}

TEST_CASE("following changes gives what a scan gives, exactly") {
  cluster nodes;
  rng random{21};
  for (int n = 0; n < 40; ++n)
    REQUIRE(nodes.add_node(
        machine("n" + std::to_string(n), 8 + n % 5, n % 3 == 0 ? 4 : 0)));
  std::vector<shape_id> shapes;
  for (const auto& shape : {asks(1, 0), asks(2, 1), asks(1, 1, 300)})
    shapes.push_back(nodes.intern(shape).value());
  state_encoder followed{nodes};
  std::vector<std::tuple<node_index, shape_id, device_mask>> held;
  for (int change = 0; change < 3000; ++change) {
    const auto node = static_cast<node_index>(random.below(nodes.size()));
    const auto shape = shapes[random.below(shapes.size())];
    if (random.below(5) < 3 && !nodes.why_not(nodes.shape(shape), node)) {
      device_mask devices = 0;
      if (nodes.shape(shape).gpu_request)
        devices = tightest_devices(nodes, nodes.shape(shape), node);
      REQUIRE(nodes.take(node, shape, devices));
      held.emplace_back(node, shape, devices);
    } else if (!held.empty()) {
      std::swap(held[random.below(held.size())], held.back());
      const auto [on, what, devices] = held.back();
      nodes.give_back(on, what, devices);
      held.pop_back();
    }
    if (random.below(4) != 0)
      continue; // Several at once.
    followed.follow();
    state_encoder scanned{nodes};
    scanned.follow();
    REQUIRE(followed.encode(nodes.shape(shape), {})
            == scanned.encode(nodes.shape(shape), {}));
  }
}

TEST_SUITE_END();
