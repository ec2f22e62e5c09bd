#pragma once

#include "api/services.hpp"

#include <chrono>
#include <cstddef>
#include <deque>
#include <grpcpp/alarm.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace skerry {

/// The stream of one agent process, and the gateway's sink for it.
///
///   gateway -> send -> queue -> merged -> StartWrite -> agent
///   agent -> OnReadDone -> gateway.take; full? sleep, then read on
///
/// An agent that reads more slowly than it is sent to loses its stream: it
/// comes back with a new session, and the orders are sent again.
class agent_stream final
    : public grpc::ServerBidiReactor<v1::AgentMessage, v1::ServerMessage>,
      public agent_sink,
      public open_stream,
      public std::enable_shared_from_this<agent_stream> {
public:
  agent_stream(service_context& in, grpc::CallbackServerContext& call)
      : in_{in}, call_{call} {}

  /// Opens a stream that owns itself until gRPC is done with it; afterwards the
  /// gateway may still hold it, and what it sends is dropped.
  static grpc::ServerBidiReactor<v1::AgentMessage, v1::ServerMessage>*
  open(service_context& in, grpc::CallbackServerContext& call);

  void send(v1::ServerMessage message) override;
  void close() override; ///< After what has been sent.
  void end(grpc::Status why) override;

private:
  enum class step { none, write, finish };

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

  void read_later();
  void drop(grpc::Status why); ///< At once: what waits is thrown away.

  // With the lock held.
  step next_step();
  void fill_write();
  void throw_away();

  void take(step next);   ///< Without it.
  void finish_activity(); ///< Takes the next step as well.

  service_context& in_;
  grpc::CallbackServerContext& call_; ///< Valid until OnDone.
  std::optional<std::string> name_;   ///< On the certificate.
  link_id link_{};
  v1::AgentMessage incoming_;
  std::chrono::milliseconds pause_{0}; ///< Of reading; 0: not full.

  std::mutex mutex_;
  struct queued {
    v1::ServerMessage message;
    std::size_t bytes;
  };
  std::deque<queued> waiting_;
  std::size_t waiting_bytes_ = 0;
  v1::ServerMessage outgoing_; ///< Being written.
  bool writing_ = false;
  bool finished_ = false;
  /// What is under way outside of gRPC's reactions: a sleeping reader, a
  /// cancellation. OnDone does not wait for these, so Finish does.
  int activities_ = 0;
  std::optional<grpc::Alarm> alarm_;
  std::optional<grpc::Status> ending_;
  bool linked_ = false;
  std::shared_ptr<agent_stream> self_;
};

} // namespace skerry
