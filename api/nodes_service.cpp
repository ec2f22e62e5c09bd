#include "api/services.hpp"
#include "api/unary_call.hpp"
#include "messages/skerry/v1/nodes.grpc.pb.h"

namespace skerry {
namespace {

class nodes_service final : public v1::Nodes::CallbackService {
public:
  explicit nodes_service(service_context& in) : in_{in} {}

private:
  grpc::ServerUnaryReactor* List(grpc::CallbackServerContext* call,
                                 const v1::ListNodesRequest* request,
                                 v1::ListNodesReply* reply) override {
    return forward(in_, *call, request, reply, &cluster_gateway::nodes);
  }

  grpc::ServerUnaryReactor* Get(grpc::CallbackServerContext* call,
                                const v1::GetNodeRequest* request,
                                v1::NodeStatus* reply) override {
    return forward(in_, *call, request, reply, &cluster_gateway::node);
  }

  grpc::ServerUnaryReactor* SetCondition(grpc::CallbackServerContext* call,
                                         const v1::SetConditionRequest* request,
                                         v1::NodeStatus* reply) override {
    return forward(in_, *call, request, reply, &cluster_gateway::set_condition);
  }

  grpc::ServerUnaryReactor* Forget(grpc::CallbackServerContext* call,
                                   const v1::GetNodeRequest* request,
                                   v1::ForgetReply* reply) override {
    return forward(in_, *call, request, reply, &cluster_gateway::forget);
  }

  service_context& in_;
};

} // namespace

std::unique_ptr<grpc::Service> make_nodes_service(service_context& in) {
  return std::make_unique<nodes_service>(in);
}

} // namespace skerry
