#include "api/open_streams.hpp"

#include <fmt/format.h>

#include <vector>

namespace skerry {
namespace {

grpc::Status stopping() {
  return {grpc::UNAVAILABLE, "this server is stopping; ask another one"};
}

} // namespace

grpc::Status open_streams::add(const std::shared_ptr<open_stream>& stream) {
  const std::lock_guard lock{mutex_};
  if (stopping_)
    return stopping();
  if (streams_.size() >= limit_)
    return {grpc::RESOURCE_EXHAUSTED,
            fmt::format("{} streams are open, which is the limit; close some, "
                        "or ask another server",
                        limit_)};
  streams_.emplace(stream.get(), stream);
  return grpc::Status::OK;
}

void open_streams::remove(const open_stream* stream) {
  const std::lock_guard lock{mutex_};
  streams_.erase(stream);
}

void open_streams::end_all() {
  std::vector<std::weak_ptr<open_stream>> all;
  {
    const std::lock_guard lock{mutex_};
    stopping_ = true;
    for (const auto& [key, stream] : streams_)
      all.push_back(stream);
  }
  for (const auto& each : all)
    if (const auto stream = each.lock())
      stream->end(stopping());
}

} // namespace skerry
