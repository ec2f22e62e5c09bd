#include "api/log_stream.hpp"
#include "api/status.hpp"
#include "messages/skerry/v1/jobs.grpc.pb.h"
#include "tests/api/served.hpp"

#include <algorithm>
#include <string>

#include <doctest/doctest.h>

using namespace skerry;
using namespace skerry::testing;

TEST_SUITE_BEGIN("api/log_stream");

namespace {

/// An agent that gives 1000 bytes at a time at most.
auto task_that_wrote(const std::string& text) {
  return [text](const v1::LogsRequest& request) -> result<v1::LogsChunk> {
    v1::LogsChunk chunk;
    const auto from
        = std::min<std::size_t>(request.offset_bytes(), text.size());
    chunk.set_data(
        text.substr(from, std::min<std::size_t>(request.limit_bytes(), 1000)));
    return chunk;
  };
}

std::string read_logs(const served& api, std::uint64_t offset,
                      std::uint64_t limit) {
  call_context call;
  v1::LogsRequest request;
  request.set_offset_bytes(offset);
  request.set_limit_bytes(limit);
  auto stream = api.stub<v1::Jobs>()->Logs(&call, request);
  std::string text;
  for (v1::LogsChunk chunk; stream->Read(&chunk);)
    text += chunk.data();
  CHECK(stream->Finish().ok());
  return text;
}

std::string numbers() {
  std::string text;
  for (int i = 0; i < 2000; ++i)
    text += std::to_string(i) + "\n";
  return text;
}

} // namespace

TEST_CASE("all that was written comes, in as many chunks as it takes") {
  served api;
  const auto text = numbers();
  api.gateway.on_logs = task_that_wrote(text);
  CHECK(read_logs(api, 0, 0) == text);
  CHECK(read_logs(api, 4000, 0) == text.substr(4000));
  CHECK(read_logs(api, text.size(), 0).empty());
}

TEST_CASE("a limit ends the stream") {
  served api;
  const auto text = numbers();
  api.gateway.on_logs = task_that_wrote(text);
  CHECK(read_logs(api, 10, 2500) == text.substr(10, 2500));
}

TEST_CASE("an error ends the stream with its code") {
  served api;
  api.gateway.on_logs = [](const v1::LogsRequest&) -> result<v1::LogsChunk> {
    return {error_code::not_found, "there is no task 'a'"};
  };
  call_context call;
  auto stream = api.stub<v1::Jobs>()->Logs(&call, {});
  v1::LogsChunk chunk;
  CHECK_FALSE(stream->Read(&chunk));
  CHECK(from_status(stream->Finish()).code == error_code::not_found);
}
