#include "learning/experience_recorder.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include <doctest/doctest.h>

using namespace skerry;

TEST_SUITE_BEGIN("learning/experience_recorder");

namespace {

/// Ten nodes of two GPUs, and tasks that take a quarter of one.
struct world {
  cluster nodes;
  shape_id shape{};
  experience_recorder_options options{.steps = 3, .discount = 0.5};

  world() {
    for (int n = 0; n < 10; ++n) {
      node_spec spec{.name = "n" + std::to_string(n),
                     .capacity = {millicores{8000}, bytes{64LL << 30}}};
      spec.devices.resize(2);
      REQUIRE(nodes.add_node(spec));
    }
    task_shape asks{.demand = {millicores{1000}, bytes{1LL << 30}}};
    asks.devices.push_back({.count = 1, .share_milli = 250});
    shape = nodes.intern(asks).value();
    // Only what is allocated counts: rewards are easily derived.
    options.weights.of = {1, 0, 0, 0, 0, 0, 0, 0};
  }

  /// A decision for the first node.
  void decide(experience_recorder& by, const std::string& task,
              std::int64_t now_ms = 0) {
    REQUIRE(by.wants(now_ms));
    const auto gpu = tightest_devices(nodes, nodes.shape(shape), node_index{0});
    by.decided({.id = task}, shape, placement{node_index{0}, gpu, 0}, {}, 1, 7,
               now_ms);
    REQUIRE(nodes.take(node_index{0}, shape, gpu));
  }
  void refuse(experience_recorder& by) {
    REQUIRE(by.wants(0));
    by.decided({.id = "x"}, shape, {}, {}, 1, 7, 0);
  }
};

/// Allocated when so many quarters are, of 20 GPUs.
double quarters(double count) {
  return count / 80;
}

} // namespace

TEST_CASE_FIXTURE(world, "an experience has the rewards of n steps and the "
                         "state after them") {
  experience_recorder recorder{options, nodes};
  for (const auto* task : {"a", "b", "c", "d"})
    decide(recorder, task);
  recorder.ended("a", 1, {.wait_seconds = 1, .run_seconds = 2});
  const auto made = recorder.take(0);
  REQUIRE(made.size() == 1); // Only it has a next state and an outcome.
  CHECK(validate(made[0]));
  CHECK(made[0].steps == 3);
  CHECK(made[0].discount == 0.125F);
  CHECK_FALSE(made[0].terminal);
  CHECK(
      made[0].reward
      == doctest::Approx(quarters(1) + 0.5 * quarters(2) + 0.25 * quarters(3)));
  constexpr auto allocated
      = static_cast<std::size_t>(state_feature::gpu_allocated);
  CHECK(made[0].state[allocated] == 0);
  CHECK(made[0].next_state[allocated] == doctest::Approx(quarters(3)));
  CHECK(made[0].policy_version == 7);
  CHECK(made[0].outcome->run_seconds == 2);
}

TEST_CASE_FIXTURE(world, "the chosen candidate is the first, and those beside "
                         "it are others") {
  experience_recorder recorder{options, nodes};
  REQUIRE(nodes.take(node_index{0}, shape, 1));
  REQUIRE(recorder.wants(0));
  const placement chosen{node_index{0}, 1, 0};
  const placement other{node_index{0}, 2, 0};
  const std::array advised{chosen, other};
  recorder.decided({.id = "a"}, shape, chosen, advised, 1, 7, 0);
  recorder.cut(true);
  const auto made = recorder.take(1'000'000);
  REQUIRE(made.size() == 1);
  CHECK(made[0].chosen == 0);
  constexpr auto opens = static_cast<std::size_t>(placement_feature::opens_gpu);
  CHECK(made[0].candidates[0][opens] == 0); // The GPU that was begun.
  CHECK(made[0].candidates[1][opens] == 1); // The other one.
  CHECK(made[0].candidates.size() > 6);     // And of ten nodes most.
  CHECK(made[0].candidates.size() <= 11);
}

TEST_CASE_FIXTURE(world, "a task that was refused is a step, and no "
                         "experience") {
  options.weights.of = {0, 0, 0, 0, 0, -1, 0, 0};
  experience_recorder recorder{options, nodes};
  decide(recorder, "a");
  refuse(recorder);
  decide(recorder, "b");
  decide(recorder, "c");
  recorder.ended("a", 1, {});
  const auto made = recorder.take(0);
  REQUIRE(made.size() == 1);
  CHECK(made[0].reward == -0.5F);
  CHECK(recorder.measured().recorded == 3);
}

TEST_CASE_FIXTURE(world, "an ending is blamed on its own decision alone") {
  options.weights.of = {0, 0, 0, -1, 0, 0, 0, 0};
  experience_recorder recorder{options, nodes};
  for (const auto* task : {"a", "b", "c", "d", "e"})
    decide(recorder, task);
  // Bounded slowdown 2: half a point.
  recorder.ended("b", 1, {.wait_seconds = 20, .run_seconds = 20});
  recorder.ended("a", 1, {});
  const auto made = recorder.take(0);
  REQUIRE(made.size() == 2);
  CHECK(made[0].reward == -0.5F);
  CHECK(made[0].terms[index_of(reward_term::slowdown)] == 0.5F);
  CHECK(made[1].reward == 0);
}

TEST_CASE_FIXTURE(world, "another attempt is another task") {
  experience_recorder recorder{options, nodes};
  for (const auto* task : {"a", "b", "c", "d"})
    decide(recorder, task);
  recorder.ended("a", 2, {});
  recorder.ended("nobody", 1, {});
  CHECK(recorder.take(0).empty());
}

TEST_CASE_FIXTURE(world, "patience ends: an experience is complete without "
                         "the outcome") {
  options.patience_ms = 1000;
  experience_recorder recorder{options, nodes};
  for (const auto* task : {"a", "b", "c", "d", "e"})
    decide(recorder, task, task[0] == 'a' ? 0 : 500);
  CHECK(recorder.take(999).empty());
  const auto made = recorder.take(1000);
  REQUIRE(made.size() == 1);
  CHECK_FALSE(made[0].outcome);
  recorder.ended("a", 1, {}); // Too late.
  CHECK(recorder.take(1000).empty());
  CHECK(recorder.measured().waiting == 4);
}

TEST_CASE_FIXTURE(world, "no more wait than are allowed to") {
  options.most_waiting = 4;
  experience_recorder recorder{options, nodes};
  for (int task = 0; task < 8; ++task)
    decide(recorder, std::to_string(task));
  CHECK(recorder.take(0).size() == 4);
  CHECK(recorder.measured().waiting == 4);
}

TEST_CASE_FIXTURE(world, "what is cut short has the steps that it had") {
  options.patience_ms = 0;
  experience_recorder recorder{options, nodes};
  for (const auto* task : {"a", "b", "c"})
    decide(recorder, task);
  recorder.cut(false);
  const auto made = recorder.take(0);
  REQUIRE(made.size() == 2); // The last has no next state.
  CHECK(made[0].steps == 2);
  CHECK(made[0].discount == 0.25F);
  CHECK(made[0].reward == doctest::Approx(quarters(1) + 0.5 * quarters(2)));
  CHECK(made[1].steps == 1);
  CHECK(made[1].reward == doctest::Approx(quarters(2)));
  CHECK(recorder.measured().waiting == 0);
}

TEST_CASE_FIXTURE(world, "the end of the world is a state without a value") {
  options.patience_ms = 0;
  experience_recorder recorder{options, nodes};
  decide(recorder, "a");
  decide(recorder, "b");
  recorder.cut(true);
  const auto made = recorder.take(0);
  REQUIRE(made.size() == 2);
  CHECK(made[0].terminal);
  CHECK(made[0].steps == 2);
  CHECK(made[0].reward == doctest::Approx(quarters(1) + 0.5 * quarters(2)));
  CHECK(made[1].terminal);
  CHECK(made[1].reward == doctest::Approx(quarters(2)));
}

TEST_CASE_FIXTURE(world, "no more is recorded than may be a second, in rows") {
  options.most_per_second = 100;
  options.in_a_row = 10;
  experience_recorder recorder{options, nodes};
  int recorded = 0;
  for (int ms = 0; ms < 2000; ++ms)
    recorded += recorder.wants(ms) ? 1 : 0;
  CHECK(recorded >= 200);
  CHECK(recorded <= 220); // One row ahead.
}

TEST_CASE("options that mean nothing are refused") {
  CHECK(validate(experience_recorder_options{}));
  CHECK_FALSE(validate(experience_recorder_options{.steps = 0}));
  CHECK_FALSE(validate(experience_recorder_options{.discount = 1.1}));
  CHECK_FALSE(
      validate(experience_recorder_options{.steps = 16, .in_a_row = 16}));
}

TEST_SUITE_END();
