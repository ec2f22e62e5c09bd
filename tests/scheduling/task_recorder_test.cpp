#include "scheduling/task_recorder.hpp"

#include <doctest/doctest.h>

using namespace skerry;
using namespace skerry::literals;

TEST_SUITE_BEGIN("scheduling/task_recorder");

namespace {

task_shape shape_of(std::int64_t cpu) {
  return {.demand = {millicores{cpu}, 1_GiB}};
}

} // namespace

TEST_CASE("a task is known by its times") {
  task_recorder record;
  const auto a = record.placed(shape_of(1), 10);
  const auto b = record.placed(shape_of(2), 20);
  record.ended(a, 70);
  const auto entries = record.entries();
  REQUIRE(entries.size() == 2);
  CHECK(*entries[0].shape == shape_of(1));
  CHECK(entries[0].arrival_milliseconds == 10);
  CHECK(entries[0].end_milliseconds == 70);
  CHECK(entries[1].start_milliseconds == 20);
  CHECK(entries[1].end_milliseconds == -1);
  CHECK(a != 0);
  CHECK(b != a);
}

TEST_CASE("who waits counts once, from the first time, and until it starts") {
  task_recorder record;
  record.waits(shape_of(8), 5);
  record.waits(shape_of(8), 6);
  record.waits(shape_of(9), 7);
  CHECK(record.entries().size() == 2);
  CHECK(record.entries()[0].start_milliseconds == -1);
  (void)record.placed(shape_of(8), 50);
  REQUIRE(record.entries().size() == 2);
  CHECK(record.entries()[0].arrival_milliseconds == 5);
  CHECK(record.entries()[0].start_milliseconds == 50);
  (void)record.placed(shape_of(8), 60); // Another one.
  CHECK(record.entries().size() == 3);
}

TEST_CASE("the oldest go, and a shape that still waits comes back") {
  task_recorder record;
  record.waits(shape_of(8), 0);
  const auto old = record.placed(shape_of(1), 1);
  for (std::size_t i = 0; i < task_recorder::capacity; ++i)
    (void)record.placed(shape_of(2), 2);
  CHECK(record.entries().size() == task_recorder::capacity);
  CHECK(*record.entries().front().shape == shape_of(2));
  record.ended(old, 3); // Too late: nothing happens.
  for (const auto& each : record.entries())
    CHECK(each.end_milliseconds == -1);
  record.waits(shape_of(8), 4);
  CHECK(*record.entries().back().shape == shape_of(8));
}

TEST_SUITE_END();
