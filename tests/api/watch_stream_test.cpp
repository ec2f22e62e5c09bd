#include "api/status.hpp"
#include "api/watch_stream.hpp"
#include "messages/skerry/v1/jobs.grpc.pb.h"
#include "tests/api/served.hpp"

#include <atomic>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

using namespace skerry;
using namespace skerry::testing;

TEST_SUITE_BEGIN("api/watch_stream");

namespace {

v1::JobStatus status_of(v1::TaskState state, int usage = 0) {
  v1::JobStatus status;
  status.set_id("a");
  status.set_state(state);
  auto& task = *status.add_tasks();
  task.set_state(state);
  task.mutable_usage()->set_cpu_millicores(usage);
  return status;
}

std::vector<v1::TaskState> states_until_the_end(const served& api,
                                                grpc::Status& status) {
  call_context call;
  v1::GetJobRequest request;
  request.set_id("a");
  auto stream = api.stub<v1::Jobs>()->Watch(&call, request);
  std::vector<v1::TaskState> states;
  for (v1::JobStatus read; stream->Read(&read);)
    states.push_back(read.state());
  status = stream->Finish();
  return states;
}

} // namespace

TEST_CASE("the status comes at once, after each change, and last the end") {
  served api;
  std::atomic<int> asked{0};
  api.gateway.on_job = [&](const v1::GetJobRequest&) {
    const auto n = asked++;
    // What a task uses changes each time, and is no change of the job.
    return n < 3   ? status_of(v1::QUEUED, n)
           : n < 6 ? status_of(v1::RUNNING, n)
                   : status_of(v1::FINISHED, n);
  };
  grpc::Status status;
  CHECK(states_until_the_end(api, status)
        == std::vector{v1::QUEUED, v1::RUNNING, v1::FINISHED});
  CHECK(status.ok());
  CHECK(asked == 7);
}

TEST_CASE("a job that has ended is told once") {
  served api;
  api.gateway.on_job
      = [](const v1::GetJobRequest&) { return status_of(v1::CANCELLED); };
  grpc::Status status;
  CHECK(states_until_the_end(api, status) == std::vector{v1::CANCELLED});
  CHECK(status.ok());
}

TEST_CASE("a job that nobody knows is an error") {
  served api;
  api.gateway.on_job = [](const v1::GetJobRequest&) -> result<v1::JobStatus> {
    return {error_code::not_found, "there is no job 'a'"};
  };
  grpc::Status status;
  CHECK(states_until_the_end(api, status).empty());
  CHECK(from_status(status)
        == error{error_code::not_found, "there is no job 'a'"});
}

TEST_CASE("an answer that fails to come is asked for again") {
  served api;
  std::atomic<int> asked{0};
  api.gateway.on_job = [&](const v1::GetJobRequest&) -> result<v1::JobStatus> {
    if (asked++ < 2)
      return {error_code::io_failed, "JOBS did not answer"};
    return status_of(v1::FINISHED);
  };
  grpc::Status status;
  CHECK(states_until_the_end(api, status) == std::vector{v1::FINISHED});
  CHECK(status.ok());
}

TEST_CASE("stopping ends a watch that waits for the gateway, or sleeps") {
  for (const bool answers : {false, true}) {
    auto options = on_any_port();
    if (answers) // Sleeps for long once it has told the first status.
      options.watch_interval = std::chrono::minutes{1};
    served api{options};
    api.gateway.on_job
        = [](const v1::GetJobRequest&) { return status_of(v1::RUNNING); };
    if (!answers)
      api.gateway.hold();
    call_context call;
    auto stream = api.stub<v1::Jobs>()->Watch(&call, {});
    v1::JobStatus read;
    if (answers)
      REQUIRE(stream->Read(&read));
    else
      api.gateway.await_held(1);
    std::thread stopper{[&] { api.server->stop(); }};
    CHECK_FALSE(stream->Read(&read));
    CHECK(stream->Finish().error_code() == grpc::UNAVAILABLE);
    stopper.join();
    if (!answers)
      api.gateway.reply_to(0);
  }
}
