#include "agent/simulated_driver.hpp"
#include "tests/agent/orders.hpp"

#include <string>
#include <variant>
#include <vector>

#include <doctest/doctest.h>

using namespace skerry;
using namespace skerry::testing;

TEST_SUITE_BEGIN("agent/simulated_driver");

namespace {

const task_key key{"n", "t", 1};

struct bench {
  simulated_driver driver;
  agent_instant now{1'000'000, 9'000'000};

  explicit bench(simulated_driver_options options = {}) : driver{options} {
    (void)driver.advance(now); // It is empty: only the time.
  }
  std::vector<driver_event> pass(std::int64_t milliseconds) {
    now.boot_milliseconds += milliseconds;
    now.unix_milliseconds += milliseconds;
    return driver.advance(now);
  }
};

} // namespace

TEST_CASE("a task begins at once and ends after its duration") {
  bench b;
  b.driver.take(begin_task{key, order_of("n", "t", 1)});
  auto events = b.pass(0);
  REQUIRE(events.size() == 1);
  CHECK(std::get<task_began>(events[0]).started.unix_milliseconds()
        == 9'000'000);
  CHECK(b.pass(999).empty());
  CHECK(b.driver.next_milliseconds() == 1'001'000);
  events = b.pass(1);
  REQUIRE(events.size() == 1);
  const auto& outcome = std::get<task_over>(events[0]).outcome;
  CHECK(outcome.succeeded());
  CHECK(outcome.ended_unix_milliseconds() == 9'001'000);
  CHECK(b.driver.take_log()
        == "start n t 1 1 1 9000000 100 0 -\nend n t 1 9001000 0 0\n");
}

TEST_CASE("time passes faster when it is scaled") {
  bench b{{.time_scale = 100}};
  b.driver.take(begin_task{key, order_of("n", "t", 1)});
  CHECK(b.pass(9).size() == 1);
  CHECK(b.pass(1).size() == 1); // 1000 ms / 100.
}

TEST_CASE("an exit code other than 0 is a failure") {
  bench b;
  auto order = order_of("n", "t", 1);
  order.mutable_work()->mutable_simulated()->set_exit_code(3);
  b.driver.take(begin_task{key, order});
  const auto events = b.pass(1'000);
  REQUIRE(events.size() == 2);
  const auto& outcome = std::get<task_over>(events[1]).outcome;
  CHECK(!outcome.succeeded());
  CHECK(outcome.exit_code() == 3);
}

TEST_CASE("a stopped task ends at once, and only then") {
  bench b;
  b.driver.take(begin_task{key, order_of("n", "t", 1)});
  CHECK(b.pass(10).size() == 1);
  b.driver.take(stop_task{key, "it was cancelled"});
  const auto events = b.pass(0);
  REQUIRE(events.size() == 1);
  CHECK(std::get<task_over>(events[0]).outcome.signal() == 15);
  CHECK(b.pass(10'000).empty());
}

TEST_CASE("an adopted task ends when it would have ended") {
  bench b;
  v1::TaskStarted before;
  before.set_unix_milliseconds(b.now.unix_milliseconds - 400);
  b.driver.take(adopt_task{key, order_of("n", "t", 1), before});
  CHECK(b.pass(599).empty());
  CHECK(b.pass(1).size() == 1);
}

TEST_CASE("one that had not begun before a restart never does") {
  bench b;
  b.driver.take(adopt_task{key, order_of("n", "t", 1), {}});
  const auto events = b.pass(0);
  REQUIRE(events.size() == 1);
  CHECK(std::holds_alternative<task_never_began>(events[0]));
}

TEST_CASE("usage follows the model and never exceeds the grant") {
  bench b{{.usage_milliseconds = 100}};
  auto order = order_of("n", "t", 1, 2000);
  order.mutable_demand()->set_memory_bytes(10'000);
  auto& work = *order.mutable_work()->mutable_simulated();
  work.set_duration_milliseconds(250);
  work.set_cpu_use_milli(1500);
  work.set_memory_use_milli(300);
  b.driver.take(begin_task{key, order});
  (void)b.pass(0); // Began.
  const auto events = b.pass(250);
  REQUIRE(events.size() == 3); // Two usages, one end.
  const auto& usage = std::get<task_used>(events[0]).usage;
  CHECK(usage.cpu_millicores() == 2000); // 3000 wanted.
  CHECK(usage.memory_bytes() == 3'000);
}

namespace {

/// 100 ms of 500 millicores and 1000 bytes, then 100 ms of 3000 and 4000.
v1::StartOrder curved(std::int64_t memory_bytes) {
  auto order = order_of("n", "t", 1, 2000);
  order.mutable_demand()->set_memory_bytes(memory_bytes);
  auto& work = *order.mutable_work()->mutable_simulated();
  work.set_duration_milliseconds(10'000);
  for (const auto& [cpu, memory] : {std::pair{500, 1'000}, {3'000, 4'000}}) {
    auto* part = work.add_curve();
    part->set_duration_milliseconds(100);
    part->set_cpu_millicores(cpu);
    part->set_memory_bytes(memory);
  }
  return order;
}

std::vector<v1::Usage> usages(const std::vector<driver_event>& events) {
  std::vector<v1::Usage> out;
  for (const auto& event : events)
    if (const auto* used = std::get_if<task_used>(&event))
      out.push_back(used->usage);
  return out;
}

} // namespace

TEST_CASE("usage follows a curve, and what is not granted is throttled") {
  bench b{{.usage_milliseconds = 150}};
  b.driver.take(begin_task{key, curved(10'000)});
  const auto told = usages(b.pass(300));
  REQUIRE(told.size() == 2);
  CHECK(told[0].interval_milliseconds() == 150);
  CHECK(told[0].cpu_millicores() == 1000); // (100 * 500 + 50 * 2000) / 150
  CHECK(told[0].throttled_milliseconds() == 50);
  CHECK(told[0].throttled_periods_milli() == 333);
  CHECK(told[0].memory_bytes() == 4'000);
  // The other 50 ms of the peak, then from the start again.
  CHECK(told[1].cpu_millicores() == 1000);
  CHECK(told[1].memory_bytes() == 4'000); // At 300 ms: the peak begins.
  v1::Resources to;
  to.set_cpu_millicores(4000);
  to.set_memory_bytes(10'000);
  b.driver.take(change_task{key, to});
  const auto grown = usages(b.pass(150));
  REQUIRE(grown.size() == 1);
  CHECK(grown[0].cpu_millicores() == 2167); // (100 * 3000 + 50 * 500) / 150
  CHECK(grown[0].throttled_periods_milli() == 0);
  CHECK(grown[0].memory_bytes() == 1'000);
  CHECK(grown[0].peak_memory_bytes() == 4'000);
}

TEST_CASE("a curve passes faster when time is scaled") {
  bench b{{.time_scale = 1e6, .usage_milliseconds = 10}};
  auto order = curved(10'000);
  order.mutable_work()->mutable_simulated()->set_duration_milliseconds(
      1'000'000'000);
  b.driver.take(begin_task{key, order});
  const auto told = usages(b.pass(10)); // 50 000 rounds.
  REQUIRE(told.size() == 1);
  CHECK(told[0].cpu_millicores() == 1250);
}

TEST_CASE("more memory than granted kills a simulated task, and it is told") {
  bench b{{.usage_milliseconds = 50}};
  b.driver.take(begin_task{key, curved(3'999)});
  (void)b.pass(0);
  CHECK(usages(b.pass(50)).size() == 1);
  const auto events = b.pass(100);
  REQUIRE(!events.empty());
  const auto& outcome = std::get<task_over>(events.back()).outcome;
  CHECK(outcome.out_of_memory());
  CHECK(outcome.signal() == 9);
  CHECK(!outcome.succeeded());
  CHECK(outcome.reason() == "it used more memory than it was granted");
}

TEST_CASE("a shrink below what it uses is refused") {
  bench b;
  auto order = order_of("n", "t", 1, 2000);
  order.mutable_demand()->set_memory_bytes(10'000);
  b.driver.take(begin_task{key, order});
  (void)b.pass(0); // Began.
  v1::Resources to;
  to.set_cpu_millicores(1000);
  to.set_memory_bytes(9'999);
  b.driver.take(change_task{key, to});
  auto events = b.pass(0);
  REQUIRE(events.size() == 1);
  CHECK(std::get<resize_refused>(events[0]).why.code == error_code::conflict);
  to.set_memory_bytes(10'000);
  b.driver.take(change_task{key, to});
  events = b.pass(0);
  REQUIRE(events.size() == 1);
  CHECK(std::get<task_changed>(events[0]).demand.cpu_millicores() == 1000);
}
