#include "evolution/archipelago.hpp"
#include "evolution/test_functions.hpp"

#include <algorithm>
#include <array>

#include <doctest/doctest.h>

using namespace skerry;

TEST_SUITE_BEGIN("evolution/archipelago");

namespace {

archipelago_options mixed(std::size_t islands, topology_kind kind) {
  archipelago_options out{.islands = {}, .exchange = {.kind = kind}, .seed = 5};
  for (std::size_t i = 0; i < islands; ++i)
    out.islands.push_back(
        {.optimiser = *find_optimiser(i % 2 == 0 ? "cma-es" : "ga"),
         .migration = {.every = 3, .count = 2}});
  return out;
}

/// As threads might: any order, here the worst.
void run_backwards(std::size_t count,
                   const std::function<void(std::size_t)>& job) {
  for (auto i = count; i > 0; --i)
    job(i - 1);
}

} // namespace

TEST_CASE("what happens depends on the seed, not on the order of evaluation") {
  const shifted_function of{test_function::rastrigin, 6, 1, 0.5};
  const std::array<const problem*, 1> problems{&of};
  archipelago a{mixed(4, topology_kind::ring), problems};
  archipelago b{mixed(4, topology_kind::ring), problems};
  for (int epoch = 0; epoch < 40; ++epoch) {
    a.step();
    b.step(run_backwards);
  }
  CHECK(a.state() == b.state());
  CHECK(a.champion(of, 20).best == b.champion(of, 20, run_backwards).best);
  auto other = mixed(4, topology_kind::ring);
  other.seed = 6;
  archipelago c{other, problems};
  for (int epoch = 0; epoch < 40; ++epoch)
    c.step();
  CHECK(a.champion(of, 20).best != c.champion(of, 20).best);
}

TEST_CASE("migrants sent in one epoch arrive in the next, along the topology") {
  const shifted_function of{test_function::sphere, 6, 1};
  const std::array<const problem*, 1> problems{&of};
  archipelago sea{mixed(3, topology_kind::ring), problems};
  for (int epoch = 0; epoch < 3; ++epoch)
    sea.step();
  auto state = sea.state();
  for (std::size_t i = 0; i < 3; ++i) {
    REQUIRE(state.arriving[i].size() == 2);
    CHECK(state.arriving[i][0].island == (i + 2) % 3);
    CHECK(state.arriving[i][0].generation == 3);
    CHECK(sea.islands()[i]->statistics().migrants_accepted == 0);
  }
  sea.step();
  state = sea.state();
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(state.arriving[i].empty());
    CHECK(sea.islands()[i]->statistics().migrants_accepted == 2);
    CHECK(sea.islands()[i]->statistics().migrants_sent == 2);
  }
}

TEST_CASE("isolated islands are the same as islands run alone") {
  const shifted_function of{test_function::sphere, 6, 1, 1};
  const std::array<const problem*, 1> problems{&of};
  const auto options = mixed(3, topology_kind::isolated);
  archipelago sea{options, problems};
  for (int epoch = 0; epoch < 20; ++epoch)
    sea.step();
  for (std::size_t i = 0; i < 3; ++i) {
    island alone{options.islands[i], of,
                 sea.state().islands[i].optimiser.search().seed};
    for (int generation = 0; generation < 20; ++generation)
      alone.step();
    CHECK(alone.state() == sea.islands()[i]->state());
  }
}

TEST_CASE("what one island finds spreads to all") {
  // Only the last island can see the optimum; the others see a plain.
  struct plain final : problem {
    explicit plain(bool sees) : sees_{sees} {}
    const search_space& space() const override { return where; }
    double cost(std::span<const double> genes, std::uint64_t) const override {
      double sum = 0;
      for (const auto gene : genes)
        sum += gene * gene;
      return sees_ || sum < 1e-2 ? sum : 1000;
    }
    bool is_deterministic() const override { return true; }
    search_space where = cube(8, -5, 5);
    bool sees_;
  };
  const plain blind{false};
  const plain seeing{true};
  const std::array<const problem*, 3> problems{&blind, &blind, &seeing};
  for (const auto kind : {topology_kind::ring, topology_kind::isolated}) {
    archipelago sea{mixed(3, kind), problems};
    for (int epoch = 0; epoch < 200; ++epoch)
      sea.step();
    const auto reached = kind != topology_kind::isolated;
    for (std::size_t i = 0; i < 2; ++i)
      CHECK((sea.islands()[i]->statistics().best < 1e-2) == reached);
    CHECK(sea.islands()[2]->statistics().best < 1e-2);
    CHECK(sea.champion(seeing, 1).best.cost < 1e-2);
  }
}

TEST_CASE(
    "a restored archipelago goes on bit by bit, migrants at sea and all") {
  const shifted_function of{test_function::rastrigin, 5, 1, 0.5};
  const std::array<const problem*, 1> problems{&of};
  const auto options = mixed(4, topology_kind::full);
  archipelago original{options, problems};
  for (int epoch = 0; epoch < 9; ++epoch)
    original.step(); // The migrants of the ninth are on their way.
  const auto state = original.state();
  CHECK_FALSE(state.arriving[0].empty());
  auto copy = archipelago::restore(options, problems, state);
  REQUIRE(copy);
  for (int epoch = 0; epoch < 20; ++epoch) {
    original.step();
    copy->step();
  }
  CHECK(copy->state() == original.state());
  CHECK(copy->epoch() == 29);
  CHECK(archipelago::restore(mixed(3, topology_kind::full), problems, state)
            .failure()
            .message
        == "archipelago state: of 4 islands instead of 3");
}

TEST_CASE("the budget is in evaluations, and counts them all") {
  struct counting final : problem {
    const search_space& space() const override { return where; }
    double cost(std::span<const double> genes, std::uint64_t) const override {
      ++calls;
      return genes[0];
    }
    search_space where = cube(3, -5, 5);
    mutable std::uint64_t calls = 0;
  } of;
  const std::array<const problem*, 1> problems{&of};
  archipelago sea{mixed(3, topology_kind::ring), problems};
  sea.run(5000);
  CHECK(sea.evaluations() == of.calls);
  CHECK(sea.evaluations() >= 5000);
  CHECK(sea.evaluations() < 5400); // One epoch more at the most.
  const auto before = of.calls;
  const auto judged = sea.champion(of, 40);
  CHECK(judged.evaluations == of.calls - before);
  // Whoever is out early costs no more: 12 contenders and three proposals.
  CHECK(judged.evaluations < std::uint64_t{15} * 40 / 2);
  CHECK(judged.best.cost == doctest::Approx{judged.best.genes[0]});
  const auto epoch = sea.epoch();
  sea.run(100'000, run_serially, [](const archipelago&) { return false; });
  CHECK(sea.epoch() == epoch + 1);
}

TEST_CASE("the judge has the last word") {
  // The island minimises x, the judge wants it large.
  struct linear final : problem {
    explicit linear(double sign) : sign_{sign} {}
    const search_space& space() const override { return where; }
    double cost(std::span<const double> genes, std::uint64_t) const override {
      return sign_ * genes[0];
    }
    search_space where = cube(2, -5, 5);
    double sign_;
  };
  const linear down{1};
  const linear up{-1};
  const std::array<const problem*, 2> problems{&down, &up};
  archipelago sea{mixed(2, topology_kind::isolated), problems};
  sea.run(4000);
  const auto found = sea.champion(up, 3);
  CHECK(found.island == 1);
  CHECK(found.best.cost < -4.9);
  CHECK(sea.champion(down, 3).island == 0);
}

TEST_CASE("options are checked island by island") {
  auto options = mixed(2, topology_kind::ring);
  CHECK(validate(options));
  options.islands[1].champions = 0;
  CHECK(validate(options).failure().message
        == "island 1: island: champions is 0, must be 1 to 64");
  CHECK_FALSE(validate(archipelago_options{}));
}

TEST_SUITE_END();
