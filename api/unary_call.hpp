#pragma once

#include "api/services.hpp"
#include "api/status.hpp"

#include <atomic>
#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>
#include <utility>

namespace skerry {

/// A unary call on its way through the gateway. Two hold it: gRPC until OnDone,
/// the gateway until it has replied. Whoever comes first, the reply or the
/// cancellation, finishes it; after a cancellation the reply is dropped.
template <class Reply>
class unary_call final : public grpc::ServerUnaryReactor {
public:
  unary_call(std::atomic<std::size_t>& calls, Reply* to)
      : calls_{calls}, to_{to} {}

  void answer(result<Reply> outcome) {
    if (!finished_.exchange(true)) {
      if (outcome) {
        *to_ = std::move(*outcome);
        Finish(grpc::Status::OK);
      } else {
        Finish(to_status(outcome.failure()));
      }
    }
    release();
  }

private:
  void OnCancel() override {
    if (!finished_.exchange(true))
      Finish(grpc::Status::CANCELLED);
  }

  void OnDone() override {
    --calls_; // Not in the destructor: the server may be gone by then.
    release();
  }

  /// OnDone may run on the thread that finished the call: it takes no lock.
  bool InternalInlineable() override { return true; }

  void release() {
    if (holders_.fetch_sub(1, std::memory_order_acq_rel) == 1)
      delete this;
  }

  std::atomic<std::size_t>& calls_;
  Reply* to_;
  std::atomic<bool> finished_{false};
  std::atomic<int> holders_{2};
};

inline grpc::ServerUnaryReactor* refuse(grpc::CallbackServerContext& call,
                                        grpc::Status why) {
  auto* reactor = call.DefaultReactor();
  reactor->Finish(std::move(why));
  return reactor;
}

/// Lets the gateway answer a unary call.
template <class Request, class Reply>
grpc::ServerUnaryReactor*
forward(service_context& in, grpc::CallbackServerContext& call,
        const Request* request, Reply* reply,
        void (cluster_gateway::*ask)(Request, cluster_gateway::reply<Reply>)) {
  if (auto allowed = in.access.check(call, audience::clients); !allowed.ok())
    return refuse(call, std::move(allowed));
  if (++in.calls > in.limits.calls) {
    --in.calls;
    return refuse(call, to_status({error_code::limit_exceeded,
                                   "too many calls wait for an answer; "
                                   "ask again later"}));
  }
  auto* answered = new unary_call<Reply>{in.calls, reply};
  // The library's own object, which is not const and which nobody reads again.
  // A pointer fits into the function object, so that nothing is allocated.
  (in.gateway.*ask)(std::move(const_cast<Request&>(*request)),
                    [answered](result<Reply> outcome) {
                      answered->answer(std::move(outcome));
                    });
  return answered;
}

} // namespace skerry
