#pragma once

#include "api/services.hpp"

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

namespace skerry {

/// What a task has written from `offset_bytes` on, in chunks of at most 1 MiB,
/// up to the end at the time of asking; `limit_bytes`, unless 0, ends it
/// sooner. Who follows a log asks again with a higher offset.
grpc::ServerWriteReactor<v1::LogsChunk>*
stream_logs(service_context& in, grpc::CallbackServerContext& call,
            v1::LogsRequest request);

} // namespace skerry
