#include "agent/core.hpp"
#include "tests/agent/orders.hpp"

#include <doctest/doctest.h>

using namespace skerry;
using namespace skerry::testing;

TEST_SUITE_BEGIN("agent/core_limits");

namespace {

constexpr std::int64_t started_at = 5'000'000; // Unix milliseconds.

/// A task that runs on node "n" and may do so for a while.
agent_memory running_for_at_most(std::int64_t milliseconds) {
  agent_memory memory;
  auto& kept = memory.tasks[{"n", "t", 1}];
  kept.order = order_of("n", "t", 1);
  kept.order.mutable_work()->set_max_duration_milliseconds(milliseconds);
  kept.order.mutable_work()->set_keep_on_disconnect(true);
  kept.started = started("n", "t", 1);
  kept.started.set_unix_milliseconds(started_at);
  kept.has_started = true;
  return memory;
}

agent_core core_of(const agent_memory& memory) {
  agent_step recovery; // Tested apart.
  return agent_core::recover({.nodes = {node_of("n")}}, memory, recovery)
      .value();
}

/// The reason of the stop that the core wants now; empty for none.
std::string stops(agent_core& core, agent_instant now) {
  agent_step step;
  core.tick(now, step);
  return step.commands.empty() ? std::string{}
                               : std::get<stop_task>(step.commands[0]).reason;
}

} // namespace

TEST_CASE("a task that has run for its most is stopped, and has failed") {
  auto core = core_of(running_for_at_most(2'000));
  CHECK(stops(core, {1'000, started_at}).empty());
  // The calendar is set by years meanwhile: the first look at it counts.
  CHECK(stops(core, {2'999, started_at + 100'000'000}).empty());
  CHECK(stops(core, {3'000, started_at})
        == "it has run for its max_duration of 2 s");
  v1::Outcome outcome; // However well it took that.
  outcome.set_succeeded(true);
  agent_step step;
  core.take(task_over{{"n", "t", 1}, outcome}, {3'100, started_at}, step);
  REQUIRE(step.records.size() == 1);
  const auto& ended = step.records[0].ended().outcome();
  CHECK_FALSE(ended.succeeded());
  CHECK(ended.reason() == "it has run for its max_duration of 2 s");
}

TEST_CASE("a restarted agent counts how long a task has run before") {
  auto core = core_of(running_for_at_most(60'000));
  CHECK(stops(core, {1'000'000, started_at + 59'000}).empty());
  CHECK(stops(core, {1'000'999, started_at + 59'999}).empty());
  CHECK_FALSE(stops(core, {1'001'000, started_at + 60'000}).empty());
}

TEST_CASE("a task that has ended in time is left alone") {
  auto core = core_of(running_for_at_most(2'000));
  CHECK(stops(core, {1'000, started_at}).empty());
  v1::Outcome outcome;
  outcome.set_succeeded(true);
  agent_step step;
  core.take(task_over{{"n", "t", 1}, outcome}, {2'000, started_at}, step);
  CHECK(step.records[0].ended().outcome().succeeded());
  CHECK(stops(core, {10'000, started_at}).empty());
}
