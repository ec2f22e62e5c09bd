#include "tests/actors/queue_world.hpp"

#include <doctest/doctest.h>

using namespace skerry;
using namespace skerry::testing;

TEST_SUITE_BEGIN("actors/jobs_explain");

namespace {

constexpr std::int64_t hour = 3'600'000;

mesh::v1::JobInQueue explained(const queue_world& world,
                               const std::string& job) {
  auto whole = world.owned().explain(job);
  REQUIRE(whole);
  // As many questions as groups, always.
  REQUIRE(whole->asks_size() == whole->explanation().groups_size());
  return *std::move(whole);
}

queue_world one_full_node(std::vector<tenant_options> tenants = {}) {
  jobs_options how;
  how.tenants = std::move(tenants);
  queue_world world{how};
  world.add_node("n", 4);
  REQUIRE_FALSE(world.submit(work_of("first", 4, hour)));
  world.run_until(5'000);
  return world;
}

} // namespace

TEST_CASE("who is ahead goes by priority, then by arrival") {
  auto world = one_full_node();
  REQUIRE_FALSE(world.submit(work_of("older", 3, hour, {}, 1)));
  auto asked = work_of("asked", 2, hour);
  asked.mutable_groups(0)
      ->mutable_profile()
      ->mutable_demand()
      ->set_cpu_millicores(2'000);
  REQUIRE_FALSE(world.submit(asked));
  REQUIRE_FALSE(world.submit(work_of("lower", 1, hour, {}, -1)));
  REQUIRE_FALSE(world.submit(work_of("higher", 5, hour, {}, 2)));
  world.run_until(10'000);

  const auto whole = explained(world, "asked");
  const auto& why = whole.explanation();
  CHECK(why.state() == v1::QUEUED);
  REQUIRE(why.groups_size() == 1);
  const auto& group = why.groups(0);
  CHECK(group.queued() == 2);
  CHECK(group.tasks_ahead() == 8);
  REQUIRE(group.ahead_size() == 2);
  CHECK(group.ahead(0).job() == "higher");
  CHECK(group.ahead(0).tasks() == 5);
  CHECK(group.ahead(0).effective_priority() == 2);
  CHECK(group.ahead(1).job() == "older");
  CHECK(group.text().find("fits no node") != std::string::npos);
  CHECK(why.text() == "2 of 2 tasks wait; group task: " + group.text());
  // The cells are asked about its first task, as JOBS would.
  REQUIRE(whole.asks(0).tasks_size() == 1);
  CHECK(whole.asks(0).explain());
  CHECK(whole.asks(0).tasks(0).demand().cpu_millicores() == 2'000);
}

TEST_CASE("what has waited counts as higher") {
  auto world = one_full_node();
  REQUIRE_FALSE(world.submit(work_of("asked", 1, hour)));
  world.run_until(21 * 60'000);
  const auto group = explained(world, "asked").explanation().groups(0);
  CHECK(group.priority() == 0);
  CHECK(group.effective_priority() == 2);
}

TEST_CASE("a quota is the reason where it is one, and no cell is asked") {
  auto world = one_full_node({{"small", 1, {{1'000, 0, 0}}}});
  world.add_node("m", 4);
  REQUIRE_FALSE(world.submit(work_of("asked", 3, hour, "small")));
  world.run_until(10'000);
  const auto whole = explained(world, "asked");
  const auto& group = whole.explanation().groups(0);
  CHECK(group.queued() == 2); // One runs.
  CHECK(group.over_quota());
  CHECK(group.tenant().name() == "small");
  CHECK(group.tenant().held().cpu_millicores() == 1'000);
  CHECK(group.text() == "the quota of tenant small has no room for it now");
  CHECK(whole.asks(0).tasks().empty());
}

TEST_CASE("jobs and groups that have not finished are named") {
  auto world = one_full_node();
  auto asked = work_of("asked", 1, hour);
  asked.add_after("first");
  asked.set_hold_milliseconds(hour);
  auto* last = asked.add_groups();
  *last = asked.groups(0);
  asked.mutable_groups(0)->set_name("stage");
  last->set_name("last");
  last->add_after("stage");
  REQUIRE_FALSE(world.submit(asked));
  world.run_until(10'000);
  const auto whole = explained(world, "asked");
  const auto& why = whole.explanation();
  REQUIRE(why.groups_size() == 2);
  CHECK(why.groups(0).text() == "job first has not finished");
  CHECK(why.groups(0).not_before_unix_milliseconds() == 5'000 + hour);
  REQUIRE(why.groups(1).after_size() == 2);
  CHECK(why.groups(1).after(0) == "first");
  CHECK(why.groups(1).after(1) == "stage");
  CHECK(whole.asks(1).tasks().empty());
  CHECK(why.groups(1).tasks_ahead() == 0);
}

TEST_CASE("of a gang the cells are asked about all tasks") {
  auto world = one_full_node();
  auto asked = work_of("asked", 3, hour);
  asked.set_gang(true);
  REQUIRE_FALSE(world.submit(asked));
  world.run_until(10'000);
  const auto whole = explained(world, "asked");
  CHECK(whole.asks(0).gang());
  CHECK(whole.asks(0).tasks_size() == 3);
}

TEST_CASE("what does not wait says so; what is not known is not found") {
  auto world = one_full_node();
  CHECK(explained(world, "first").explanation().text()
        == "it waits for nothing: all its tasks have a place");
  world.cancel("first");
  world.run_until(10'000);
  CHECK(explained(world, "first").explanation().text()
        == "it waits for nothing: it was cancelled");
  const auto none = world.owned().explain("nothing");
  REQUIRE_FALSE(none);
  CHECK(none.failure().code == error_code::not_found);
}

TEST_SUITE_END();
