#include "api/pipelined_stream.hpp"
#include "messages/skerry/v1/decisions.grpc.pb.h"
#include "messages/skerry/v1/jobs.grpc.pb.h"
#include "tests/api/served.hpp"

#include <string>
#include <thread>

#include <doctest/doctest.h>

using namespace skerry;
using namespace skerry::testing;

TEST_SUITE_BEGIN("api/pipelined_stream");

namespace {

v1::DecideRequest request_of(int number) {
  v1::DecideRequest request;
  request.set_request_id(std::to_string(number));
  return request;
}

/// Answers with the id as the cell's name; "3" is refused.
result<v1::DecideReply> decide(const v1::DecideRequest& request) {
  if (request.request_id() == "3")
    return {error_code::limit_exceeded, "tasks: too many"};
  v1::DecideReply reply;
  reply.add_decisions()->set_cell(request.request_id());
  return reply;
}

} // namespace

TEST_CASE("answers come in the order of the requests, errors among them") {
  served api;
  api.gateway.on_decide = decide;
  call_context call;
  auto stream = api.stub<v1::Decisions>()->DecideStream(&call);
  std::thread writer{[&] {
    for (int i = 0; i < 500; ++i)
      CHECK(stream->Write(request_of(i)));
    stream->WritesDone();
  }};
  v1::DecideReply reply;
  int read = 0;
  for (; stream->Read(&reply); ++read) {
    if (read == 3) {
      CHECK(reply.error_code() == grpc::RESOURCE_EXHAUSTED);
      CHECK(reply.error_message() == "tasks: too many");
      continue;
    }
    CHECK(reply.error_code() == 0);
    REQUIRE(reply.decisions_size() == 1);
    CHECK(reply.decisions(0).cell() == std::to_string(read));
  }
  writer.join();
  CHECK(read == 500);
  CHECK(stream->Finish().ok());
}

TEST_CASE("replies that come in another order are put back in order") {
  served api;
  api.gateway.on_decide = decide;
  api.gateway.hold();
  call_context call;
  auto stream = api.stub<v1::Decisions>()->DecideStream(&call);
  for (int i = 0; i < 3; ++i)
    REQUIRE(stream->Write(request_of(i)));
  api.gateway.await_held(3);
  for (const auto position : {2, 0, 1})
    api.gateway.reply_to(static_cast<std::size_t>(position));
  v1::DecideReply reply;
  for (int i = 0; i < 3; ++i) {
    REQUIRE(stream->Read(&reply));
    CHECK(reply.decisions(0).cell() == std::to_string(i));
  }
  stream->WritesDone();
  CHECK(stream->Finish().ok());
}

TEST_CASE("no more than the window is at the gateway") {
  auto options = on_any_port();
  options.limits.stream_window = 4;
  served api{options};
  api.gateway.on_decide = decide;
  api.gateway.hold();
  call_context call;
  auto stream = api.stub<v1::Decisions>()->DecideStream(&call);
  for (int i = 10; i < 20; ++i)
    REQUIRE(stream->Write(request_of(i)));
  stream->WritesDone();
  api.gateway.await_held(4);
  std::this_thread::sleep_for(std::chrono::milliseconds{50});
  CHECK(api.gateway.held() == 4);
  v1::DecideReply reply;
  for (int i = 10; i < 20; ++i) {
    const auto position = static_cast<std::size_t>(i - 10);
    api.gateway.await_held(position + 1);
    api.gateway.reply_to(position);
    REQUIRE(stream->Read(&reply));
    CHECK(reply.decisions(0).cell() == std::to_string(i));
  }
  CHECK(stream->Finish().ok());
}

TEST_CASE("replies that come after the client has gone are dropped") {
  served api;
  api.gateway.on_submit
      = [](const v1::SubmitRequest&) { return v1::SubmitReply{}; };
  api.gateway.hold();
  {
    call_context call;
    auto stream = api.stub<v1::Jobs>()->SubmitStream(&call);
    REQUIRE(stream->Write({}));
    REQUIRE(stream->Write({}));
    api.gateway.await_held(2);
    api.gateway.reply_to(1);
    call.TryCancel();
    CHECK(stream->Finish().error_code() == grpc::CANCELLED);
  }
  api.server->stop();
  api.gateway.reply_to(0);
}

TEST_CASE("a stopping server ends its streams and says so") {
  served api;
  api.gateway.on_decide = decide;
  call_context call;
  auto stream = api.stub<v1::Decisions>()->DecideStream(&call);
  REQUIRE(stream->Write(request_of(1)));
  v1::DecideReply reply;
  REQUIRE(stream->Read(&reply));
  std::thread stopper{[&] { api.server->stop(); }};
  CHECK_FALSE(stream->Read(&reply));
  const auto status = stream->Finish();
  stopper.join();
  CHECK(status.error_code() == grpc::UNAVAILABLE);
  CHECK(status.error_message() == "this server is stopping; ask another one");
}

TEST_CASE("streams beyond the limit are refused") {
  auto options = on_any_port();
  options.limits.streams = 1;
  served api{options};
  api.gateway.on_decide = decide;
  call_context first_call;
  auto first = api.stub<v1::Decisions>()->DecideStream(&first_call);
  v1::DecideReply reply;
  REQUIRE(first->Write(request_of(1)));
  REQUIRE(first->Read(&reply));
  call_context call;
  auto second = api.stub<v1::Decisions>()->DecideStream(&call);
  CHECK_FALSE(second->Read(&reply));
  CHECK(second->Finish().error_code() == grpc::RESOURCE_EXHAUSTED);
  first->WritesDone();
  CHECK(first->Finish().ok());
}
