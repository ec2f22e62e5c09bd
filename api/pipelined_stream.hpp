#pragma once

#include "api/services.hpp"
#include "api/status.hpp"

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace skerry {

/// A stream of requests, each answered by the gateway, in order.
///
///   OnReadDone -> slot at the tail -> gateway -> slot is ready
///   the head is ready, nothing is being written -> StartWrite -> next head
///
/// `stream_window` requests are at the gateway at a time; beyond it the stream
/// is not read, so that gRPC's flow control holds the client back. An error of
/// the gateway is a reply with its code and message, and the stream lives on.
template <class Request, class Reply>
class pipelined_stream final
    : public grpc::ServerBidiReactor<Request, Reply>,
      public open_stream,
      public std::enable_shared_from_this<pipelined_stream<Request, Reply>> {
public:
  using question
      = void (cluster_gateway::*)(Request, cluster_gateway::reply<Reply>);

  pipelined_stream(service_context& in, question ask)
      : in_{in}, ask_{ask}, slots_(in.limits.stream_window) {}

  /// Opens a stream that owns itself until gRPC and the gateway are done.
  static grpc::ServerBidiReactor<Request, Reply>*
  open(service_context& in, grpc::CallbackServerContext& call, question ask) {
    auto stream = std::make_shared<pipelined_stream>(in, ask);
    auto* reactor = stream.get();
    stream->self_ = stream;
    auto allowed = in.access.check(call, audience::clients);
    if (allowed.ok())
      allowed = in.streams.add(stream);
    if (allowed.ok())
      reactor->StartRead(&reactor->request_);
    else
      reactor->end(std::move(allowed));
    return reactor;
  }

  void end(grpc::Status why) override {
    step next;
    {
      const std::lock_guard lock{mutex_};
      if (!ending_)
        ending_ = std::move(why);
      next = next_step();
    }
    take(next);
  }

private:
  struct slot {
    Reply reply;
    bool ready = false;
  };
  enum class step { none, write, finish };

  void OnReadDone(bool ok) override {
    slot* into = nullptr;
    bool read_on = false;
    step next = step::none;
    {
      const std::lock_guard lock{mutex_};
      if (!ok) {
        reading_ = false;
        reads_done_ = true;
        next = next_step();
      } else {
        into = &slots_[(head_ + used_) % slots_.size()];
        ++used_;
        ++at_gateway_;
        read_on = used_ < slots_.size() && !ending_;
        reading_ = read_on;
      }
    }
    if (into != nullptr)
      (in_.gateway.*ask_)(std::move(request_),
                          [this, into](result<Reply> outcome) {
                            answered(*into, std::move(outcome));
                          });
    if (read_on)
      this->StartRead(&request_);
    take(next);
  }

  void answered(slot& at, result<Reply> outcome) {
    step next;
    std::shared_ptr<pipelined_stream> last; // Dies after the lock is released.
    {
      const std::lock_guard lock{mutex_};
      if (outcome) {
        at.reply = std::move(*outcome);
      } else {
        at.reply.Clear();
        at.reply.set_error_code(to_status_code(outcome.failure().code));
        at.reply.set_error_message(outcome.failure().message);
      }
      at.ready = true;
      --at_gateway_;
      next = next_step();
      last = release_if_over();
    }
    take(next);
  }

  void OnWriteDone(bool ok) override {
    bool read_on = false;
    step next;
    {
      const std::lock_guard lock{mutex_};
      writing_ = false;
      slots_[head_].ready = false;
      head_ = (head_ + 1) % slots_.size();
      --used_;
      if (!ok && !ending_)
        ending_ = grpc::Status::CANCELLED;
      read_on = !reading_ && !reads_done_ && !ending_;
      reading_ = reading_ || read_on;
      next = next_step();
    }
    take(next);
    if (read_on) // OnDone waits for this reaction: the stream is still there.
      this->StartRead(&request_);
  }

  void OnCancel() override { end(grpc::Status::CANCELLED); }

  void OnDone() override {
    in_.streams.remove(this);
    std::shared_ptr<pipelined_stream> last;
    const std::lock_guard lock{mutex_};
    done_ = true;
    last = release_if_over();
  }

  // -- with the lock held -----------------------------------------------------

  /// What to do next. Whoever gets it does it, so that no two write at once and
  /// nobody writes after the end.
  step next_step() {
    if (finished_ || writing_)
      return step::none;
    const bool over = reads_done_ && used_ == 0;
    if (ending_ || over) {
      finished_ = true;
      if (!ending_)
        ending_ = grpc::Status::OK;
      return step::finish;
    }
    if (used_ == 0 || !slots_[head_].ready)
      return step::none;
    writing_ = true;
    // The next reply follows at once: both may go in one packet.
    more_follows_ = used_ > 1 && slots_[(head_ + 1) % slots_.size()].ready;
    return step::write;
  }

  std::shared_ptr<pipelined_stream> release_if_over() {
    return done_ && at_gateway_ == 0 ? std::move(self_) : nullptr;
  }

  // -- without it -------------------------------------------------------------

  void take(step next) {
    if (next == step::write) {
      grpc::WriteOptions options;
      if (more_follows_)
        options.set_buffer_hint();
      this->StartWrite(&slots_[head_].reply, options);
    } else if (next == step::finish) {
      this->Finish(*ending_);
    }
  }

  service_context& in_;
  question ask_;
  Request request_; ///< Of the read that is under way.
  std::mutex mutex_;
  std::vector<slot> slots_; ///< A ring: `used_` of them from `head_`.
  std::size_t head_ = 0;
  std::size_t used_ = 0;
  std::size_t at_gateway_ = 0;
  bool reading_ = true;
  bool reads_done_ = false;
  bool writing_ = false;
  bool more_follows_ = false;
  bool finished_ = false;
  bool done_ = false;
  std::optional<grpc::Status> ending_;
  std::shared_ptr<pipelined_stream> self_;
};

} // namespace skerry
