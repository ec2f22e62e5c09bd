#pragma once

#include "api/open_streams.hpp"
#include "api/services.hpp"

#include <chrono>
#include <functional>
#include <grpcpp/alarm.h>
#include <grpcpp/support/server_callback.h>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

namespace skerry {

/// A stream of answers that does one thing at a time: it asks the gateway, or
/// writes, or sleeps. The end comes at once, except that a write is awaited.
///
/// Who derives from it calls `ask`, `write`, `sleep` or `finish` exactly once
/// in `resume` and in each answer.
template <class Message>
class serial_stream
    : public grpc::ServerWriteReactor<Message>,
      public open_stream,
      public std::enable_shared_from_this<serial_stream<Message>> {
public:
  explicit serial_stream(service_context& in) : in_{in} {}

  /// Opens a stream that owns itself until gRPC is done with it.
  static grpc::ServerWriteReactor<Message>*
  open(std::shared_ptr<serial_stream> stream,
       grpc::CallbackServerContext& call) {
    auto* reactor = stream.get();
    auto& in = reactor->in_;
    reactor->self_ = stream;
    auto allowed = in.access.check(call, audience::clients);
    if (allowed.ok())
      allowed = in.streams.add(stream);
    if (allowed.ok())
      reactor->resume();
    else
      reactor->end(std::move(allowed));
    return reactor;
  }

  void end(grpc::Status why) final {
    {
      const std::lock_guard lock{mutex_};
      if (ending_)
        return;
      ending_ = std::move(why);
      if (writing_) // OnWriteDone finishes.
        return;
      if (alarm_)
        alarm_->Cancel();
    }
    this->Finish(*ending_);
  }

protected:
  /// The stream begins, or what it was told to do last has been done.
  virtual void resume() = 0;

  /// @param then Is not called once the stream has ended.
  template <class Request, class Reply>
  void ask(void (cluster_gateway::*question)(Request,
                                             cluster_gateway::reply<Reply>),
           Request request, std::function<void(result<Reply>)> then) {
    (in_.gateway.*question)(std::move(request),
                            [self = this->shared_from_this(),
                             then = std::move(then)](result<Reply> outcome) {
                              if (!self->has_ended())
                                then(std::move(outcome));
                            });
  }

  void write(Message message) {
    {
      const std::lock_guard lock{mutex_};
      if (ending_)
        return;
      message_ = std::move(message);
      writing_ = true;
    }
    this->StartWrite(&message_);
  }

  void sleep(std::chrono::milliseconds time) {
    const std::lock_guard lock{mutex_};
    if (ending_)
      return;
    alarm_.emplace(); // A used one may still be running its function.
    alarm_->Set(std::chrono::system_clock::now() + time,
                // Gives itself away: the alarm keeps the function, and this
                // stream keeps the alarm.
                [self = this->shared_from_this()](bool expired) mutable {
                  const auto stream = std::move(self);
                  if (expired && !stream->has_ended())
                    stream->resume();
                });
  }

  void finish(grpc::Status status) { end(std::move(status)); }

  service_context& in_;

private:
  bool has_ended() {
    const std::lock_guard lock{mutex_};
    return ending_.has_value();
  }

  void OnWriteDone(bool ok) final {
    bool ended = false;
    {
      const std::lock_guard lock{mutex_};
      writing_ = false;
      if (!ok && !ending_)
        ending_ = grpc::Status::CANCELLED;
      ended = ending_.has_value();
    }
    if (ended)
      this->Finish(*ending_);
    else
      resume();
  }

  void OnCancel() final { end(grpc::Status::CANCELLED); }

  void OnDone() final {
    in_.streams.remove(this);
    const auto last = std::move(self_);
  }

  std::mutex mutex_;
  Message message_; ///< Being written.
  std::optional<grpc::Alarm> alarm_;
  bool writing_ = false;
  std::optional<grpc::Status> ending_;
  std::shared_ptr<serial_stream> self_;
};

} // namespace skerry
