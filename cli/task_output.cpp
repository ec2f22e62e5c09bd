#include "cli/task_output.hpp"

#include "messages/skerry/v1/jobs.grpc.pb.h"

namespace skerry {

result<> task_output::read_on(client& cluster, const sink& take) {
  while (true) {
    v1::LogsRequest request;
    request.set_task(task_);
    request.set_stderr(is_stderr_);
    request.set_offset_bytes(offset_);
    const auto before = offset_;
    result<> taken = done{};
    auto ended = cluster.read_all(&v1::Jobs::Stub::Logs, request,
                                  [&](const v1::LogsChunk& chunk) {
                                    offset_ += chunk.data().size();
                                    if (taken && !chunk.data().empty())
                                      taken = take(chunk.data());
                                  });
    if (!taken)
      return taken;
    if (!ended)
      return ended;
    if (offset_ == before)
      return done{};
  }
}

} // namespace skerry
