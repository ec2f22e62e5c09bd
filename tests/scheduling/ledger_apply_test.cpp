#include "tests/scheduling/ledger_fixture.hpp"

#include <doctest/doctest.h>

using namespace skerry;
using namespace skerry::literals;
using namespace skerry::testing;

TEST_SUITE_BEGIN("scheduling/ledger_apply");

TEST_CASE_FIXTURE(ledger_fixture,
                  "a submission is accepted as a whole or not") {
  submit("taken");
  const submit_tasks jobs{
      .tasks = {{"t1", one_core()}, {"t2", one_core()}, {"taken", one_core()}},
      .gang = true};
  CHECK(code(book.apply(jobs, events)) == error_code::already_exists);
  CHECK(events.empty());
  CHECK(book.size() == 1);
  const submit_tasks twice{.tasks = {{"t", one_core()}, {"t", one_core()}}};
  CHECK(code(book.apply(twice, events)) == error_code::already_exists);
  CHECK(book.size() == 1);
  CHECK(code(book.apply(submit_tasks{}, events))
        == error_code::invalid_argument);
}

TEST_CASE_FIXTURE(ledger_fixture, "commands tell what happened") {
  REQUIRE(book.apply(submit_tasks{.tasks = {{"t", one_core(2)}}}, events));
  const auto task = *book.find("t");
  REQUIRE(
      book.apply(commit_plan{planned({plan_place{task, 1, a, 0}})}, events));
  REQUIRE(book.apply(start_task{"t", {1, 1}}, events));
  REQUIRE(book.apply(move_task{"t", "b", 0}, events));
  REQUIRE(book.apply(evict_task{"t"}, events));
  REQUIRE(book.place(task, a, 0));
  REQUIRE(book.apply(fail_task{"t", {3}}, events));
  REQUIRE(book.apply(cancel_task{"t"}, events));
  const std::vector<std::size_t> expected
      = {event{task_submitted{}}.index(), event{task_placed{}}.index(),
         event{task_started{}}.index(),   event{task_moved{}}.index(),
         event{task_evicted{}}.index(),   event{task_requeued{}}.index(),
         event{task_failed{}}.index(),    event{task_requeued{}}.index(),
         event{task_cancelled{}}.index()};
  std::vector<std::size_t> seen;
  for (const auto& each : events)
    seen.push_back(each.index());
  CHECK(seen == expected);
}

TEST_CASE_FIXTURE(ledger_fixture,
                  "a command about what is not there is not found") {
  for (const command& what :
       {command{start_task{"t", {1}}}, command{finish_task{"t", {1}}},
        command{fail_task{"t", {1}}}, command{resize_task{"t", {}}},
        command{move_task{"t", "b", 0}}, command{evict_task{"t"}},
        command{cancel_task{"t"}}, command{lose_node{"n"}},
        command{update_node{small_node("n")}},
        command{set_node_condition{"n"}}})
    CHECK(code(book.apply(what, events)) == error_code::not_found);
  CHECK(events.empty());
}

TEST_CASE_FIXTURE(ledger_fixture, "a submission holds its profile only through "
                                  "its tasks") {
  REQUIRE(book.apply(submit_tasks{.tasks = {{"t", one_core()}}}, events));
  const auto profile = book.task(*book.find("t"))->profile;
  CHECK(book.submit("u", profile));
  REQUIRE(book.apply(cancel_task{"t"}, events));
  REQUIRE(book.apply(cancel_task{"u"}, events));
  CHECK(code(book.submit("t", profile)) == error_code::not_found);
}
