#include "simulation/dag_order.hpp"

#include <vector>

#include <doctest/doctest.h>

using namespace skerry;

namespace {

using numbers = std::vector<std::int64_t>;

struct outcome {
  numbers stages; ///< In the order in which their tasks started.
  numbers ends;   ///< Of the jobs.
};

/// Three jobs that come together. Stages 0: three tasks of 10 ms. 1: 20 ms,
/// then 2: 15 ms. 3: 5 ms, and beside it 4: 6 ms, then 5: 4 ms. So the jobs
/// are of 30, 35 and 15 ms; on one slot the ways to the end are 30; 35, 15; 5,
/// 10, 4.
outcome play(dag_order order, std::uint32_t slots) {
  dag_machine machine{slots};
  machine.add({.stages = {{3, 10, 0, {}}}}, numbers{10, 10, 10});
  machine.add({.stages = {{1, 20, 0, {}}, {1, 15, 0, {0}}}}, numbers{20, 15});
  machine.add({.stages = {{1, 5, 0, {}}, {1, 6, 0, {}}, {1, 4, 0, {1}}}},
              numbers{5, 6, 4});
  machine.record_runs();
  dag_rule rule{order};
  machine.run(rule);
  outcome out;
  for (const auto& run : machine.runs())
    out.stages.push_back(run.stage);
  for (std::size_t job = 0; job < machine.jobs(); ++job)
    out.ends.push_back(machine.end_ms(job));
  return out;
}

} // namespace

TEST_SUITE_BEGIN("simulation/dag_order");

TEST_CASE("fifo: job by job") {
  const auto found = play(dag_order::fifo, 1);
  CHECK(found.stages == numbers{0, 0, 0, 1, 2, 3, 4, 5});
  CHECK(found.ends == numbers{30, 65, 80});
}

TEST_CASE("fair: the job that runs the fewest tasks") {
  const auto found = play(dag_order::fair, 2);
  // 0: jobs A and B. 10: A again, the first of those that run none. 20: A and
  // B. 30: C, whose stages follow each other on the slots as they fall free, at
  // 30, 35 and 41.
  CHECK(found.stages == numbers{0, 1, 0, 0, 2, 3, 4, 5});
  CHECK(found.ends == numbers{30, 35, 45});
}

TEST_CASE("weighted-fair: small jobs have the larger share") {
  const auto found = play(dag_order::weighted_fair, 2);
  // (Running + 1) x work. 0: C 15; then A 30, before C's 30 by its number.
  // 5: C 15. 10: A 30, B 35. 11: C 15. 15: B 35, A 60. 20: A 30. 35: B.
  CHECK(found.stages == numbers{3, 0, 4, 0, 5, 1, 0, 2});
  CHECK(found.ends == numbers{30, 50, 15});
}

TEST_CASE("sjf: the job with the least work left") {
  const auto found = play(dag_order::sjf, 1);
  CHECK(found.stages == numbers{3, 4, 5, 0, 0, 0, 1, 2});
  CHECK(found.ends == numbers{45, 80, 15});
}

TEST_CASE("critical-path: the longest way to the end") {
  const auto found = play(dag_order::critical_path, 1);
  CHECK(found.stages == numbers{1, 0, 0, 0, 2, 4, 3, 5});
  CHECK(found.ends == numbers{50, 65, 80});
}

TEST_CASE("sjf-critical-path: the longest way within the least job") {
  const auto found = play(dag_order::sjf_critical_path, 1);
  CHECK(found.stages == numbers{4, 3, 5, 0, 0, 0, 1, 2});
  CHECK(found.ends == numbers{45, 80, 15});
}

TEST_CASE("sjf-stay: slots keep their jobs, else the least work left") {
  const auto found = play(dag_order::sjf_stay, 2);
  // 0: C on both. 5: C has nothing to start: A, of less work than B. 6: C's
  // slot and its last stage. 10: A. 15: A's slot. 20: A has nothing to start:
  // B, and its second stage at 40.
  CHECK(found.stages == numbers{3, 4, 0, 5, 0, 0, 1, 2});
  CHECK(found.ends == numbers{25, 55, 10});
}

TEST_CASE("orders are found by their names") {
  for (const auto order : all_dag_orders())
    CHECK(find_dag_order(to_string(order)).value() == order);
  CHECK(find_dag_order("lifo").failure().message.find("sjf-critical-path")
        != std::string::npos);
}
