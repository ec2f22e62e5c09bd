#include "tests/scheduling/ledger_fixture.hpp"

#include <doctest/doctest.h>

using namespace skerry;
using namespace skerry::literals;
using namespace skerry::testing;

TEST_SUITE_BEGIN("scheduling/ledger");

// -- the life of a task -------------------------------------------------------

TEST_CASE_FIXTURE(ledger_fixture,
                  "a task is pending, placed, running and gone") {
  const auto task = submit("t");
  CHECK(state(task) == task_state::pending);
  REQUIRE(book.place(task, a, 0));
  CHECK(state(task) == task_state::placed);
  CHECK(free_cpu(a) == 3000);
  REQUIRE(book.start(task));
  CHECK(state(task) == task_state::running);
  REQUIRE(book.finish(task));
  CHECK(state(task) == task_state::gone);
  CHECK(free_cpu(a) == 4000);
  CHECK(book.size() == 0);
}

TEST_CASE_FIXTURE(ledger_fixture, "an attempt starts once") {
  const auto task = placed("t");
  REQUIRE(book.start(task));
  CHECK(code(book.start(task)) == error_code::conflict);
}

TEST_CASE_FIXTURE(ledger_fixture,
                  "a task on no node does not start or finish") {
  const auto task = submit("t");
  CHECK(code(book.start(task)) == error_code::conflict);
  CHECK(code(book.finish(task)) == error_code::conflict);
  CHECK(code(book.fail(task)) == error_code::conflict);
  CHECK(code(book.evict(task)) == error_code::conflict);
}

TEST_CASE_FIXTURE(ledger_fixture, "a finish says that the task had started") {
  const auto task = placed("t");
  CHECK(book.finish(task));
}

TEST_CASE_FIXTURE(ledger_fixture,
                  "a handle of a task that is gone is not found") {
  const auto task = placed("t");
  REQUIRE(book.finish(task));
  const auto next = submit("u");
  CHECK(next.slot == task.slot);
  CHECK(code(book.place(task, a, 0)) == error_code::not_found);
  CHECK(code(book.cancel(task)) == error_code::not_found);
  CHECK(state(next) == task_state::pending);
}

TEST_CASE_FIXTURE(ledger_fixture, "an id is refused while its task lives") {
  const auto task = submit("t");
  const auto profile = *book.intern(one_core());
  CHECK(code(book.submit("t", profile)) == error_code::already_exists);
  REQUIRE(book.cancel(task));
  CHECK(book.submit("t", profile));
}

TEST_CASE_FIXTURE(ledger_fixture,
                  "the id of a task that left is told until another "
                  "takes its place") {
  const auto task = placed("t");
  REQUIRE(book.finish(task));
  CHECK(book.id(task) == "t");
  submit("u");
  CHECK_FALSE(book.id(task));
}

TEST_CASE_FIXTURE(ledger_fixture,
                  "an id that would leave its directory is refused") {
  const auto profile = *book.intern(one_core());
  for (const auto* id : {"", "..", "a/b", "a..b", "-a"})
    CHECK(code(book.submit(id, profile)) == error_code::invalid_argument);
}

TEST_CASE_FIXTURE(ledger_fixture, "a profile that nobody holds is not found") {
  const auto profile = *book.intern(one_core());
  book.release(profile);
  CHECK(code(book.submit("t", profile)) == error_code::not_found);
  CHECK(code(book.submit("t", profile_id{99})) == error_code::not_found);
}

TEST_CASE_FIXTURE(ledger_fixture,
                  "a task that fits no node even when it is empty is "
                  "infeasible, and the message says why") {
  const auto profile = *book.intern({.shape = {.demand = {1_cores, 64_GiB}}});
  const auto refused = book.submit("t", profile);
  REQUIRE(code(refused) == error_code::infeasible);
  CHECK(refused.failure().message
        == "task t: fits no node even when empty: 2 nodes: not enough memory "
           "(asks 64 GiB, has 8 GiB)");
  CHECK(book.size() == 0);
}

TEST_CASE("without any node a task waits for nodes to come") {
  ledger book{1};
  const auto profile = *book.intern(one_core());
  CHECK(book.submit("t", profile));
}

TEST_CASE("a ledger with its limit of tasks takes no more") {
  ledger book{1, {.tasks = 1}};
  const auto profile = *book.intern(one_core());
  REQUIRE(book.submit("t", profile));
  CHECK(code(book.submit("u", profile)) == error_code::limit_exceeded);
}

// -- placing ------------------------------------------------------------------

TEST_CASE_FIXTURE(ledger_fixture,
                  "a task that does not fit now stays pending") {
  for (const auto* id : {"t1", "t2", "t3", "t4"})
    placed(id);
  const auto task = submit("t5");
  CHECK(code(book.place(task, a, 0)) == error_code::insufficient);
  CHECK(state(task) == task_state::pending);
  CHECK(book.place(task, b, 0));
}

TEST_CASE_FIXTURE(ledger_fixture, "a task is placed on one node only") {
  const auto task = placed("t");
  CHECK(code(book.place(task, b, 0)) == error_code::conflict);
  CHECK(free_cpu(b) == 4000);
}

TEST_CASE_FIXTURE(ledger_fixture, "a node that is not there is not found") {
  const auto task = submit("t");
  CHECK(code(book.place(task, node_index{2}, 0)) == error_code::not_found);
  REQUIRE(book.lose_node(b, events));
  CHECK(code(book.place(task, b, 0)) == error_code::not_found);
}

TEST_CASE("two halves share a device and a third does not fit in") {
  ledger_fixture f{gpu_node};
  f.placed("t1", f.a, 0b01, half_gpu());
  f.placed("t2", f.a, 0b01, half_gpu());
  const auto third = f.submit("t3", half_gpu());
  CHECK(code(f.book.place(third, f.a, 0b01)) == error_code::insufficient);
  CHECK(f.book.place(third, f.a, 0b10));
}

// -- failing and being lost ---------------------------------------------------

TEST_CASE_FIXTURE(ledger_fixture,
                  "a failed task is tried again while attempts are "
                  "left") {
  const auto task = placed("t", a, 0, one_core(2));
  const auto first = book.fail(task);
  REQUIRE(first);
  CHECK(first->requeued);
  CHECK(first->attempt == 2);
  CHECK(state(task) == task_state::pending);
  CHECK(free_cpu(a) == 4000);
  REQUIRE(book.place(task, b, 0));
  CHECK_FALSE(book.fail(task)->requeued);
  CHECK(state(task) == task_state::gone);
}

TEST_CASE_FIXTURE(ledger_fixture,
                  "an evicted task has another attempt that does not "
                  "count as a failure") {
  const auto task = placed("t");
  REQUIRE(book.start(task));
  const auto back = book.evict(task);
  REQUIRE(back);
  CHECK(back->attempt == 2);
  CHECK(back->failures == 0);
  CHECK(state(task) == task_state::pending);
}

TEST_CASE_FIXTURE(ledger_fixture, "the tasks of a lost node are lost with it") {
  const auto again = placed("again", a, 0, one_core(2));
  const auto over = placed("over", a);
  const auto elsewhere = placed("elsewhere", b);
  REQUIRE(book.lose_node(a, events));
  CHECK(state(again) == task_state::pending);
  CHECK(book.task(again)->failures == 1);
  CHECK(state(over) == task_state::gone);
  CHECK(state(elsewhere) == task_state::placed);
  CHECK_FALSE(book.nodes().find("a"));
  // lost, given up; lost, requeued; the node.
  REQUIRE(events.size() == 5);
  CHECK(std::holds_alternative<task_given_up>(events[1]));
  CHECK(std::get<task_requeued>(events[3]).attempt == 2);
  CHECK(std::holds_alternative<node_lost>(events[4]));
}

TEST_CASE_FIXTURE(ledger_fixture, "the tasks of a node can be listed") {
  const auto t1 = placed("t1");
  placed("t2", b);
  const auto t3 = placed("t3");
  std::vector<task_ref> seen;
  const auto note = [&seen](task_ref task) { seen.push_back(task); };
  book.for_each_task_on(a, note);
  CHECK(seen == std::vector{t3, t1});
  REQUIRE(book.finish(t3));
  seen.clear();
  book.for_each_task_on(a, note);
  CHECK(seen == std::vector{t1});
}

// -- reports, attempts and sessions -------------------------------------------

TEST_CASE_FIXTURE(ledger_fixture, "a report of an old attempt is refused") {
  const auto task = placed("t");
  REQUIRE(book.evict(task));
  REQUIRE(book.place(task, b, 0));
  CHECK(code(book.start(task, report_stamp{1})) == error_code::conflict);
  CHECK(code(book.finish(task, report_stamp{1})) == error_code::conflict);
  CHECK(book.start(task, report_stamp{2}));
}

TEST_CASE_FIXTURE(ledger_fixture, "a report of an ended session is refused") {
  const auto task = placed("t");
  REQUIRE(book.register_node(small_node("a"), 2));
  CHECK(state(task) == task_state::placed);
  CHECK(code(book.start(task, report_stamp{1, 1})) == error_code::stale_epoch);
  CHECK(code(book.start(task, report_stamp{1, 3}))
        == error_code::invalid_argument);
  CHECK(book.start(task, report_stamp{1, 2}));
}

TEST_CASE_FIXTURE(ledger_fixture,
                  "a session number is not used twice, not even after "
                  "the node was lost") {
  CHECK(code(book.register_node(small_node("a"), 1))
        == error_code::stale_epoch);
  REQUIRE(book.lose_node(a, events));
  CHECK(code(book.register_node(small_node("a"), 1))
        == error_code::stale_epoch);
  CHECK(book.register_node(small_node("a"), 2));
}

TEST_CASE_FIXTURE(ledger_fixture,
                  "a node that came back is not lost by news of its "
                  "old session") {
  REQUIRE(book.register_node(small_node("a"), 2));
  CHECK(code(book.apply(lose_node{"a", 1}, events)) == error_code::stale_epoch);
  CHECK(book.nodes().find("a"));
  CHECK(book.apply(lose_node{"a", 2}, events));
}

TEST_CASE_FIXTURE(ledger_fixture,
                  "a node cannot come back smaller than its tasks") {
  placed("t");
  auto shrunk = small_node("a");
  shrunk.capacity = {500_mcores, 8_GiB};
  CHECK(code(book.register_node(shrunk, 2)) == error_code::conflict);
  CHECK(book.session(a) == 1);
}

// -- conditions ---------------------------------------------------------------

TEST_CASE_FIXTURE(ledger_fixture,
                  "a cordoned node keeps its tasks and takes no "
                  "more") {
  const auto task = placed("t");
  REQUIRE(book.set_condition(a, node_condition::cordoned));
  const auto next = submit("u");
  CHECK(code(book.place(next, a, 0)) == error_code::insufficient);
  CHECK(book.start(task));
  REQUIRE(book.set_condition(a, node_condition::ready));
  CHECK(book.place(next, a, 0));
}

TEST_CASE_FIXTURE(ledger_fixture, "gone is not a condition to be set") {
  CHECK(code(book.set_condition(a, node_condition::gone))
        == error_code::invalid_argument);
}

// -- resizing -----------------------------------------------------------------

TEST_CASE_FIXTURE(ledger_fixture, "a task is resized where it is") {
  const auto task = placed("t", a, 0, elastic());
  REQUIRE(book.resize(task, {3_cores, 2_GiB}));
  CHECK(free_cpu(a) == 1000);
  CHECK(book.task(task)->attempt == 1);
  REQUIRE(book.finish(task));
  CHECK(free_cpu(a) == 4000);
}

TEST_CASE_FIXTURE(ledger_fixture, "a size outside of the bounds is refused") {
  const auto task = placed("t", a, 0, elastic());
  const auto fixed = placed("u", b);
  CHECK(code(book.resize(task, {500_mcores, 2_GiB}))
        == error_code::invalid_argument);
  CHECK(code(book.resize(task, {5_cores, 2_GiB}))
        == error_code::invalid_argument);
  CHECK(code(book.resize(fixed, {1_cores, 1_GiB}))
        == error_code::invalid_argument);
}

TEST_CASE_FIXTURE(ledger_fixture,
                  "a size that the node does not have is refused") {
  const auto task = placed("t", a, 0, elastic());
  placed("u", a);
  CHECK(code(book.resize(task, {4_cores, 2_GiB})) == error_code::insufficient);
  CHECK(free_cpu(a) == 1000);
  CHECK(book.resize(task, {3_cores, 2_GiB}));
}

TEST_CASE_FIXTURE(ledger_fixture, "a task on a cordoned node can be resized") {
  const auto task = placed("t", a, 0, elastic());
  REQUIRE(book.set_condition(a, node_condition::cordoned));
  CHECK(book.resize(task, {4_cores, 2_GiB}));
}

TEST_CASE_FIXTURE(ledger_fixture,
                  "the size stays with a task that is evicted") {
  const auto task = placed("t", a, 0, elastic());
  REQUIRE(book.resize(task, {3_cores, 2_GiB}));
  REQUIRE(book.evict(task));
  REQUIRE(book.place(task, b, 0));
  CHECK(free_cpu(b) == 1000);
}

// -- moving -------------------------------------------------------------------

TEST_CASE_FIXTURE(ledger_fixture, "a move begins another attempt elsewhere") {
  const auto task = placed("t");
  REQUIRE(book.start(task));
  REQUIRE(book.move(task, b, 0));
  CHECK(state(task) == task_state::placed);
  CHECK(book.task(task)->attempt == 2);
  CHECK(free_cpu(a) == 4000);
  CHECK(free_cpu(b) == 3000);
}

TEST_CASE_FIXTURE(ledger_fixture, "a move to a full node changes nothing") {
  const auto task = placed("t");
  for (const auto* id : {"t1", "t2", "t3", "t4"})
    placed(id, b);
  const auto version = book.nodes().version();
  CHECK(code(book.move(task, b, 0)) == error_code::insufficient);
  CHECK(book.task(task)->node == a);
  CHECK(book.task(task)->attempt == 1);
  CHECK(book.nodes().version() == version);
}

TEST_CASE_FIXTURE(ledger_fixture, "a move to where the task is is refused") {
  const auto task = placed("t");
  CHECK(code(book.move(task, a, 0)) == error_code::invalid_argument);
}

TEST_CASE("a task moves to another device of its node, also when its own "
          "amounts are in the way") {
  ledger_fixture f{gpu_node};
  const task_profile both
      = {.shape = {.demand = {8_cores, 64_GiB}, .devices = {{.count = 1}}}};
  const auto task = f.placed("t", f.a, 0b01, both);
  REQUIRE(f.book.move(task, f.a, 0b10));
  CHECK(f.book.nodes().idle_devices(f.a) == 0b01);
  CHECK(code(f.book.move(task, f.a, 0b11)) == error_code::insufficient);
  CHECK(f.book.nodes().idle_devices(f.a) == 0b01);
}

TEST_CASE("a share moves to another device of its node") {
  ledger_fixture f{gpu_node};
  const auto task = f.placed("t", f.a, 0b01, half_gpu());
  f.placed("u", f.a, 0b10, half_gpu());
  const auto full = f.placed("v", f.a, 0b10, half_gpu());
  CHECK(code(f.book.move(task, f.a, 0b10)) == error_code::insufficient);
  REQUIRE(f.book.finish(full));
  CHECK(f.book.move(task, f.a, 0b10));
  CHECK(f.book.nodes().idle_devices(f.a) == 0b01);
}

// -- size ---------------------------------------------------------------------

TEST_CASE("a live task takes at most 64 bytes of hot state") {
  ledger book{1};
  const auto profile = *book.intern(one_core());
  constexpr std::size_t tasks = 100'000;
  for (std::size_t i = 0; i < tasks; ++i)
    REQUIRE(book.submit("task-" + std::to_string(i), profile));
  // 131 072 index entries hold at most 98 304 tasks, so there are 262 144:
  // 48 bytes a record and 10.5 of index, and one chunk that is not full.
  CHECK(book.hot_bytes() <= tasks * 64);
}
