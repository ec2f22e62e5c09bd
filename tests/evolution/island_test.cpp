#include "evolution/island.hpp"
#include "evolution/test_functions.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include <doctest/doctest.h>

using namespace skerry;

TEST_SUITE_BEGIN("evolution/island");

namespace {

constexpr auto infinity = std::numeric_limits<double>::infinity();

shifted_function noisy_sphere(double noise = 1) {
  return {test_function::sphere, 6, 3, noise};
}

std::vector<migrant> migrants_of(std::initializer_list<genome> genomes) {
  std::vector<migrant> out;
  for (const auto& genes : genomes)
    out.push_back({.genes = genes});
  return out;
}

} // namespace

TEST_CASE("genomes of a generation meet the same scenarios, the next others") {
  const auto of = noisy_sphere();
  island here{{.scenarios = 3, .validate_every = 1000}, of, 7};
  std::set<std::uint64_t> seen;
  for (int generation = 0; generation < 10; ++generation) {
    const auto asked = here.ask();
    REQUIRE(asked.size() == here.search().population() * 3);
    for (std::size_t i = 0; i < asked.size(); ++i)
      REQUIRE(asked[i].scenario == asked[i % 3].scenario);
    for (const auto& each : asked.first(3))
      seen.insert(each.scenario);
    here.step();
  }
  CHECK(seen.size() == 30);
}

TEST_CASE("champions are those of the longer validation, not the lucky ones") {
  const auto of = noisy_sphere(5);
  island here{{.validation_scenarios = 50, .validate_every = 2}, of, 7};
  for (int generation = 0; generation < 200; ++generation)
    here.step();
  REQUIRE(here.champions().size() == 4);
  const auto& best = here.champions().front();
  // The mean of 50 costs with noise 5: standard error 0.7. The luckiest of
  // thousands lies at about -20.
  CHECK(std::abs(best.cost - of.value(best.genes)) < 3);
  CHECK(here.search().best().cost < -10);
  CHECK(of.value(best.genes) < 6);
  CHECK(here.statistics().best == best.cost);
}

TEST_CASE("the best starting point is a champion until it is beaten") {
  struct start_is_best final : problem {
    search_space where = cube(3, -5, 5);
    start_is_best() { where.starting_points = {{1, 1, 1}, {2, 2, 2}}; }
    const search_space& space() const override { return where; }
    double cost(std::span<const double> genes, std::uint64_t) const override {
      return genes[0] == 2 && genes[1] == 2 ? 0 : 10;
    }
  } of;
  for (const auto* name : {"cma-es", "ga"}) {
    island here{{.optimiser = *find_optimiser(name)}, of, 1};
    for (int generation = 0; generation < 100; ++generation)
      here.step();
    CHECK(here.champions().front() == candidate{{2, 2, 2}, 0});
  }
}

TEST_CASE(
    "without scenarios the best ever is the champion, and costs nothing") {
  const shifted_function of{test_function::rastrigin, 6, 3};
  island here{{.scenarios = 5}, of, 7};
  auto last = infinity;
  std::uint64_t evaluations = 0;
  for (int generation = 0; generation < 300; ++generation) {
    evaluations += here.search().population();
    here.step();
    REQUIRE(here.statistics().best <= last);
    last = here.statistics().best;
  }
  CHECK(last == here.search().best().cost);
  CHECK(last == of.value(here.champions().front().genes));
  CHECK(here.statistics().evaluations == evaluations);
}

TEST_CASE("migrants are untrusted") {
  const auto of = noisy_sphere();
  island here{{}, of, 7};
  const auto good = genome(6, 0.5);
  auto with_nan = good;
  with_nan[3] = std::nan("");
  auto with_infinity = good;
  with_infinity[0] = -infinity;
  auto outside = good;
  outside[5] = 5.001;
  const auto outcome = here.accept(migrants_of(
      {with_nan, good, with_infinity, genome(5, 0), outside, {}, good}));
  CHECK(outcome.accepted == 1);
  REQUIRE(outcome.refusals.size() == 6);
  CHECK(outcome.refusals[0]
        == error{error_code::invalid_argument, "gene 3 is nan"});
  CHECK(outcome.refusals[1].message == "gene 0 is -inf");
  CHECK(outcome.refusals[2].message == "5 genes instead of 6");
  CHECK(outcome.refusals[3].message == "gene 5 is 5.001, not in -5 to 5");
  CHECK(outcome.refusals[4].message == "0 genes instead of 6");
  CHECK(outcome.refusals[5].code == error_code::already_exists);
  CHECK(here.statistics().migrants_accepted == 1);
  CHECK(here.statistics().migrants_refused == 5);
  CHECK(here.statistics().migrants_known == 1);
  // It is evaluated once, in the next generation, and nothing else is.
  const auto asked = here.ask();
  CHECK(std::ranges::count_if(asked,
                              [&](const evaluation& each) {
                                return std::ranges::equal(each.genes, good);
                              })
        == 1);
}

TEST_CASE("a flood of migrants is refused and never more than half a guest") {
  const auto of = noisy_sphere();
  island here{{}, of, 7};
  std::vector<migrant> flood;
  for (int i = 0; i < 1000; ++i)
    flood.push_back({.genes = genome(6, i / 1000.0)});
  const auto outcome = here.accept(flood);
  CHECK(outcome.accepted == max_waiting_migrants);
  CHECK(outcome.refusals.back().code == error_code::limit_exceeded);
  const auto population = here.search().population();
  CHECK(here.ask().size() == population + population / 2);
  here.step();
  CHECK(here.ask().size() == population + population / 2); // The rest waits.
}

TEST_CASE("a lie about the cost of a migrant has no effect") {
  const shifted_function of{test_function::sphere, 6, 3};
  island honest{{}, of, 7};
  island lied_to{{}, of, 7};
  honest.accept(std::vector{migrant{.genes = genome(6, 4.9), .cost = 100}});
  lied_to.accept(std::vector{migrant{.genes = genome(6, 4.9), .cost = -1e9}});
  for (int generation = 0; generation < 20; ++generation) {
    honest.step();
    lied_to.step();
  }
  CHECK(honest.state() == lied_to.state());
}

TEST_CASE("migrants are sent when they are due, the champions first") {
  const shifted_function of{test_function::sphere, 6, 3};
  island here{{.migration = {.every = 4, .count = 2}}, of, 7, 9};
  CHECK_FALSE(here.sends_now());
  std::vector<int> sent_after;
  for (int generation = 1; generation <= 12; ++generation) {
    here.step();
    if (here.sends_now())
      sent_after.push_back(generation);
  }
  CHECK(sent_after == std::vector{4, 8, 12});
  const auto sent = here.emigrants();
  REQUIRE(sent.size() == 2);
  CHECK(sent[0]
        == migrant{here.champions()[0].genes, here.champions()[0].cost, 9, 12});
  CHECK(sent[1].genes == here.champions()[1].genes);
  CHECK(here.statistics().migrants_sent == 2);
  island silent{{.migration = {.every = 1, .count = 0}}, of, 7};
  silent.step();
  CHECK_FALSE(silent.sends_now());
}

TEST_CASE("an island alone follows from its seed") {
  const auto of = noisy_sphere();
  island a{{}, of, 7};
  island b{{}, of, 7};
  island c{{}, of, 8};
  const executor backwards = [](std::size_t count, const auto& job) {
    for (auto i = count; i > 0; --i)
      job(i - 1);
  };
  for (int generation = 0; generation < 60; ++generation) {
    a.step();
    b.step(backwards);
    c.step();
  }
  CHECK(a.state() == b.state());
  CHECK(a.champions().front().genes != c.champions().front().genes);
}

TEST_CASE("a restored island goes on bit by bit, wherever it stopped") {
  const auto of = noisy_sphere();
  for (const auto* name : {"cma-es", "ga"}) {
    const island_options options{.optimiser = *find_optimiser(name),
                                 .migration = {.every = 3},
                                 .validate_every = 4};
    island original{options, of, 7, 2};
    for (int generation = 0; generation < 40; ++generation) {
      original.accept(migrants_of({genome(6, generation / 10.0)}));
      auto copy = island::restore(options, of, original.state(), 2);
      REQUIRE(copy);
      REQUIRE((*copy)->state() == original.state());
      original.step();
      (*copy)->step();
      REQUIRE((*copy)->emigrants() == original.emigrants());
      REQUIRE((*copy)->state() == original.state());
    }
  }
}

TEST_CASE("a damaged checkpoint is refused") {
  const auto of = noisy_sphere();
  const island_options options{};
  island here{options, of, 7};
  for (int generation = 0; generation < 12; ++generation)
    here.step();
  const auto good = here.state();
  REQUIRE_FALSE(good.champions.empty());
  const auto fails = [&](const island_state& state) {
    const auto restored = island::restore(options, of, state);
    return !restored && restored.failure().code == error_code::malformed;
  };
  CHECK_FALSE(fails(good));
  auto bad = good;
  bad.champions[0].genes[0] = std::nan("");
  CHECK(fails(bad));
  bad = good;
  bad.champions.resize(5, bad.champions[0]);
  CHECK(fails(bad));
  bad = good;
  bad.inbox = {genome(2, 0)};
  CHECK(fails(bad));
  bad = good;
  bad.to_validate = {genome(6, 9)};
  CHECK(fails(bad));
}

TEST_CASE("a problem that never answers with a number does no harm") {
  struct broken final : problem {
    search_space where = cube(3, -5, 5);
    const search_space& space() const override { return where; }
    double cost(std::span<const double>, std::uint64_t) const override {
      return std::nan("");
    }
  } of;
  for (const auto* name : {"cma-es", "ga"}) {
    island here{{.optimiser = *find_optimiser(name)}, of, 1};
    for (int generation = 0; generation < 100; ++generation)
      here.step();
    CHECK(here.statistics().best == infinity);
    CHECK(here.statistics().generation == 100);
    for (const auto& each : here.ask())
      REQUIRE(check_genome(of.space(), each.genes));
  }
}

TEST_CASE("options out of range are refused by name") {
  CHECK(validate(island_options{}));
  CHECK(validate(island_options{.scenarios = 0}).failure().message
        == "island: scenarios is 0, must be 1 to 1000");
  CHECK_FALSE(validate(island_options{.validation_scenarios = 1001}));
  CHECK_FALSE(validate(island_options{.validate_every = 0}));
  CHECK_FALSE(validate(island_options{.champions = 65}));
  CHECK_FALSE(validate(island_options{.migration = {.every = 0}}));
  CHECK_FALSE(validate(
      island_options{.optimiser = genetic_algorithm_options{.population = 1}}));
}

TEST_SUITE_END();
