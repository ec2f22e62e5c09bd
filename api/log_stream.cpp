#include "api/log_stream.hpp"

#include "api/serial_stream.hpp"
#include "api/status.hpp"

#include <algorithm>
#include <limits>
#include <memory>
#include <utility>

namespace skerry {
namespace {

constexpr std::uint64_t chunk_bytes = 1u << 20;

class log_stream final : public serial_stream<v1::LogsChunk> {
public:
  log_stream(service_context& in, v1::LogsRequest request)
      : serial_stream{in}, request_{std::move(request)},
        left_{request_.limit_bytes() == 0
                  ? std::numeric_limits<std::uint64_t>::max()
                  : request_.limit_bytes()} {}

private:
  void resume() override {
    if (left_ == 0)
      return finish(grpc::Status::OK);
    request_.set_limit_bytes(std::min(left_, chunk_bytes));
    ask<v1::LogsRequest, v1::LogsChunk>(
        &cluster_gateway::logs, request_,
        [this](result<v1::LogsChunk> outcome) { pass(std::move(outcome)); });
  }

  void pass(result<v1::LogsChunk> outcome) {
    if (!outcome)
      return finish(to_status(outcome.failure()));
    // A short chunk is not the end: agents have limits of their own.
    if (outcome->data().empty())
      return finish(grpc::Status::OK);
    const auto size = outcome->data().size();
    left_ -= std::min<std::uint64_t>(left_, size);
    request_.set_offset_bytes(request_.offset_bytes() + size);
    write(std::move(*outcome));
  }

  v1::LogsRequest request_; ///< For the next chunk.
  std::uint64_t left_;
};

} // namespace

grpc::ServerWriteReactor<v1::LogsChunk>*
stream_logs(service_context& in, grpc::CallbackServerContext& call,
            v1::LogsRequest request) {
  return log_stream::open(std::make_shared<log_stream>(in, std::move(request)),
                          call);
}

} // namespace skerry
