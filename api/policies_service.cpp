#include "api/services.hpp"
#include "api/unary_call.hpp"
#include "messages/skerry/v1/policies.grpc.pb.h"

namespace skerry {
namespace {

class policies_service final : public v1::Policies::CallbackService {
public:
  explicit policies_service(service_context& in) : in_{in} {}

private:
  using call_context = grpc::CallbackServerContext;
  using reactor = grpc::ServerUnaryReactor;

  reactor* List(call_context* call, const v1::ListPoliciesRequest* request,
                v1::PoliciesReply* reply) override {
    return pass(*call, request, reply, &v1::PolicyCommand::mutable_list);
  }
  reactor* Submit(call_context* call, const v1::SubmitPolicyRequest* request,
                  v1::PoliciesReply* reply) override {
    return pass(*call, request, reply, &v1::PolicyCommand::mutable_submit);
  }
  reactor* Promote(call_context* call, const v1::PromotePolicyRequest* request,
                   v1::PoliciesReply* reply) override {
    return pass(*call, request, reply, &v1::PolicyCommand::mutable_promote);
  }
  reactor* RollBack(call_context* call,
                    const v1::RollBackPolicyRequest* request,
                    v1::PoliciesReply* reply) override {
    return pass(*call, request, reply, &v1::PolicyCommand::mutable_roll_back);
  }
  reactor* Freeze(call_context* call, const v1::FreezePoliciesRequest* request,
                  v1::PoliciesReply* reply) override {
    return pass(*call, request, reply, &v1::PolicyCommand::mutable_freeze);
  }

  /// All go to the leagues as one kind of command.
  template <class Request>
  reactor* pass(call_context& call, const Request* request,
                v1::PoliciesReply* reply,
                Request* (v1::PolicyCommand::*part)()) {
    v1::PolicyCommand asked;
    asked.set_server(request->server());
    *(asked.*part)() = *request;
    return forward(in_, call, &asked, reply, &cluster_gateway::policies);
  }

  service_context& in_;
};

} // namespace

std::unique_ptr<grpc::Service> make_policies_service(service_context& in) {
  return std::make_unique<policies_service>(in);
}

} // namespace skerry
