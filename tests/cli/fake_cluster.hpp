#pragma once

#include "messages/skerry/v1/cluster.grpc.pb.h"
#include "messages/skerry/v1/decisions.grpc.pb.h"
#include "messages/skerry/v1/jobs.grpc.pb.h"
#include "messages/skerry/v1/nodes.grpc.pb.h"
#include "messages/skerry/v1/policies.grpc.pb.h"

#include <atomic>
#include <functional>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace skerry::testing {

/// One method of the API: remembers what it was asked and answers as told.
template <class Request, class Reply>
class fake_method {
public:
  std::function<grpc::Status(const Request&, Reply&)> answer
      = [](const Request&, Reply&) { return grpc::Status::OK; };

  grpc::Status take(const Request& request, Reply& reply) {
    const std::lock_guard lock{mutex_};
    asked_.push_back(request);
    return answer(request, reply);
  }

  std::vector<Request> asked() const {
    const std::lock_guard lock{mutex_};
    return asked_;
  }

private:
  mutable std::mutex mutex_;
  std::vector<Request> asked_;
};

/// A server that says what a test wants.
class fake_cluster final : public v1::Jobs::Service,
                           public v1::Nodes::Service,
                           public v1::Decisions::Service,
                           public v1::Cluster::Service,
                           public v1::Policies::Service {
public:
  fake_cluster() {
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(),
                             &port);
    builder.RegisterService(static_cast<v1::Jobs::Service*>(this));
    builder.RegisterService(static_cast<v1::Nodes::Service*>(this));
    builder.RegisterService(static_cast<v1::Decisions::Service*>(this));
    builder.RegisterService(static_cast<v1::Cluster::Service*>(this));
    builder.RegisterService(static_cast<v1::Policies::Service*>(this));
    server_ = builder.BuildAndStart();
    address_ = "127.0.0.1:" + std::to_string(port);
  }

  const std::string& address() const { return address_; }

  fake_method<v1::SubmitRequest, v1::SubmitReply> submit;
  fake_method<v1::GetJobRequest, v1::JobStatus> job;
  fake_method<v1::ListJobsRequest, v1::ListJobsReply> jobs;
  fake_method<v1::CancelJobRequest, v1::JobStatus> cancel;
  fake_method<v1::LogsRequest, v1::LogsChunk> logs;
  fake_method<v1::ResizeRequest, v1::ResizeReply> resize;
  fake_method<v1::ListResizesRequest, v1::ListResizesReply> resizes;
  fake_method<v1::DecideRequest, v1::DecideReply> decide;
  fake_method<v1::ReservationsRequest, v1::ReservationsReply> confirm;
  fake_method<v1::ReservationsRequest, v1::ReservationsReply> release;
  fake_method<v1::ListDecisionsRequest, v1::ListDecisionsReply> decisions;
  fake_method<v1::ListNodesRequest, v1::ListNodesReply> nodes;
  fake_method<v1::GetNodeRequest, v1::NodeStatus> node;
  fake_method<v1::SetConditionRequest, v1::NodeStatus> condition;
  fake_method<v1::GetNodeRequest, v1::ForgetReply> forget;
  fake_method<v1::ServersRequest, v1::ServersReply> servers;
  fake_method<v1::ForgetServerRequest, v1::ForgetServerReply> forget_server;
  fake_method<v1::IslandsRequest, v1::IslandsReply> islands;
  fake_method<v1::LearnerRequest, v1::LearnerReply> learner;
  fake_method<v1::TenantsRequest, v1::TenantsReply> tenants;
  fake_method<v1::ListPoliciesRequest, v1::PoliciesReply> policies;
  fake_method<v1::SubmitPolicyRequest, v1::PoliciesReply> submit_policy;
  fake_method<v1::PromotePolicyRequest, v1::PoliciesReply> promote;
  fake_method<v1::RollBackPolicyRequest, v1::PoliciesReply> roll_back;
  fake_method<v1::FreezePoliciesRequest, v1::PoliciesReply> freeze;

private:
  using context = grpc::ServerContext;

  grpc::Status Submit(context*, const v1::SubmitRequest* request,
                      v1::SubmitReply* reply) override {
    return submit.take(*request, *reply);
  }
  grpc::Status Get(context*, const v1::GetJobRequest* request,
                   v1::JobStatus* reply) override {
    return job.take(*request, *reply);
  }
  grpc::Status List(context*, const v1::ListJobsRequest* request,
                    v1::ListJobsReply* reply) override {
    return jobs.take(*request, *reply);
  }
  grpc::Status Cancel(context*, const v1::CancelJobRequest* request,
                      v1::JobStatus* reply) override {
    return cancel.take(*request, *reply);
  }
  grpc::Status Logs(context*, const v1::LogsRequest* request,
                    grpc::ServerWriter<v1::LogsChunk>* writer) override {
    v1::LogsChunk chunk;
    const auto status = logs.take(*request, chunk);
    if (status.ok() && !chunk.data().empty())
      writer->Write(chunk);
    return status;
  }
  grpc::Status Resize(context*, const v1::ResizeRequest* request,
                      v1::ResizeReply* reply) override {
    return resize.take(*request, *reply);
  }
  grpc::Status Resizes(context*, const v1::ListResizesRequest* request,
                       v1::ListResizesReply* reply) override {
    return resizes.take(*request, *reply);
  }
  grpc::Status Decide(context*, const v1::DecideRequest* request,
                      v1::DecideReply* reply) override {
    return decide.take(*request, *reply);
  }
  grpc::Status Confirm(context*, const v1::ReservationsRequest* request,
                       v1::ReservationsReply* reply) override {
    return confirm.take(*request, *reply);
  }
  grpc::Status Release(context*, const v1::ReservationsRequest* request,
                       v1::ReservationsReply* reply) override {
    return release.take(*request, *reply);
  }
  grpc::Status List(context*, const v1::ListDecisionsRequest* request,
                    v1::ListDecisionsReply* reply) override {
    return decisions.take(*request, *reply);
  }
  grpc::Status List(context*, const v1::ListNodesRequest* request,
                    v1::ListNodesReply* reply) override {
    return nodes.take(*request, *reply);
  }
  grpc::Status Get(context*, const v1::GetNodeRequest* request,
                   v1::NodeStatus* reply) override {
    return node.take(*request, *reply);
  }
  grpc::Status SetCondition(context*, const v1::SetConditionRequest* request,
                            v1::NodeStatus* reply) override {
    return condition.take(*request, *reply);
  }
  grpc::Status Forget(context*, const v1::GetNodeRequest* request,
                      v1::ForgetReply* reply) override {
    return forget.take(*request, *reply);
  }
  grpc::Status Servers(context*, const v1::ServersRequest* request,
                       v1::ServersReply* reply) override {
    return servers.take(*request, *reply);
  }
  grpc::Status Forget(context*, const v1::ForgetServerRequest* request,
                      v1::ForgetServerReply* reply) override {
    return forget_server.take(*request, *reply);
  }
  grpc::Status Islands(context*, const v1::IslandsRequest* request,
                       v1::IslandsReply* reply) override {
    return islands.take(*request, *reply);
  }
  grpc::Status Tenants(context*, const v1::TenantsRequest* request,
                       v1::TenantsReply* reply) override {
    return tenants.take(*request, *reply);
  }
  grpc::Status Learner(context*, const v1::LearnerRequest* request,
                       v1::LearnerReply* reply) override {
    return learner.take(*request, *reply);
  }
  grpc::Status List(context*, const v1::ListPoliciesRequest* request,
                    v1::PoliciesReply* reply) override {
    return policies.take(*request, *reply);
  }
  grpc::Status Submit(context*, const v1::SubmitPolicyRequest* request,
                      v1::PoliciesReply* reply) override {
    return submit_policy.take(*request, *reply);
  }
  grpc::Status Promote(context*, const v1::PromotePolicyRequest* request,
                       v1::PoliciesReply* reply) override {
    return promote.take(*request, *reply);
  }
  grpc::Status RollBack(context*, const v1::RollBackPolicyRequest* request,
                        v1::PoliciesReply* reply) override {
    return roll_back.take(*request, *reply);
  }
  grpc::Status Freeze(context*, const v1::FreezePoliciesRequest* request,
                      v1::PoliciesReply* reply) override {
    return freeze.take(*request, *reply);
  }

  std::string address_;
  std::unique_ptr<grpc::Server> server_; ///< Goes first: it calls the rest.
};

} // namespace skerry::testing
