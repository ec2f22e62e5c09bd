#include "evolution/run_time_model.hpp"

#include <set>

#include <doctest/doctest.h>

using namespace skerry;

namespace {

queued_job requests(std::int64_t seconds) {
  return {1, 0, seconds, 1};
}

} // namespace

TEST_SUITE_BEGIN("evolution/run_time_model");

TEST_CASE("what is requested is what runs, before anything is known") {
  const run_time_model model;
  rng random{1};
  CHECK(model.draw(requests(70), 0, random) == 70);
  CHECK(model.draw(requests(0), 0, random) == 1);
  CHECK(model.draw(requests(70), 90, random) == 90);
}

TEST_CASE("run times are drawn in the ratios that have been seen") {
  run_time_model model;
  for (int i = 0; i < 100; ++i) {
    model.learn(requests(1'000), 250);
    model.learn(requests(1'000), 1'000);
  }
  rng random{2};
  std::set<std::int64_t> drawn;
  for (int i = 0; i < 100; ++i)
    drawn.insert(model.draw(requests(800), 0, random));
  CHECK(drawn == std::set<std::int64_t>{200, 800});
}

TEST_CASE("a job that runs is not predicted to have ended") {
  run_time_model model;
  for (int i = 0; i < 100; ++i) {
    model.learn(requests(1'000), 250);
    model.learn(requests(1'000), 1'000);
  }
  rng random{3};
  for (int i = 0; i < 50; ++i)
    CHECK(model.draw(requests(1'000), 300, random) == 1'000);
  // It has outrun all before it.
  for (int i = 0; i < 50; ++i) {
    const auto run = model.draw(requests(1'000), 5'000, random);
    CHECK(run >= 5'000);
    CHECK(run <= 10'000);
  }
}

TEST_CASE("short and long jobs are told apart") {
  run_time_model model;
  for (int i = 0; i < 100; ++i) {
    model.learn(requests(10), 10);
    model.learn(requests(10'000), 1'000);
  }
  rng random{4};
  CHECK(model.draw(requests(10), 0, random) == 10);
  CHECK(model.draw(requests(10'000), 0, random) == 1'000);
}

TEST_CASE("old ratios are forgotten") {
  run_time_model model;
  for (int i = 0; i < 2'000; ++i)
    model.learn(requests(1'000), i < 1'000 ? 100 : 900);
  rng random{5};
  for (int i = 0; i < 50; ++i)
    CHECK(model.draw(requests(1'000), 0, random) == 900);
}

TEST_SUITE_END();
