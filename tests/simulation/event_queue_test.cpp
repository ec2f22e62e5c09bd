#include "simulation/event_queue.hpp"

#include <cstdint>
#include <vector>

#include <doctest/doctest.h>

using namespace skerry;

TEST_SUITE_BEGIN("simulation/event_queue");

TEST_CASE("events come by time, and at one time as they were put in") {
  event_queue<char> queue;
  queue.push(20, 'd');
  queue.push(10, 'a');
  queue.push(10, 'b');
  queue.push(10, 'c');
  CHECK(queue.top().what == 'a');
  std::vector<char> order;
  while (!queue.empty())
    order.push_back(queue.pop().what);
  CHECK(order == std::vector{'a', 'b', 'c', 'd'});
}

TEST_CASE("an event may cause another at its own time, which comes last") {
  event_queue<int> queue;
  queue.push(5, 1);
  queue.push(5, 2);
  CHECK(queue.pop().what == 1);
  queue.push(5, 3);
  CHECK(queue.pop().what == 2);
  CHECK(queue.pop().what == 3);
  CHECK(queue.empty());
}

TEST_CASE("a thousand scrambled events come out sorted and stable") {
  event_queue<std::uint32_t> queue;
  // Ten times of a hundred events; 389 is coprime to 1000.
  for (std::uint32_t i = 0; i < 1000; ++i)
    queue.push((i * 389) % 1000 / 100, i);
  CHECK(queue.size() == 1000);
  auto last = queue.pop();
  while (!queue.empty()) {
    const auto next = queue.pop();
    const bool sorted = last.time < next.time
                        || (last.time == next.time && last.what < next.what);
    CHECK(sorted);
    last = next;
  }
}

TEST_SUITE_END();
