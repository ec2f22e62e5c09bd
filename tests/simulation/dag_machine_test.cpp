#include "simulation/dag_machine.hpp"
#include "simulation/dag_order.hpp"
#include "simulation/dag_track.hpp"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

using namespace skerry;

namespace {

struct played {
  dag_machine machine;
  std::vector<dag_run> runs;
};

played play(const dag_trace& trace, dag_order order) {
  auto machine = trace.machine();
  machine.record_runs();
  dag_rule rule{order};
  machine.run(rule);
  std::vector<dag_run> runs{machine.runs().begin(), machine.runs().end()};
  return {std::move(machine), std::move(runs)};
}

/// How many tasks run from each time at which one starts or ends.
std::map<std::int64_t, std::int64_t> busy_from(std::span<const dag_run> runs) {
  std::map<std::int64_t, std::int64_t> out;
  for (const auto& run : runs) {
    ++out[run.start_ms];
    --out[run.end_ms];
  }
  std::int64_t busy = 0;
  for (auto& [at, count] : out)
    count = busy += count;
  return out;
}

/// Over a stage's tasks.
struct stage_times {
  std::uint32_t tasks = 0;
  std::int64_t first_start = 0;
  std::int64_t last_start = 0;
  std::int64_t last_end = 0;
};

std::vector<stage_times> times_of(const played& of, std::size_t stages) {
  std::vector<stage_times> out(stages);
  for (const auto& run : of.runs) {
    auto& stage = out[run.stage];
    if (stage.tasks++ == 0)
      stage.first_start = run.start_ms;
    stage.last_start = std::max(stage.last_start, run.start_ms);
    stage.last_end = std::max(stage.last_end, run.end_ms);
  }
  return out;
}

/// Each task once, after its parents, never more than slots, and none idle
/// while one could start.
void check_schedule(const dag_trace& trace, const played& of) {
  const auto busy = busy_from(of.runs);
  const auto slots = static_cast<std::int64_t>(trace.options().slots);
  for (const auto& [at, count] : busy)
    CHECK(count <= slots);
  std::size_t stages = 0;
  for (const auto& job : trace.jobs())
    stages += job.stages.size();
  const auto times = times_of(of, stages);
  for (std::size_t job = 0; job < trace.jobs().size(); ++job) {
    const auto first = of.machine.first_stage(job);
    std::int64_t job_end = 0;
    for (std::size_t i = 0; i < trace.jobs()[job].stages.size(); ++i) {
      const auto& stage = trace.jobs()[job].stages[i];
      const auto& found = times[first + i];
      REQUIRE(found.tasks == stage.tasks);
      auto ready = trace.jobs()[job].arrival_ms;
      for (const auto parent : stage.parents)
        ready = std::max(ready, times[first + parent].last_end);
      CHECK(found.first_start >= ready);
      // Between `ready` and its last start the machine is full.
      for (auto at = busy.lower_bound(ready);
           at != busy.end() && at->first < found.last_start; ++at)
        CHECK(at->second == slots);
      job_end = std::max(job_end, found.last_end);
    }
    CHECK(of.machine.end_ms(job) == job_end);
  }
}

} // namespace

TEST_SUITE_BEGIN("simulation/dag_machine");

TEST_CASE("every order keeps to graph and slots, and leaves no slot idle") {
  for (const auto order : all_dag_orders())
    for (const auto& [load, move_ms] :
         {std::pair{0.0, 0}, std::pair{0.7, 0}, std::pair{0.7, 1500}})
      for (std::uint64_t seed = 1; seed <= 4; ++seed) {
        CAPTURE(to_string(order));
        CAPTURE(load);
        CAPTURE(move_ms);
        CAPTURE(seed);
        const auto trace = dag_trace::make({.jobs = 12,
                                            .slots = 23,
                                            .load = load,
                                            .move_ms = move_ms,
                                            .seed = seed});
        REQUIRE(trace);
        check_schedule(*trace, play(*trace, order));
      }
}

TEST_CASE("a job alone ends after its longest way") {
  // 4 tasks on 2 slots take two waves of 10; a third stage of 7 follows a
  // second of 5 and the first.
  const dag_job job{.arrival_ms = 100,
                    .stages
                    = {{4, 10, 0, {}}, {1, 5, 0, {}}, {1, 7, 0, {0, 1}}}};
  dag_machine machine{2};
  machine.add(job, std::vector<std::int64_t>{10, 10, 10, 10, 5, 7});
  CHECK(machine.path_ms(0) == 27);
  CHECK(machine.path_ms(1) == 12);
  CHECK(machine.path_ms(2) == 7);
  CHECK(machine.work_ms(0) == 52);
  dag_rule rule{dag_order::critical_path};
  machine.run(rule);
  // The second stage begins at 120, when the first has ended.
  CHECK(machine.end_ms(0) == 132);
  CHECK(machine.left_ms(0) == 0);
  CHECK(machine.ready().empty());
}

TEST_CASE("a slot that changes jobs moves first") {
  // One slot, moves of 3: every job is new to it once. Stages of the first job
  // follow each other without a move; the second job waits for both.
  dag_machine machine{1, 3};
  machine.add({.stages = {{2, 10, 0, {}}, {1, 5, 0, {0}}}},
              std::vector<std::int64_t>{10, 10, 5});
  machine.add({.stages = {{1, 7, 0, {}}}}, std::vector<std::int64_t>{7});
  dag_rule rule{dag_order::fifo};
  machine.run(rule);
  CHECK(machine.end_ms(0) == 3 + 25);
  CHECK(machine.end_ms(1) == 28 + 3 + 7);
}

TEST_CASE("a job takes its own slot, else that which is free for longest") {
  // Two slots that the first two jobs have run on, until 3 + 4 and 3 + 9. The
  // third comes at 20, takes the first, and stays on it.
  dag_machine machine{2, 3};
  const std::vector<std::int64_t> four{4};
  machine.add({.stages = {{1, 4, 0, {}}}}, four);
  machine.add({.stages = {{1, 9, 0, {}}}}, std::vector<std::int64_t>{9});
  machine.add({.arrival_ms = 20, .stages = {{1, 4, 0, {}}, {1, 4, 0, {0}}}},
              std::vector<std::int64_t>{4, 4});
  dag_rule rule{dag_order::sjf};
  machine.run(rule);
  CHECK(machine.warm(0) == 0);
  CHECK(machine.warm(1) == 1);
  CHECK(machine.warm(2) == 1);
  CHECK(machine.end_ms(2) == 20 + 3 + 8);
}

TEST_CASE("an order is told when there are other stages to choose from") {
  struct counting {
    dag_key key(const dag_machine&, std::uint32_t stage) const {
      return {static_cast<double>(stage)};
    }
    void changed(const dag_machine& at) { times.push_back(at.now_ms()); }
    std::vector<std::int64_t> times;
  };
  dag_machine machine{1};
  const std::vector<std::int64_t> times{10, 10, 5};
  const dag_job job{.stages = {{2, 10, 0, {}}, {1, 5, 0, {0}}}};
  machine.add(job, times);
  auto later = job;
  later.arrival_ms = 24;
  machine.add(later, times);
  counting order;
  machine.run(order);
  // At 24 the slot is taken until 25.
  CHECK(order.times == std::vector<std::int64_t>{0, 20, 45});
}
