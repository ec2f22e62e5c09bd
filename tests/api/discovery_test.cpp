// What tools need that know nothing of Skerry: reflection and health, as any
// gRPC client asks for them. The messages are small enough to be written as
// bytes; Debian ships no headers for them.
#include "tests/api/served.hpp"

#include <future>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/byte_buffer.h>
#include <string>

#include <doctest/doctest.h>

using namespace skerry;
using namespace skerry::testing;

TEST_SUITE_BEGIN("api/discovery");

namespace {

grpc::ByteBuffer bytes(const std::string& text) {
  const grpc::Slice slice{text};
  return {&slice, 1};
}

std::string text_of(const grpc::ByteBuffer& buffer) {
  grpc::Slice slice;
  return buffer.DumpToSingleSlice(&slice).ok()
             ? std::string{reinterpret_cast<const char*>(slice.begin()),
                           slice.size()}
             : "";
}

/// Asks one question on a stream, and reads one answer.
class one_question final
    : public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
public:
  std::string ask(grpc::GenericStub& stub, const std::string& method,
                  const std::string& question) {
    question_ = bytes(question);
    stub.PrepareBidiStreamingCall(&call_, method, {}, this);
    StartWriteLast(&question_, {});
    StartRead(&answer_);
    StartCall();
    CHECK(ended_.get_future().get().ok());
    return text_of(answer_);
  }

private:
  void OnDone(const grpc::Status& status) override { ended_.set_value(status); }

  call_context call_;
  grpc::ByteBuffer question_;
  grpc::ByteBuffer answer_;
  std::promise<grpc::Status> ended_;
};

} // namespace

TEST_CASE("reflection lists all services") {
  served api;
  grpc::GenericStub stub{api.channel};
  // ServerReflectionRequest.list_services = "".
  const auto answer = one_question{}.ask(
      stub, "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
      std::string("\x3a\x00", 2));
  for (const auto* name :
       {"skerry.v1.Jobs", "skerry.v1.Decisions", "skerry.v1.Nodes",
        "skerry.v1.AgentLink", "skerry.v1.Cluster", "grpc.health.v1.Health"}) {
    INFO(name);
    CHECK(answer.find(name) != std::string::npos);
  }
}

TEST_CASE("a server that runs says that it is healthy") {
  served api;
  grpc::GenericStub stub{api.channel};
  call_context call;
  const grpc::ByteBuffer question = bytes("");
  grpc::ByteBuffer answer;
  std::promise<grpc::Status> ended;
  stub.UnaryCall(&call, "/grpc.health.v1.Health/Check", {}, &question, &answer,
                 [&](grpc::Status status) { ended.set_value(status); });
  CHECK(ended.get_future().get().ok());
  CHECK(text_of(answer) == "\x08\x01"); // HealthCheckResponse.SERVING.
}
