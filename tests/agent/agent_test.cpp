#include "agent/agent.hpp"
#include "agent/text_file.hpp"
#include "tests/agent/fake_server.hpp"
#include "tests/agent/orders.hpp"
#include "tests/fresh_directory.hpp"

#include <algorithm>
#include <filesystem>
#include <grpcpp/grpcpp.h>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

using namespace skerry;
using namespace skerry::testing;

TEST_SUITE_BEGIN("agent/agent");

namespace {

namespace fs = std::filesystem;

agent_options options_of(const fresh_directory& home,
                         std::vector<std::string> servers) {
  fs::permissions(home.path(), fs::perms{0755});
  agent_options out;
  out.servers = std::move(servers);
  out.dial = [](const std::string& address) {
    return grpc::CreateCustomChannel(
        address, grpc::InsecureChannelCredentials(), link_channel_arguments());
  };
  out.data_directory = home.path();
  out.nodes = {node_of("n")};
  out.supervisor = SKERRY_SUPERVISE;
  out.longest_wait_milliseconds = 200;
  out.connect_milliseconds = 500;
  return out;
}

agent_options simulated(const fresh_directory& home,
                        std::vector<std::string> servers) {
  auto out = options_of(home, std::move(servers));
  out.simulated = true;
  return out;
}

bool is_started(const v1::TaskReport& report) {
  return report.has_started();
}
bool is_ended(const v1::TaskReport& report) {
  return report.has_ended();
}

std::ptrdiff_t count(const std::string& text, const std::string& what) {
  std::ptrdiff_t out = 0;
  for (auto at = text.find(what); at != text.npos; at = text.find(what, at + 1))
    ++out;
  return out;
}

} // namespace

TEST_CASE("an agent without a server is refused") {
  const auto none = agent::start({});
  REQUIRE(!none);
  CHECK(none.failure().code == error_code::invalid_argument);
}

TEST_CASE("a simulated task is started, told, ended and acknowledged") {
  const fresh_directory home;
  fake_server server;
  auto options = simulated(home, {server.address()});
  options.simulation.time_scale = 100;
  const auto running = agent::start(std::move(options)).value().release();
  const std::unique_ptr<agent> owner{running};
  REQUIRE(server.hellos(1));
  server.start(order_of("n", "t", 1));
  CHECK(server.reports(1, is_started));
  CHECK(server.reports(1, is_ended));
  CHECK(eventually([&] { return running->status().held_tasks == 0; }));
  CHECK(running->status().attached == 1);
  CHECK(running->status().server == server.address());
}

TEST_CASE("two agents never share a directory") {
  const fresh_directory home;
  fake_server server;
  const auto first = agent::start(simulated(home, {server.address()}));
  REQUIRE(first);
  const auto second = agent::start(simulated(home, {server.address()}));
  REQUIRE(!second);
  CHECK(second.failure().code == error_code::conflict);
}

TEST_CASE("a task survives its agent, is told again and started once") {
  const fresh_directory home;
  fake_server server;
  auto first = agent::start(options_of(home, {server.address()}));
  REQUIRE_MESSAGE(first, first.failure().message);
  REQUIRE(server.hellos(1));
  auto order = order_of(
      "n", "t", 1, 100,
      {"sh", "-c", "while [ ! -e go ]; do sleep 0.02; done; exit 7"});
  server.start(order);
  REQUIRE(server.reports(1, is_started));
  first->reset();
  const auto second = agent::start(options_of(home, {server.address()}));
  REQUIRE(second);
  REQUIRE(server.hellos(2));
  const auto hello = server.last_hello();
  REQUIRE(hello.tasks_size() == 1);
  CHECK(hello.tasks(0).started());
  CHECK(hello.last_session() == 1);
  server.start(order); // The server has forgotten.
  CHECK(server.reports(2, is_started));
  home.write("tasks/t.1/work/go", "");
  REQUIRE(server.reports(1, is_ended));
  CHECK(server.outcome_of("t").exit_code() == 7);
  const auto log = read_bytes((home.path() / "starts.log").string());
  CHECK(count(log, "start n t 1 ") == 1);
  CHECK(count(log, "end n t 1 ") == 1);
}

TEST_CASE("an agent whose server dies attaches to the next with all it holds") {
  const fresh_directory home;
  auto one = std::make_unique<fake_server>();
  auto two = std::make_unique<fake_server>();
  const auto running
      = agent::start(simulated(home, {one->address(), two->address()}));
  REQUIRE(running);
  REQUIRE(eventually([&] { return (*running)->status().attached == 1; }));
  if ((*running)->status().server != one->address())
    std::swap(one, two);
  auto order = order_of("n", "t", 1);
  order.mutable_work()->mutable_simulated()->set_duration_milliseconds(
      1'000'000);
  one->start(order);
  REQUIRE(one->reports(1, is_started));
  one->shut_down();
  REQUIRE(two->hellos(1));
  const auto hello = two->last_hello();
  REQUIRE(hello.tasks_size() == 1);
  CHECK(hello.tasks(0).order().task() == "t");
  CHECK(hello.last_session() >= 1);
  two->stop("n", "t");
  CHECK(two->reports(1, is_ended));
}

TEST_CASE("an outcome that nobody acknowledged is told after a restart") {
  const fresh_directory home;
  fake_server server;
  server.acknowledges = false;
  auto first = agent::start(options_of(home, {server.address()}));
  REQUIRE(first);
  REQUIRE(server.hellos(1));
  server.start(order_of("n", "t", 1, 100, {"true"}));
  REQUIRE(server.reports(1, is_ended));
  first->reset();
  const auto second = agent::start(options_of(home, {server.address()}));
  REQUIRE(server.hellos(2));
  const auto hello = server.last_hello();
  REQUIRE(hello.tasks_size() == 1);
  CHECK(hello.tasks(0).outcome().succeeded());
}

TEST_CASE("leaving ends the tasks and says goodbye") {
  const fresh_directory home;
  fake_server server;
  const auto running = agent::start(options_of(home, {server.address()}));
  REQUIRE(running);
  REQUIRE(server.hellos(1));
  server.start(order_of("n", "t", 1, 100, {"sleep", "1000"}));
  REQUIRE(server.reports(1, is_started));
  (*running)->leave(20'000);
  CHECK(server.reports(1, is_ended));
  CHECK(server.hears(1, [](const v1::AgentMessage& message) {
    return message.goodbyes_size();
  }));
}

TEST_CASE("ten thousand simulated nodes attach through one stream") {
  const fresh_directory home;
  fake_server server;
  auto options = simulated(home, {server.address()});
  options.nodes.clear();
  for (int i = 0; i < 10'000; ++i)
    options.nodes.push_back(node_of("n" + std::to_string(i)));
  const auto running = agent::start(std::move(options));
  REQUIRE(running);
  CHECK(server.hellos(10'000));
  CHECK(eventually([&] { return (*running)->status().attached == 10'000; }));
}
