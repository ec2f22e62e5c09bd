#include "scheduling/task_table.hpp"

#include <map>
#include <string>

#include <doctest/doctest.h>

using namespace skerry;

TEST_SUITE_BEGIN("scheduling/task_table");

TEST_CASE("tasks are found by id while others come and go") {
  task_table tasks;
  std::map<std::string, std::uint32_t> known;
  // A linear congruence stands for a random order; 300 ids in 512 entries
  // collide often, so erasing has gaps to close.
  std::uint32_t number = 1;
  for (auto step = 0; step < 20'000; ++step) {
    number = number * 1664525U + 1013904223U;
    const auto id = "task-" + std::to_string((number >> 16) % 300);
    if (const auto found = known.find(id); found != known.end()) {
      REQUIRE(tasks.find(id) == found->second);
      tasks.erase(found->second);
      known.erase(found);
    } else {
      REQUIRE(tasks.find(id) == task_table::no_slot);
      known.emplace(id, tasks.insert(id));
    }
  }
  CHECK(tasks.size() == known.size());
  for (const auto& [id, slot] : known)
    CHECK(tasks.find(id) == slot);
}

TEST_CASE("a slot is used again under another generation") {
  task_table tasks;
  const auto slot = tasks.insert("a");
  const auto ref = tasks.ref(slot);
  tasks.erase(slot);
  CHECK(tasks.find(ref) == task_table::no_slot);
  CHECK(tasks.insert("b") == slot);
  CHECK(tasks.find(ref) == task_table::no_slot);
  CHECK(tasks.slots() == 1);
}

TEST_CASE("a handle that was never given out finds nothing") {
  task_table tasks;
  tasks.insert("a");
  CHECK(tasks.find(task_ref{1, 0}) == task_table::no_slot);
  CHECK(tasks.find(task_ref{0, 1}) == task_table::no_slot);
  CHECK(tasks.find(task_ref{}) == task_table::no_slot);
  CHECK_FALSE(tasks.id(task_ref{}));
}

TEST_CASE("a record never moves") {
  task_table tasks;
  const auto* first = &tasks[tasks.insert("first")];
  for (auto i = 0; i < 10'000; ++i)
    tasks.insert(std::to_string(i));
  CHECK(&tasks[0] == first);
}
