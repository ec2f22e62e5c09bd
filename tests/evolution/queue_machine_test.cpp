#include "evolution/queue_machine.hpp"

#include <limits>
#include <map>
#include <vector>

#include <doctest/doctest.h>

using namespace skerry;

namespace {

/// First come, first served; remembers what it is told.
struct first_come {
  std::map<std::uint32_t, std::int64_t> starts;
  std::vector<std::uint32_t> arrivals;
  std::vector<std::uint32_t> ends;

  void arrived(std::uint32_t job) { arrivals.push_back(job); }
  static std::uint32_t choose(queue_machine& machine) {
    return machine.waiting().front();
  }
  void started(std::uint32_t job, std::int64_t now_seconds) {
    starts[job] = now_seconds;
  }
  void ended(std::uint32_t job) { ends.push_back(job); }
};

using starts = std::map<std::uint32_t, std::int64_t>;

/// On a machine of 10. submit, requested, run, processors.
const std::vector<machine_job> four_jobs{
    {0, 100, 100, 6}, {10, 50, 50, 8}, {20, 30, 30, 4}, {30, 200, 200, 2}};

} // namespace

TEST_SUITE_BEGIN("evolution/queue_machine");

// The same jobs and starts as in simulation/swf_track; random logs are held
// against each other there.
TEST_CASE("without backfilling everything waits for the head") {
  queue_machine machine{backfilling::none};
  first_come chooser;
  const auto cost = machine.play({.free_processors = 10}, four_jobs, chooser);
  CHECK(chooser.starts == starts{{0, 0}, {1, 100}, {2, 150}, {3, 150}});
  CHECK(cost == doctest::Approx(1 + 2.8 + 16.0 / 3 + 1.6));
  CHECK(chooser.arrivals == std::vector<std::uint32_t>{0, 1, 2, 3});
}

TEST_CASE("EASY starts what ends before the head is to start") {
  queue_machine machine{backfilling::easy};
  first_come chooser;
  (void)machine.play({.free_processors = 10}, four_jobs, chooser);
  CHECK(chooser.starts == starts{{0, 0}, {1, 100}, {2, 20}, {3, 100}});
}

TEST_CASE("a plan begins with what runs and waits") {
  // At 50, 4 of 10 are free. What runs was to end at 80 and will at 60.
  const std::vector<machine_claim> running{{80, 60, 6}};
  const std::vector<machine_job> jobs{
      {40, 10, 10, 8},  // The head; may start at 80 as far as anyone knows.
      {45, 29, 29, 4},  // 50 + 29 < 80: passes, and ends at 79.
      {50, 30, 30, 4}}; // 50 + 30 = 80: waits.
  queue_machine machine{backfilling::easy};
  first_come chooser;
  (void)machine.play({50, 4, running, 2}, jobs, chooser);
  // At 60 only 6 are free; the head starts when the second has ended.
  CHECK(chooser.starts == starts{{0, 79}, {1, 50}, {2, 89}});
  CHECK(chooser.arrivals == std::vector<std::uint32_t>{2});
  // Nobody is told of the end of what ran before, or after the last start.
  CHECK(chooser.ends == std::vector<std::uint32_t>{1, 0});
}

TEST_CASE("a run that costs more than the bound is given up") {
  queue_machine machine{backfilling::none};
  first_come chooser;
  CHECK(machine.play({.free_processors = 10}, four_jobs, chooser, 3) > 3);
  CHECK(chooser.starts.size() == 2); // 1 + 2.8 is above it.
  first_come again;
  (void)machine.play({.free_processors = 10}, four_jobs, again);
  CHECK(again.starts.size() == 4);
}

TEST_SUITE_END();
