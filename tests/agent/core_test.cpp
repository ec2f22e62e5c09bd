#include "agent/core.hpp"
#include "tests/agent/orders.hpp"

#include <string>
#include <vector>

#include <doctest/doctest.h>

using namespace skerry;
using namespace skerry::testing;

TEST_SUITE_BEGIN("agent/core");

namespace {

constexpr std::int64_t lease = 10'000;

/// A core with one node "n" of 4 cores, 8 GiB and two GPUs, and what it said.
struct bench {
  agent_core core;
  agent_instant now{1'000'000, 5'000'000};
  agent_step step;
  std::uint64_t session = 0;

  explicit bench(const agent_memory& memory = {}, bool connect = true)
      : core{make(memory)} {
    if (connect)
      attach(1);
  }

  static agent_core make(const agent_memory& memory) {
    agent_step ignored; // Commands of the recovery; tested apart.
    return agent_core::recover({.nodes = {node_of("n")}}, memory, ignored)
        .value();
  }

  /// As a server does: the session after the one that is said.
  void attach(std::uint64_t epoch, std::uint64_t too_low = 0) {
    step = {};
    core.connected(now, step);
    session = hellos().at(0).last_session() + 1 - too_low;
    v1::ServerMessage message;
    *message.add_welcomes() = welcome("n", session, epoch, lease);
    take(message);
  }
  void take(const v1::ServerMessage& message) {
    step = {};
    core.take(message, now, step);
  }
  void take(const driver_event& event) {
    step = {};
    core.take(event, now, step);
  }
  void start(v1::StartOrder order) {
    order.set_session(session);
    start_as_is(order);
  }
  void start_as_is(const v1::StartOrder& order) {
    v1::ServerMessage message;
    *message.add_starts() = order;
    take(message);
  }
  void began(const std::string& task, std::uint32_t attempt = 1) {
    take(task_began{{"n", task, attempt}, started("n", task, attempt)});
  }
  void over(const std::string& task, std::uint32_t attempt = 1) {
    v1::Outcome outcome;
    outcome.set_succeeded(true);
    take(task_over{{"n", task, attempt}, outcome});
  }
  void resize(const std::string& task, std::int64_t cpu_millicores) {
    v1::ServerMessage message;
    auto& order = *message.add_resizes();
    order.set_node("n");
    order.set_session(session);
    order.set_task(task);
    order.set_attempt(1);
    order.mutable_demand()->set_cpu_millicores(cpu_millicores);
    take(message);
  }
  void tick(std::int64_t milliseconds) {
    now.boot_milliseconds += milliseconds;
    step = {};
    core.tick(now, step);
  }

  std::vector<v1::TaskReport> reports() const {
    std::vector<v1::TaskReport> out;
    for (const auto& message : step.messages)
      for (const auto& report : message.reports())
        out.push_back(report);
    return out;
  }
  /// The code of the one refusal, 0 when there is none.
  int refusal() const {
    const auto all = reports();
    return all.empty() || !all[0].has_refused() ? 0 : all[0].refused().code();
  }
  std::vector<v1::Hello> hellos() const {
    std::vector<v1::Hello> out;
    for (const auto& message : step.messages)
      for (const auto& hello : message.hellos())
        out.push_back(hello);
    return out;
  }
};

int code(error_code which) {
  return static_cast<int>(which);
}

} // namespace

TEST_CASE("an order is recorded in the step that starts it") {
  bench b;
  b.start(order_of("n", "t", 1));
  REQUIRE(b.step.records.size() == 1);
  CHECK(b.step.records[0].accepted().task() == "t");
  REQUIRE(b.step.commands.size() == 1);
  CHECK(std::get<begin_task>(b.step.commands[0]).key.task == "t");
  CHECK(b.reports().empty()); // Told when it has started.
  b.began("t");
  REQUIRE(b.reports().size() == 1);
  CHECK(b.reports()[0].has_started());
  CHECK(b.reports()[0].session() == b.session);
}

TEST_CASE("an order that comes again starts nothing and is answered") {
  bench b;
  b.start(order_of("n", "t", 1));
  b.began("t");
  b.start(order_of("n", "t", 1));
  CHECK(b.step.commands.empty());
  CHECK(b.step.records.empty());
  REQUIRE(b.reports().size() == 1);
  CHECK(b.reports()[0].has_started());
}

TEST_CASE("an order of another session or an older epoch starts nothing") {
  bench b;
  auto order = order_of("n", "t", 1);
  order.set_session(b.session + 1);
  b.start_as_is(order);
  CHECK(b.step.commands.empty());
  CHECK(b.reports().empty());
  const auto old = b.session;
  b.attach(3);
  order.set_session(old);
  b.start_as_is(order);
  CHECK(b.step.commands.empty());
  order.set_epoch(2);
  b.start(order);
  CHECK(b.step.commands.empty());
  CHECK(b.refusal() == code(error_code::stale_epoch));
  order.set_epoch(3);
  b.start(order);
  CHECK(b.step.commands.size() == 1);
}

TEST_CASE("no order counts before this stream's welcome") {
  bench b;
  b.core.disconnected();
  b.start(order_of("n", "t", 1));
  CHECK(b.step.commands.empty());
  b.step = {};
  b.core.connected(b.now, b.step);
  b.start(order_of("n", "t", 1));
  CHECK(b.step.commands.empty());
}

TEST_CASE("a welcome of a session that there was already is ignored") {
  bench b;
  b.attach(1, 1);
  CHECK(b.core.attached() == 0);
  b.attach(0); // The same server, of an older epoch.
  CHECK(b.core.attached() == 0);
  b.attach(1);
  CHECK(b.core.attached() == 1);
}

TEST_CASE("each hello says a higher session, welcomed or not") {
  bench b{{}, false};
  std::uint64_t last = 0;
  for (int i = 0; i < 3; ++i) {
    b.step = {};
    b.core.connected(b.now, b.step);
    const auto said = b.hellos().at(0).last_session();
    CHECK(said == last);
    CHECK(b.step.records.size() == 1); // On disk before it is said.
    last = said + 1;
  }
}

TEST_CASE("what does not fit is refused, whatever the server believes") {
  bench b;
  b.start(order_of("n", "a", 1, 3000));
  b.start(order_of("n", "b", 1, 1001));
  CHECK(b.step.commands.empty());
  CHECK(b.refusal() == code(error_code::insufficient));
  b.start(order_of("n", "b", 1, 1000));
  CHECK(b.step.commands.size() == 1);
  b.over("a");
  b.start(order_of("n", "c", 1, 3000));
  CHECK(b.step.commands.size() == 1);
}

TEST_CASE("a device is never given twice, and shares add up") {
  bench b;
  auto whole = order_of("n", "a", 1, 100);
  whole.add_devices(0);
  b.start(whole);
  CHECK(b.step.commands.size() == 1);
  auto share = order_of("n", "b", 1, 100);
  share.add_devices(0);
  share.add_device_shares_milli(100);
  b.start(share);
  CHECK(b.refusal() == code(error_code::insufficient));
  share.set_devices(0, 1);
  share.set_device_shares_milli(0, 600);
  b.start(share);
  CHECK(b.step.commands.size() == 1);
  share.set_task("c"); // 600 + 600 > 1000.
  b.start(share);
  CHECK(b.refusal() == code(error_code::insufficient));
  share.set_devices(0, 2); // There are 0 and 1.
  b.start(share);
  CHECK(b.refusal() == code(error_code::invalid_argument));
}

TEST_CASE("an attempt that has come and gone is never started again") {
  bench b;
  b.start(order_of("n", "t", 2));
  b.began("t", 2);
  b.over("t", 2);
  v1::ServerMessage message;
  auto& ack = *message.add_acknowledges();
  ack.set_node("n");
  ack.set_task("t");
  ack.set_attempt(2);
  b.take(message);
  REQUIRE(b.step.records.size() == 1);
  CHECK(b.step.records[0].has_forgotten());
  CHECK(b.core.held_tasks() == 0);
  for (const std::uint32_t attempt : {1U, 2U}) {
    b.start(order_of("n", "t", attempt));
    CHECK(b.step.commands.empty());
    CHECK(b.refusal() == code(error_code::conflict));
  }
  b.start(order_of("n", "t", 3));
  CHECK(b.step.commands.size() == 1);
}

TEST_CASE("a newer attempt waits until the older one is gone") {
  bench b;
  b.start(order_of("n", "t", 1));
  b.start(order_of("n", "t", 2));
  CHECK(b.refusal() == code(error_code::conflict));
}

TEST_CASE("a stop that comes before its start keeps it from starting") {
  bench b;
  v1::ServerMessage message;
  auto& stop = *message.add_stops();
  stop.set_node("n");
  stop.set_session(b.session);
  stop.set_task("t");
  stop.set_attempt(1);
  b.take(message);
  REQUIRE(b.reports().size() == 1);
  CHECK(b.reports()[0].has_ended());
  b.start(order_of("n", "t", 1));
  CHECK(b.step.commands.empty());
}

TEST_CASE("an outcome is told until it is acknowledged") {
  bench b;
  b.start(order_of("n", "t", 1));
  b.began("t");
  b.over("t");
  CHECK(b.reports().size() == 1);
  b.tick(1'999);
  CHECK(b.reports().empty());
  b.tick(1);
  REQUIRE(b.reports().size() == 1);
  CHECK(b.reports()[0].ended().succeeded());
}

TEST_CASE("a resize must fit, and both amounts are held until it is done") {
  bench b;
  b.start(order_of("n", "a", 1, 1000));
  b.began("a");
  b.start(order_of("n", "b", 1, 1000));
  b.resize("a", 3001);
  CHECK(b.refusal() == code(error_code::insufficient));
  REQUIRE(b.reports().size() == 2); // And the amounts as they are.
  CHECK(b.reports()[0].refused().was_resize());
  CHECK(b.reports()[1].resized().cpu_millicores() == 1000);
  b.resize("a", 2500);
  REQUIRE(b.step.commands.size() == 1);
  b.start(order_of("n", "c", 1, 501)); // 2500 + 1000 + 501 > 4000.
  CHECK(b.refusal() == code(error_code::insufficient));
  v1::Resources to;
  to.set_cpu_millicores(2500);
  b.take(task_changed{{"n", "a", 1}, to});
  CHECK(b.reports()[0].resized().cpu_millicores() == 2500);
  CHECK(b.step.records.size() == 1);
}

TEST_CASE("a resize that the machine refuses gives back what was held for it") {
  bench b;
  b.start(order_of("n", "a", 1, 1000));
  b.began("a");
  b.resize("a", 4000);
  REQUIRE(b.step.commands.size() == 1);
  b.take(resize_refused{{"n", "a", 1}, {error_code::conflict, "it is used"}});
  CHECK(b.refusal() == code(error_code::conflict));
  CHECK(b.reports()[1].resized().cpu_millicores() == 1000);
  b.start(order_of("n", "b", 1, 3000));
  CHECK(b.step.commands.size() == 1);
}

TEST_CASE("a lease runs from when the echoed message was sent") {
  bench b;
  b.start(order_of("n", "t", 1));
  b.began("t");
  auto keep = order_of("n", "k", 1);
  keep.mutable_work()->set_keep_on_disconnect(true);
  b.start(keep);
  b.began("k");
  const auto sent = b.now.boot_milliseconds + 4'000;
  b.tick(6'000);
  v1::ServerMessage echo;
  echo.mutable_keep_alive()->set_sent_milliseconds(sent);
  b.take(echo);
  CHECK(b.core.lease_until() == sent + lease);
  b.core.disconnected();
  b.tick(sent + lease - b.now.boot_milliseconds - 1);
  CHECK(b.step.commands.empty());
  b.tick(1);
  REQUIRE(b.step.commands.size() == 1); // Not the one that is to be kept.
  const auto& stop = std::get<stop_task>(b.step.commands[0]);
  CHECK(stop.key.task == "t");
  CHECK(stop.at_once);
  b.tick(1'000);
  CHECK(b.step.commands.empty()); // Once.
}

TEST_CASE("heartbeats go out, and a silent server is given up") {
  bench b;
  b.tick(1'000);
  REQUIRE(b.step.messages.size() == 1);
  CHECK(b.step.messages[0].keep_alives(0).sent_milliseconds()
        == b.now.boot_milliseconds);
  b.tick(4'000); // Five heartbeats of a second are let pass.
  CHECK(!b.step.reconnect);
  b.tick(1);
  CHECK(b.step.reconnect);
}

TEST_CASE("a new hello says all that is held, and what happened since") {
  bench b;
  b.start(order_of("n", "a", 1));
  b.began("a");
  b.start(order_of("n", "b", 1));
  b.began("b");
  b.start(order_of("n", "c", 1));
  b.core.disconnected();
  b.over("b");
  CHECK(b.step.messages.empty());
  b.step = {};
  b.core.connected(b.now, b.step);
  REQUIRE(b.hellos().size() == 1);
  const auto hello = b.hellos()[0];
  CHECK(hello.last_session() == b.session);
  REQUIRE(hello.tasks_size() == 3);
  CHECK(hello.tasks(0).started());
  CHECK(hello.tasks(1).has_outcome());
  CHECK(!hello.tasks(2).started());
  b.began("c"); // Between Hello and Welcome.
  CHECK(b.step.messages.empty());
  v1::ServerMessage message;
  const auto session = hello.last_session() + 1;
  *message.add_welcomes() = welcome("n", session, 1, lease);
  b.take(message);
  REQUIRE(b.reports().size() == 1);
  CHECK(b.reports()[0].task() == "c");
  CHECK(b.reports()[0].session() == session);
}

TEST_CASE("a refused node says hello again, or all go to another server") {
  agent_step step;
  agent_core_options options;
  options.nodes = {node_of("a"), node_of("b")};
  auto core = agent_core::recover(std::move(options), {}, step).value();
  agent_instant now{1'000, 1'000};
  core.connected(now, step);
  v1::ServerMessage message;
  message.add_refused()->set_node("b");
  core.take(message, now, step);
  auto alone = core;
  *message.add_welcomes() = welcome("a", 1, 1, lease);
  core.take(message, now, step);
  const auto tick = [&](agent_core& which, std::int64_t milliseconds) {
    step = {};
    which.tick({1'000 + milliseconds, 1'000}, step);
    return step.messages.empty() ? 0 : step.messages[0].hellos_size();
  };
  CHECK(tick(core, 999) == 0);
  CHECK(tick(core, 2'000) == 1);
  CHECK(!step.reconnect);
  CHECK(tick(alone, 2'000) == 0);
  CHECK(step.reconnect);
}

TEST_CASE("thousands of nodes say hello in batches") {
  agent_core_options options;
  options.simulated = true;
  for (int i = 0; i < 1'201; ++i)
    options.nodes.push_back(node_of("n" + std::to_string(i)));
  agent_step step;
  auto core = agent_core::recover(std::move(options), {}, step);
  REQUIRE(core);
  core->connected({1, 1}, step);
  REQUIRE(step.messages.size() == 3);
  CHECK(step.messages[0].hellos_size() == 500);
  CHECK(step.messages[2].hellos_size() == 201);
}

TEST_CASE("a restarted core holds what its memory says") {
  bench b;
  b.start(order_of("n", "run", 1, 3000));
  b.began("run");
  b.start(order_of("n", "new", 1, 500));
  b.start(order_of("n", "end", 1, 500));
  b.began("end");
  b.over("end");
  const auto memory = fold(unfold(b.core.memory()));
  agent_step step;
  auto again = agent_core::recover({.nodes = {node_of("n")}}, memory, step);
  REQUIRE(again);
  CHECK(again->live_tasks() == 2);
  REQUIRE(step.commands.size() == 2);
  CHECK(std::get<adopt_task>(step.commands[0]).key.task == "new");
  CHECK(std::get<adopt_task>(step.commands[1]).started.pid() == 77);
  // One that had not begun is forgotten, so that its order may come again.
  step = {};
  again->take(task_never_began{{"n", "new", 1}}, b.now, step);
  CHECK(step.records[0].forgotten().never_started());
  again->connected(b.now, step);
  REQUIRE(step.messages[0].hellos_size() == 1);
  CHECK(step.messages[0].hellos(0).last_session() == b.session);
  CHECK(step.messages[0].hellos(0).tasks_size() == 2);
}

TEST_CASE("a journal of another node is refused") {
  bench b;
  b.start(order_of("n", "t", 1));
  agent_step step;
  const auto other
      = agent_core::recover({.nodes = {node_of("m")}}, b.core.memory(), step);
  REQUIRE(!other);
  CHECK(other.failure().code == error_code::conflict);
}

TEST_CASE("leaving stops every task, takes no more, and says goodbye") {
  bench b;
  b.start(order_of("n", "t", 1));
  b.began("t");
  b.step = {};
  b.core.leave(b.step);
  CHECK(b.step.commands.size() == 1);
  CHECK(!b.core.idle());
  b.start(order_of("n", "u", 1));
  CHECK(b.refusal() == code(error_code::insufficient));
  b.over("t");
  CHECK(b.core.idle());
  b.step = {};
  b.core.say_goodbye(b.step);
  CHECK(b.step.messages[0].goodbyes(0).node() == "n");
}
