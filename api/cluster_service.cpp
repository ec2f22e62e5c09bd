#include "api/services.hpp"
#include "api/unary_call.hpp"
#include "messages/skerry/v1/cluster.grpc.pb.h"

namespace skerry {
namespace {

class cluster_service final : public v1::Cluster::CallbackService {
public:
  explicit cluster_service(service_context& in) : in_{in} {}

private:
  grpc::ServerUnaryReactor* Servers(grpc::CallbackServerContext* call,
                                    const v1::ServersRequest* request,
                                    v1::ServersReply* reply) override {
    return forward(in_, *call, request, reply, &cluster_gateway::servers);
  }

  grpc::ServerUnaryReactor* Forget(grpc::CallbackServerContext* call,
                                   const v1::ForgetServerRequest* request,
                                   v1::ForgetServerReply* reply) override {
    return forward(in_, *call, request, reply, &cluster_gateway::forget_server);
  }

  grpc::ServerUnaryReactor* Islands(grpc::CallbackServerContext* call,
                                    const v1::IslandsRequest* request,
                                    v1::IslandsReply* reply) override {
    return forward(in_, *call, request, reply, &cluster_gateway::islands);
  }

  grpc::ServerUnaryReactor* Learner(grpc::CallbackServerContext* call,
                                    const v1::LearnerRequest* request,
                                    v1::LearnerReply* reply) override {
    return forward(in_, *call, request, reply, &cluster_gateway::learner);
  }

  grpc::ServerUnaryReactor* Tenants(grpc::CallbackServerContext* call,
                                    const v1::TenantsRequest* request,
                                    v1::TenantsReply* reply) override {
    return forward(in_, *call, request, reply, &cluster_gateway::tenants);
  }

  service_context& in_;
};

} // namespace

std::unique_ptr<grpc::Service> make_cluster_service(service_context& in) {
  return std::make_unique<cluster_service>(in);
}

} // namespace skerry
