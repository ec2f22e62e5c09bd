#pragma once

#include "scheduling/result.hpp"

#include <grpcpp/support/status.h>
#include <string>

namespace skerry {

/// The nearest of gRPC's codes, for clients that know no others:
///
///   invalid_argument  INVALID_ARGUMENT     stale_*, conflict  ABORTED
///   not_found         NOT_FOUND            io_failed          UNAVAILABLE
///   already_exists    ALREADY_EXISTS       unreachable        UNAVAILABLE
///   infeasible        FAILED_PRECONDITION  malformed          DATA_LOSS
///   insufficient      RESOURCE_EXHAUSTED
///   limit_exceeded    RESOURCE_EXHAUSTED
grpc::StatusCode to_status_code(error_code code);

/// The error with its code of ours in the details: a `google.rpc.Status` with
/// an `ErrorInfo` of domain "skerry" and the reason in capitals, for example
/// "INSUFFICIENT", as clients in every language can read.
grpc::Status to_status(const error& failure);

/// The error that `to_status` was given, or the nearest one when the status
/// came from gRPC itself: `unreachable` when there is no server or no answer in
/// time, `invalid_argument` when this client's certificate is not welcome.
/// @pre `!status.ok()`.
error from_status(const grpc::Status& status);

/// An error carried in a reply of a stream, where only gRPC's code is known.
error from_stream_reply(int status_code, std::string message);

} // namespace skerry
