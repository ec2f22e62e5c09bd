#include "api/agent_stream.hpp"
#include "messages/skerry/v1/agent_link.grpc.pb.h"
#include "tests/api/served.hpp"

#include <string>
#include <thread>

#include <doctest/doctest.h>

using namespace skerry;
using namespace skerry::testing;

TEST_SUITE_BEGIN("api/agent_stream");

namespace {

v1::AgentMessage hello(const std::string& node) {
  v1::AgentMessage message;
  message.add_hellos()->mutable_node()->set_name(node);
  return message;
}

v1::ServerMessage start(const std::string& task) {
  v1::ServerMessage message;
  message.add_starts()->set_task(task);
  return message;
}

/// An agent that is attached.
struct attached : served {
  explicit attached(const api_options& options = on_any_port())
      : served{options}, stream{stub<v1::AgentLink>()->Attach(&call)},
        sink{gateway.sink_of(0)} {}

  void await_closed() {
    gateway.await_links([](const auto& links) { return !links[0].is_open; });
  }

  call_context call;
  std::unique_ptr<grpc::ClientReaderWriter<v1::AgentMessage, v1::ServerMessage>>
      stream;
  std::shared_ptr<agent_sink> sink;
};

} // namespace

TEST_CASE("a link is open as long as the agent's stream") {
  attached agent;
  REQUIRE(agent.stream->Write(hello("n")));
  agent.gateway.await_links(
      [](const auto& links) { return links[0].taken.size() == 1; });
  agent.stream->WritesDone();
  CHECK(agent.stream->Finish().ok());
  agent.await_closed();
  agent.sink->send(start("late")); // Dropped.
  agent.sink->close();
}

TEST_CASE("an agent that has said nothing sees that it is connected") {
  attached agent;
  agent.stream->WaitForInitialMetadata();
  agent.stream->WritesDone();
  CHECK(agent.stream->Finish().ok());
}

TEST_CASE("what is sent arrives whole and in order, however it was merged") {
  attached agent;
  std::thread sender{[&] {
    for (int i = 0; i < 2000; ++i)
      agent.sink->send(start(std::to_string(i)));
    agent.sink->close();
  }};
  v1::ServerMessage read;
  int count = 0;
  while (agent.stream->Read(&read))
    for (const auto& order : read.starts())
      CHECK(order.task() == std::to_string(count++));
  sender.join();
  CHECK(count == 2000);
  CHECK(agent.stream->Finish().ok());
  agent.await_closed();
}

TEST_CASE("an agent's messages are taken in order") {
  attached agent;
  for (int i = 0; i < 200; ++i)
    REQUIRE(agent.stream->Write(hello(std::to_string(i))));
  agent.stream->WritesDone();
  CHECK(agent.stream->Finish().ok());
  agent.gateway.await_links([](const auto& links) {
    if (links[0].taken.size() != 200)
      return false;
    for (int i = 0; i < 200; ++i)
      CHECK(links[0].taken[static_cast<std::size_t>(i)].hellos(0).node().name()
            == std::to_string(i));
    return true;
  });
}

TEST_CASE("a gateway that is full is read for later, and nothing is lost") {
  attached agent;
  agent.gateway.take_answers = {false, false, true, false};
  for (int i = 0; i < 10; ++i)
    REQUIRE(agent.stream->Write(hello(std::to_string(i))));
  agent.gateway.await_links(
      [](const auto& links) { return links[0].taken.size() == 10; });
  agent.stream->WritesDone();
  CHECK(agent.stream->Finish().ok());
}

TEST_CASE("a full gateway does not keep a stopping server") {
  attached agent;
  agent.gateway.take_answers = std::deque<bool>(1000, false);
  for (int i = 0; i < 10; ++i)
    REQUIRE(agent.stream->Write(hello(std::to_string(i))));
  agent.gateway.await_links(
      [](const auto& links) { return links[0].taken.size() == 3; });
  agent.server->stop();
  agent.await_closed();
  CHECK(agent.stream->Finish().error_code() == grpc::UNAVAILABLE);
}

TEST_CASE("an agent that does not read loses its stream") {
  auto options = on_any_port();
  options.limits.agent_queue_bytes = 1u << 20;
  attached agent{options};
  // Far more than the queue and gRPC's flow control hold between them.
  const std::string name(10'000, 'a');
  for (int i = 0; i < 2000; ++i)
    agent.sink->send(start(name));
  agent.await_closed();
  v1::ServerMessage read;
  while (agent.stream->Read(&read)) {
  }
  CHECK_FALSE(agent.stream->Finish().ok());
}

TEST_CASE("a cancelled stream closes its link") {
  attached agent;
  agent.call.TryCancel();
  CHECK(agent.stream->Finish().error_code() == grpc::CANCELLED);
  agent.await_closed();
}

TEST_CASE("a stopping server sends what waits, then says why it ends") {
  attached agent;
  agent.sink->send(start("a"));
  std::thread stopper{[&] { agent.server->stop(); }};
  v1::ServerMessage read;
  CHECK(agent.stream->Read(&read));
  CHECK_FALSE(agent.stream->Read(&read));
  CHECK(agent.stream->Finish().error_code() == grpc::UNAVAILABLE);
  stopper.join();
  agent.await_closed();
}
