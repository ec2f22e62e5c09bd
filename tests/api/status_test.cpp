#include "api/status.hpp"

#include <doctest/doctest.h>

using namespace skerry;

TEST_SUITE_BEGIN("api/status");

TEST_CASE("every error is restored exactly") {
  for (int code = 1; code <= static_cast<int>(error_code::unreachable);
       ++code) {
    const error failure{static_cast<error_code>(code), "jobs[0].id is empty"};
    CHECK(from_status(to_status(failure)) == failure);
  }
}

TEST_CASE("clients that know only gRPC see its nearest code") {
  const auto code = [](error_code of) {
    return to_status({of, "x"}).error_code();
  };
  CHECK(code(error_code::invalid_argument) == grpc::INVALID_ARGUMENT);
  CHECK(code(error_code::not_found) == grpc::NOT_FOUND);
  CHECK(code(error_code::already_exists) == grpc::ALREADY_EXISTS);
  CHECK(code(error_code::infeasible) == grpc::FAILED_PRECONDITION);
  CHECK(code(error_code::insufficient) == grpc::RESOURCE_EXHAUSTED);
  CHECK(code(error_code::limit_exceeded) == grpc::RESOURCE_EXHAUSTED);
  CHECK(code(error_code::stale_snapshot) == grpc::ABORTED);
  CHECK(code(error_code::stale_epoch) == grpc::ABORTED);
  CHECK(code(error_code::conflict) == grpc::ABORTED);
  CHECK(code(error_code::io_failed) == grpc::UNAVAILABLE);
  CHECK(code(error_code::unreachable) == grpc::UNAVAILABLE);
  CHECK(code(error_code::malformed) == grpc::DATA_LOSS);
}

TEST_CASE("no server and no answer in time are unreachable") {
  CHECK(from_status({grpc::UNAVAILABLE, "connection refused"})
        == error{error_code::unreachable, "connection refused"});
  CHECK(from_status({grpc::DEADLINE_EXCEEDED, "Deadline Exceeded"})
        == error{error_code::unreachable, "the server did not answer in time"});
}

TEST_CASE("details of others are no reason to fail") {
  const auto from = [](const std::string& details) {
    return from_status({grpc::NOT_FOUND, "no job 'a'", details}).code;
  };
  CHECK(from("") == error_code::not_found);
  CHECK(from("\xff\xff\xff") == error_code::not_found);
  CHECK(from("text") == error_code::not_found);
}

TEST_CASE("an error inside a stream's reply is the nearest of its code") {
  CHECK(from_stream_reply(grpc::ALREADY_EXISTS, "job 'a' is another")
        == error{error_code::already_exists, "job 'a' is another"});
}
