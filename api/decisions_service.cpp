#include "api/pipelined_stream.hpp"
#include "api/services.hpp"
#include "api/unary_call.hpp"
#include "messages/skerry/v1/decisions.grpc.pb.h"

namespace skerry {
namespace {

class decisions_service final : public v1::Decisions::CallbackService {
public:
  explicit decisions_service(service_context& in) : in_{in} {}

private:
  grpc::ServerUnaryReactor* Decide(grpc::CallbackServerContext* call,
                                   const v1::DecideRequest* request,
                                   v1::DecideReply* reply) override {
    return forward(in_, *call, request, reply, &cluster_gateway::decide);
  }

  grpc::ServerUnaryReactor* Confirm(grpc::CallbackServerContext* call,
                                    const v1::ReservationsRequest* request,
                                    v1::ReservationsReply* reply) override {
    return forward(in_, *call, request, reply, &cluster_gateway::confirm);
  }

  grpc::ServerUnaryReactor* Release(grpc::CallbackServerContext* call,
                                    const v1::ReservationsRequest* request,
                                    v1::ReservationsReply* reply) override {
    return forward(in_, *call, request, reply, &cluster_gateway::release);
  }

  grpc::ServerUnaryReactor* List(grpc::CallbackServerContext* call,
                                 const v1::ListDecisionsRequest* request,
                                 v1::ListDecisionsReply* reply) override {
    return forward(in_, *call, request, reply, &cluster_gateway::decisions);
  }

  grpc::ServerBidiReactor<v1::DecideRequest, v1::DecideReply>*
  DecideStream(grpc::CallbackServerContext* call) override {
    return pipelined_stream<v1::DecideRequest, v1::DecideReply>::open(
        in_, *call, &cluster_gateway::decide);
  }

  service_context& in_;
};

} // namespace

std::unique_ptr<grpc::Service> make_decisions_service(service_context& in) {
  return std::make_unique<decisions_service>(in);
}

} // namespace skerry
