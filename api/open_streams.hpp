#pragma once

#include <cstddef>
#include <grpcpp/support/status.h>
#include <memory>
#include <mutex>
#include <unordered_map>

namespace skerry {

/// A stream that a stopping server ends.
class open_stream {
public:
  virtual ~open_stream() = default;
  /// Takes no more, sends what waits, then tells the client `why`.
  /// Thread-safe; a second call changes nothing.
  virtual void end(grpc::Status why) = 0;
};

/// The streams that are open now. Thread-safe.
class open_streams {
public:
  explicit open_streams(std::size_t limit) : limit_{limit} {}

  /// @returns OK, UNAVAILABLE once the server stops, RESOURCE_EXHAUSTED beyond
  ///          the limit. Only a stream that was let in is removed.
  grpc::Status add(const std::shared_ptr<open_stream>& stream);
  void remove(const open_stream* stream);
  /// Ends all of them, and lets no more in.
  void end_all();

private:
  std::mutex mutex_;
  std::unordered_map<const open_stream*, std::weak_ptr<open_stream>> streams_;
  std::size_t limit_;
  bool stopping_ = false;
};

} // namespace skerry
