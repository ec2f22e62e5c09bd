#include "api/server.hpp"
#include "api/status.hpp"
#include "messages/skerry/v1/cluster.grpc.pb.h"
#include "messages/skerry/v1/decisions.grpc.pb.h"
#include "messages/skerry/v1/jobs.grpc.pb.h"
#include "messages/skerry/v1/nodes.grpc.pb.h"
#include "tests/api/served.hpp"

#include <atomic>
#include <thread>

#include <doctest/doctest.h>

using namespace skerry;
using namespace skerry::testing;

TEST_SUITE_BEGIN("api/server");

TEST_CASE("each call is answered by the gateway") {
  served api;
  api.gateway.on_submit = [](const v1::SubmitRequest& request) {
    v1::SubmitReply reply;
    reply.set_accepted(static_cast<unsigned>(request.jobs_size()));
    return reply;
  };
  api.gateway.on_node = [](const v1::GetNodeRequest& request) {
    v1::NodeStatus reply;
    reply.mutable_spec()->set_name(request.name());
    return reply;
  };
  api.gateway.on_servers = [](const v1::ServersRequest&) {
    v1::ServersReply reply;
    reply.set_answered_by("a");
    return reply;
  };
  {
    call_context call;
    v1::SubmitRequest request;
    request.add_jobs();
    request.add_jobs();
    v1::SubmitReply reply;
    REQUIRE(api.stub<v1::Jobs>()->Submit(&call, request, &reply).ok());
    CHECK(reply.accepted() == 2);
  }
  {
    call_context call;
    v1::GetNodeRequest request;
    request.set_name("n1");
    v1::NodeStatus reply;
    REQUIRE(api.stub<v1::Nodes>()->Get(&call, request, &reply).ok());
    CHECK(reply.spec().name() == "n1");
  }
  {
    call_context call;
    v1::ServersReply reply;
    REQUIRE(api.stub<v1::Cluster>()->Servers(&call, {}, &reply).ok());
    CHECK(reply.answered_by() == "a");
  }
}

TEST_CASE("an error of the cluster reaches the client as it was") {
  served api;
  const error failure{error_code::stale_epoch, "the server was replaced"};
  api.gateway.on_cancel
      = [&](const v1::CancelJobRequest&) -> result<v1::JobStatus> {
    return failure;
  };
  call_context call;
  v1::JobStatus reply;
  const auto status = api.stub<v1::Jobs>()->Cancel(&call, {}, &reply);
  REQUIRE_FALSE(status.ok());
  CHECK(status.error_code() == grpc::ABORTED);
  CHECK(from_status(status) == failure);
}

TEST_CASE("a call that the client gives up frees its place, and a late reply "
          "changes nothing") {
  served api;
  api.gateway.on_decide
      = [](const v1::DecideRequest&) { return v1::DecideReply{}; };
  api.gateway.hold();
  grpc::ClientContext call;
  call.set_deadline(std::chrono::system_clock::now()
                    + std::chrono::milliseconds{50});
  v1::DecideReply reply;
  const auto status = api.stub<v1::Decisions>()->Decide(&call, {}, &reply);
  CHECK(from_status(status).code == error_code::unreachable);
  api.gateway.await_held(1);
  api.gateway.reply_to(0);
}

TEST_CASE("stopping with a call that is never answered takes its grace only") {
  served api;
  api.gateway.on_decide
      = [](const v1::DecideRequest&) { return v1::DecideReply{}; };
  api.gateway.hold();
  grpc::Status status;
  std::thread client{[&] {
    call_context call;
    v1::DecideReply reply;
    status = api.stub<v1::Decisions>()->Decide(&call, {}, &reply);
  }};
  api.gateway.await_held(1);
  api.server->stop();
  client.join();
  CHECK_FALSE(status.ok());
  api.server.reset();
  api.gateway.reply_to(0); // Of a server that is gone.
}

TEST_CASE("calls beyond the limit are refused with what to do") {
  auto options = on_any_port();
  options.limits.calls = 1;
  served api{options};
  api.gateway.on_decide
      = [](const v1::DecideRequest&) { return v1::DecideReply{}; };
  api.gateway.hold();
  std::thread first{[&] {
    call_context call;
    v1::DecideReply reply;
    CHECK(api.stub<v1::Decisions>()->Decide(&call, {}, &reply).ok());
  }};
  api.gateway.await_held(1);
  call_context call;
  v1::DecideReply reply;
  const auto refused
      = from_status(api.stub<v1::Decisions>()->Decide(&call, {}, &reply));
  CHECK(refused
        == error{error_code::limit_exceeded,
                 "too many calls wait for an answer; ask again later"});
  api.gateway.reply_to(0);
  first.join();
}

TEST_CASE("a message that is too large is refused, and the server lives on") {
  auto options = on_any_port();
  options.limits.message_bytes = 4096;
  served api{options};
  api.gateway.on_servers
      = [](const v1::ServersRequest&) { return v1::ServersReply{}; };
  {
    call_context call;
    v1::SubmitRequest request;
    request.add_jobs()->set_id(std::string(10'000, 'a'));
    v1::SubmitReply reply;
    const auto status = api.stub<v1::Jobs>()->Submit(&call, request, &reply);
    CHECK(from_status(status).code == error_code::limit_exceeded);
  }
  call_context call;
  v1::ServersReply reply;
  CHECK(api.stub<v1::Cluster>()->Servers(&call, {}, &reply).ok());
}

TEST_CASE("a port that is taken is said to be") {
  served api;
  auto options = on_any_port();
  options.listen = api.server->address();
  const auto second = api_server::start(api.gateway, options);
  REQUIRE_FALSE(second);
  CHECK(second.failure().code == error_code::io_failed);
  CHECK(second.failure().message
        == "cannot listen on " + api.server->address()
               + ": Address already in use; another process listens there: "
                 "stop it, or choose another port");
}

TEST_CASE("a port is free again after its server has stopped") {
  auto options = on_any_port();
  fake_gateway gateway;
  {
    auto first = served::start(gateway, options);
    options.listen = first->address();
    first->stop();
    first->stop(); // Changes nothing.
  }
  CHECK(served::start(gateway, options)->address() == options.listen);
}

TEST_CASE("plaintext is refused anywhere but on loopback") {
  fake_gateway gateway;
  for (const auto* listen : {"0.0.0.0:0", "[::]:0", "10.1.2.3:7070"}) {
    api_options options;
    options.listen = listen;
    const auto server = api_server::start(gateway, options);
    REQUIRE_FALSE(server);
    CHECK(server.failure().code == error_code::invalid_argument);
    CHECK(server.failure().message.find("skerry certs server")
          != std::string::npos);
  }
}

TEST_CASE("many callers at a time are answered each with their own") {
  served api;
  api.gateway.on_node = [](const v1::GetNodeRequest& request) {
    v1::NodeStatus reply;
    reply.mutable_spec()->set_name(request.name());
    return reply;
  };
  std::atomic<int> right{0};
  std::vector<std::thread> callers;
  for (int c = 0; c < 8; ++c)
    callers.emplace_back([&, c] {
      const auto stub = api.stub<v1::Nodes>();
      for (int i = 0; i < 50; ++i) {
        call_context call;
        v1::GetNodeRequest request;
        request.set_name(std::to_string(c) + "-" + std::to_string(i));
        v1::NodeStatus reply;
        if (stub->Get(&call, request, &reply).ok()
            && reply.spec().name() == request.name())
          ++right;
      }
    });
  for (auto& caller : callers)
    caller.join();
  CHECK(right == 400);
}
