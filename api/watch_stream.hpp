#pragma once

#include "api/services.hpp"

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

namespace skerry {

/// The status of a job now, and again after each change, until it has ended.
/// What a task uses is no change. The gateway is asked each `watch_interval`,
/// less often when nothing changes and when the job has many tasks.
grpc::ServerWriteReactor<v1::JobStatus>*
watch_job(service_context& in, grpc::CallbackServerContext& call,
          v1::GetJobRequest request);

} // namespace skerry
