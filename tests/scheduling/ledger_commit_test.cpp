#include "tests/scheduling/ledger_fixture.hpp"

#include <doctest/doctest.h>

using namespace skerry;
using namespace skerry::literals;
using namespace skerry::testing;

TEST_SUITE_BEGIN("scheduling/ledger_commit");

// -- plans --------------------------------------------------------------------

TEST_CASE_FIXTURE(ledger_fixture, "a plan of another epoch has no effect") {
  auto late = planned({plan_place{submit("t"), 1, a, 0}});
  late.epoch = 6;
  CHECK(code(book.commit(late, events)) == error_code::stale_epoch);
  CHECK(events.empty());
}

TEST_CASE_FIXTURE(ledger_fixture,
                  "a plan on a version that has not been is refused") {
  auto early = planned({plan_place{submit("t"), 1, a, 0}});
  ++early.version;
  CHECK(code(book.commit(early, events)) == error_code::invalid_argument);
}

TEST_CASE_FIXTURE(ledger_fixture, "items of one plan share a node") {
  const auto t1 = submit("t1");
  const auto t2 = submit("t2");
  const auto done = book.commit(
      planned({plan_place{t1, 1, a, 0}, plan_place{t2, 1, a, 0}}), events);
  REQUIRE(done);
  CHECK(done->accepted == 2);
  CHECK(free_cpu(a) == 2000);
}

TEST_CASE_FIXTURE(ledger_fixture,
                  "an item whose node has changed is to be planned "
                  "again, the others are carried out") {
  const auto t1 = submit("t1");
  const auto t2 = submit("t2");
  const auto both = planned({plan_place{t1, 1, a, 0}, plan_place{t2, 1, b, 0}});
  placed("meanwhile", a);
  const auto done = book.commit(both, events);
  REQUIRE(done);
  CHECK(done->accepted == 1);
  CHECK(done->refused == 1);
  CHECK(refusal_of(0) == error_code::stale_snapshot);
  CHECK(state(t1) == task_state::pending);
  CHECK(state(t2) == task_state::placed);
}

TEST_CASE_FIXTURE(ledger_fixture,
                  "an item whose task has changed is to be planned "
                  "again") {
  const auto evicted = placed("evicted", b);
  const auto elsewhere = submit("elsewhere");
  const auto cancelled = submit("cancelled");
  const auto proposal
      = planned({plan_evict{evicted, 1}, plan_place{elsewhere, 1, a, 0},
                 plan_place{cancelled, 1, a, 0}});
  REQUIRE(book.evict(evicted));
  REQUIRE(book.place(elsewhere, b, 0));
  REQUIRE(book.cancel(cancelled));
  REQUIRE(book.commit(proposal, events));
  for (const std::uint32_t item : {0, 1, 2})
    CHECK(refusal_of(item) == error_code::stale_snapshot);
}

TEST_CASE_FIXTURE(ledger_fixture,
                  "what a plan places beyond the room of a node is "
                  "insufficient") {
  const auto big = submit("big", {.shape = {.demand = {3_cores, 1_GiB}}});
  const auto more = submit("more", {.shape = {.demand = {2_cores, 1_GiB}}});
  REQUIRE(book.commit(
      planned({plan_place{big, 1, a, 0}, plan_place{more, 1, a, 0}}), events));
  CHECK(refusal_of(1) == error_code::insufficient);
  CHECK(state(big) == task_state::placed);
}

TEST_CASE_FIXTURE(ledger_fixture, "a plan evicts one task to place another") {
  const auto old = placed("old", a, 0, {.shape = {.demand = {4_cores, 1_GiB}}});
  const auto urgent = submit("urgent", {.shape = {.demand = {4_cores, 1_GiB}}});
  REQUIRE(book.commit(
      planned({plan_evict{old, 1}, plan_place{urgent, 1, a, 0}}), events));
  CHECK(state(old) == task_state::pending);
  CHECK(state(urgent) == task_state::placed);
}

TEST_CASE_FIXTURE(ledger_fixture, "a plan moves and resizes") {
  const auto moved = placed("moved", a);
  const auto resized = placed("resized", a, 0, elastic());
  const auto done
      = book.commit(planned({plan_move{moved, 1, b, 0},
                             plan_resize{resized, 1, {4_cores, 2_GiB}}}),
                    events);
  REQUIRE(done);
  CHECK(done->accepted == 2);
  CHECK(free_cpu(a) == 0);
  CHECK(free_cpu(b) == 3000);
}

TEST_CASE_FIXTURE(ledger_fixture, "a plan has one item for a task") {
  const auto task = submit("t");
  REQUIRE(book.commit(
      planned({plan_place{task, 1, a, 0}, plan_place{task, 1, b, 0}}), events));
  CHECK(refusal_of(1) == error_code::invalid_argument);
  CHECK(book.task(task)->node == a);
}

TEST_CASE_FIXTURE(ledger_fixture,
                  "a plan for a node that never was is refused") {
  const auto task = submit("t");
  REQUIRE(
      book.commit(planned({plan_place{task, 1, node_index{9}, 0}}), events));
  CHECK(refusal_of(0) == error_code::invalid_argument);
}

// -- gangs --------------------------------------------------------------------

TEST_CASE_FIXTURE(ledger_fixture, "a gang is placed by one plan") {
  const auto tasks = gang({"g1", "g2"});
  const auto done = book.commit(
      planned({plan_place{tasks[0], 1, a, 0}, plan_place{tasks[1], 1, b, 0}}),
      events);
  REQUIRE(done);
  CHECK(done->accepted == 2);
  CHECK(state(tasks[1]) == task_state::placed);
}

TEST_CASE_FIXTURE(ledger_fixture, "a part of a gang is not placed") {
  const auto tasks = gang({"g1", "g2", "g3"});
  CHECK(code(book.place(tasks[0], a, 0)) == error_code::conflict);
  const auto other = submit("other");
  const auto done = book.commit(
      planned({plan_place{tasks[0], 1, a, 0}, plan_place{other, 1, a, 0},
               plan_place{tasks[2], 1, b, 0}}),
      events);
  REQUIRE(done);
  CHECK(done->refused == 2);
  CHECK(refusal_of(0) == error_code::invalid_argument);
  CHECK(refusal_of(2) == error_code::invalid_argument);
  CHECK(state(other) == task_state::placed);
}

TEST_CASE_FIXTURE(ledger_fixture,
                  "a gang of which one does not fit is taken back") {
  const auto tasks = gang({"g1", "g2"}, {.shape = {.demand = {3_cores, {}}}});
  REQUIRE(book.commit(
      planned({plan_place{tasks[0], 1, a, 0}, plan_place{tasks[1], 1, a, 0}}),
      events));
  CHECK(refusal_of(0) == error_code::insufficient);
  CHECK(refusal_of(1) == error_code::insufficient);
  CHECK(state(tasks[0]) == task_state::pending);
  CHECK(book.task(tasks[0])->attempt == 1);
  CHECK(free_cpu(a) == 4000);
}

TEST_CASE_FIXTURE(ledger_fixture, "a gang of which one is stale is refused") {
  const auto tasks = gang({"g1", "g2"});
  const auto proposal
      = planned({plan_place{tasks[0], 1, a, 0}, plan_place{tasks[1], 1, b, 0}});
  placed("meanwhile", b);
  REQUIRE(book.commit(proposal, events));
  CHECK(refusal_of(0) == error_code::stale_snapshot);
  CHECK(refusal_of(1) == error_code::stale_snapshot);
  CHECK(free_cpu(a) == 4000);
}

TEST_CASE_FIXTURE(ledger_fixture,
                  "a gang finds room that the plan made before its "
                  "last task") {
  const auto old = placed("old", b, 0, {.shape = {.demand = {4_cores, {}}}});
  const auto tasks = gang({"g1", "g2"}, {.shape = {.demand = {4_cores, {}}}});
  const auto done
      = book.commit(planned({plan_place{tasks[0], 1, b, 0}, plan_evict{old, 1},
                             plan_place{tasks[1], 1, a, 0}}),
                    events);
  REQUIRE(done);
  CHECK(done->accepted == 3);
}

TEST_CASE_FIXTURE(ledger_fixture,
                  "the lost tasks of a gang are placed together "
                  "again, the others run on") {
  const auto tasks = gang({"g1", "g2", "g3"}, one_core(2));
  REQUIRE(book.commit(
      planned({plan_place{tasks[0], 1, a, 0}, plan_place{tasks[1], 1, a, 0},
               plan_place{tasks[2], 1, b, 0}}),
      events));
  REQUIRE(book.lose_node(a, events));
  events.clear();
  REQUIRE(book.commit(planned({plan_place{tasks[0], 2, b, 0}}), events));
  CHECK(refusal_of(0) == error_code::invalid_argument);
  const auto done = book.commit(
      planned({plan_place{tasks[0], 2, b, 0}, plan_place{tasks[1], 2, b, 0}}),
      events);
  CHECK(done->accepted == 2);
}
