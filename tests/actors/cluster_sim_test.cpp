// Whole clusters in virtual time: servers crash, stop and lose each other,
// agents wander and die, wires lose, double and reorder.
//
// A failure prints its seed. To repeat it with all that happens:
//   SKERRY_SIM_SEED=42 actors_tests --test-suite=actors/cluster_sim
// To search for longer:
//   SKERRY_SIM_SEEDS=100000 actors_tests --test-suite=actors/cluster_sim
#include "tests/actors/cluster_sim.hpp"
#include "tests/actors/sim_seeds.hpp"

#include <fmt/core.h>

#include <chrono>
#include <csignal>
#include <string>

#include <doctest/doctest.h>

using namespace skerry::testing;

TEST_SUITE_BEGIN("actors/cluster_sim");

namespace {

std::uint64_t playing = 0;

/// An assertion aborts before anything can be reported.
extern "C" void print_seed(int) {
  fmt::print(stderr, "aborted: SKERRY_SIM_SEED={}\n", playing);
}

} // namespace

TEST_CASE("broken foundations are noticed") {
  // The seeds that a fault may take: some times what it takes now.
  constexpr std::uint64_t most = 4'000;
  const auto previous = std::signal(SIGABRT, print_seed);
  for (std::size_t fault = 1; fault < planted_names.size(); ++fault) {
    std::string found;
    for (playing = 1; playing <= most && found.empty(); ++playing)
      found = simulate_cluster(playing, static_cast<planted>(fault)).violation;
    CHECK_MESSAGE(!found.empty(), planted_names[fault]);
    MESSAGE(fmt::format("{}: {} seeds: {}", planted_names[fault], playing - 1,
                        found));
  }
  std::signal(SIGABRT, previous);
}

TEST_CASE("equal seeds play equally") {
  const auto once = simulate_cluster(7);
  const auto again = simulate_cluster(7);
  CHECK(once.events == again.events);
  CHECK(once.starts == again.starts);
  CHECK(once.milliseconds == again.milliseconds);
}

TEST_CASE("whatever fails, promises are kept and the cluster converges") {
  const auto previous = std::signal(SIGABRT, print_seed);
  const auto [first, count, only] = seeds_to_play(600);
  sim_result sum;
  const auto began = std::chrono::steady_clock::now();
  std::uint64_t failures = 0;
  for (playing = first; playing < first + count && failures < 10; ++playing) {
    const auto played = simulate_cluster(playing, planted::none, only);
    if (!played.violation.empty()) {
      ++failures;
      FAIL_CHECK(
          fmt::format("SKERRY_SIM_SEED={}: {}", playing, played.violation));
    }
    sum.events += played.events;
    sum.crashes += played.crashes;
    sum.starts += played.starts;
    sum.moves += played.moves;
    sum.reservations += played.reservations;
    sum.resizes += played.resizes;
    sum.decided_at_once += played.decided_at_once;
    sum.decided_by_message += played.decided_by_message;
    sum.milliseconds += played.milliseconds;
  }
  const std::chrono::duration<double> took
      = std::chrono::steady_clock::now() - began;
  MESSAGE(fmt::format(
      "{} seeds in {:.1f} s: {} events, {} crashes, {} starts, "
      "{} moves, {} reservations, {} resizes, {} + {} decisions, "
      "{} s virtual",
      playing - first, took.count(), sum.events, sum.crashes, sum.starts,
      sum.moves, sum.reservations, sum.resizes, sum.decided_at_once,
      sum.decided_by_message, sum.milliseconds / 1000));
  // The world was as rough as it is meant to be.
  if (count > 100) {
    CHECK(sum.crashes > count);
    CHECK(sum.starts > count * 10);
    CHECK(sum.moves > count);
    CHECK(sum.reservations > count / 10);
    CHECK(sum.resizes > count / 10);
    CHECK(sum.decided_at_once > count / 2);
    CHECK(sum.decided_by_message > count / 10);
  }
  std::signal(SIGABRT, previous);
}
