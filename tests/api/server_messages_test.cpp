#include "api/server_messages.hpp"
#include "scheduling/result.hpp"

#include <doctest/doctest.h>

using namespace skerry;

TEST_SUITE_BEGIN("api/server_messages");

namespace {

v1::ServerMessage start(const char* task) {
  v1::ServerMessage message;
  message.add_starts()->set_task(task);
  return message;
}

v1::ServerMessage stop(const char* task) {
  v1::ServerMessage message;
  message.add_stops()->set_task(task);
  return message;
}

v1::ServerMessage acknowledge(const char* task) {
  v1::ServerMessage message;
  message.add_acknowledges()->set_task(task);
  return message;
}

v1::ServerMessage welcome(const char* node) {
  v1::ServerMessage message;
  message.add_welcomes()->set_node(node);
  return message;
}

} // namespace

TEST_CASE("messages merge unless an agent would take them in another order") {
  CHECK(may_merge(start("a"), start("b")));
  CHECK(may_merge(welcome("n"), start("a")));
  CHECK(may_merge(start("a"), stop("a")));
  CHECK(may_merge(stop("a"), acknowledge("b")));
  CHECK(may_merge(acknowledge("b"), welcome("n")));
  CHECK_FALSE(may_merge(stop("a"), start("b")));
  CHECK_FALSE(may_merge(start("a"), welcome("n")));
}

TEST_CASE("merging keeps everything, in order, and the last keep-alive") {
  auto into = start("a");
  into.mutable_keep_alive()->set_sent_milliseconds(1);
  auto more = start("b");
  more.MergeFrom(stop("a"));
  more.mutable_keep_alive()->set_sent_milliseconds(2);
  merge(std::move(more), into);
  REQUIRE(into.starts_size() == 2);
  CHECK(into.starts(0).task() == "a");
  CHECK(into.starts(1).task() == "b");
  CHECK(into.stops_size() == 1);
  CHECK(into.keep_alive().sent_milliseconds() == 2);
  merge(v1::ServerMessage{}, into);
  CHECK(into.keep_alive().sent_milliseconds() == 2);
}

TEST_CASE("an agent greets only for nodes of its certificate") {
  v1::AgentMessage message;
  message.add_hellos()->mutable_node()->set_name("rack-1");
  message.add_hellos()->mutable_node()->set_name("bank");
  message.add_reports()->set_node("bank");
  message.add_reports()->set_node("rack");
  message.add_keep_alives();
  message.add_keep_alives()->set_node("bank");
  message.add_goodbyes()->set_node("bank");
  const auto answer = keep_own_nodes("rack", message);
  REQUIRE(answer.refused_size() == 1);
  CHECK(answer.refused(0).node() == "bank");
  CHECK(answer.refused(0).code()
        == static_cast<int>(error_code::invalid_argument));
  REQUIRE(message.hellos_size() == 1);
  CHECK(message.hellos(0).node().name() == "rack-1");
  REQUIRE(message.reports_size() == 1);
  CHECK(message.reports(0).node() == "rack");
  CHECK(message.keep_alives_size() == 1);
  CHECK(message.goodbyes().empty());
}
