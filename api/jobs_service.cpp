#include "api/log_stream.hpp"
#include "api/pipelined_stream.hpp"
#include "api/services.hpp"
#include "api/unary_call.hpp"
#include "api/watch_stream.hpp"
#include "messages/skerry/v1/jobs.grpc.pb.h"

namespace skerry {
namespace {

class jobs_service final : public v1::Jobs::CallbackService {
public:
  explicit jobs_service(service_context& in) : in_{in} {}

private:
  grpc::ServerUnaryReactor* Submit(grpc::CallbackServerContext* call,
                                   const v1::SubmitRequest* request,
                                   v1::SubmitReply* reply) override {
    return forward(in_, *call, request, reply, &cluster_gateway::submit);
  }

  grpc::ServerUnaryReactor* Get(grpc::CallbackServerContext* call,
                                const v1::GetJobRequest* request,
                                v1::JobStatus* reply) override {
    return forward(in_, *call, request, reply, &cluster_gateway::job);
  }

  grpc::ServerUnaryReactor* List(grpc::CallbackServerContext* call,
                                 const v1::ListJobsRequest* request,
                                 v1::ListJobsReply* reply) override {
    return forward(in_, *call, request, reply, &cluster_gateway::jobs);
  }

  grpc::ServerUnaryReactor* Cancel(grpc::CallbackServerContext* call,
                                   const v1::CancelJobRequest* request,
                                   v1::JobStatus* reply) override {
    return forward(in_, *call, request, reply, &cluster_gateway::cancel);
  }

  grpc::ServerUnaryReactor* Explain(grpc::CallbackServerContext* call,
                                    const v1::GetJobRequest* request,
                                    v1::JobExplanation* reply) override {
    return forward(in_, *call, request, reply, &cluster_gateway::explain);
  }

  grpc::ServerUnaryReactor* Resize(grpc::CallbackServerContext* call,
                                   const v1::ResizeRequest* request,
                                   v1::ResizeReply* reply) override {
    return forward(in_, *call, request, reply, &cluster_gateway::resize);
  }

  grpc::ServerUnaryReactor* Resizes(grpc::CallbackServerContext* call,
                                    const v1::ListResizesRequest* request,
                                    v1::ListResizesReply* reply) override {
    return forward(in_, *call, request, reply, &cluster_gateway::resizes);
  }

  grpc::ServerBidiReactor<v1::SubmitRequest, v1::SubmitReply>*
  SubmitStream(grpc::CallbackServerContext* call) override {
    return pipelined_stream<v1::SubmitRequest, v1::SubmitReply>::open(
        in_, *call, &cluster_gateway::submit);
  }

  grpc::ServerWriteReactor<v1::JobStatus>*
  Watch(grpc::CallbackServerContext* call,
        const v1::GetJobRequest* request) override {
    return watch_job(in_, *call, *request);
  }

  grpc::ServerWriteReactor<v1::LogsChunk>*
  Logs(grpc::CallbackServerContext* call,
       const v1::LogsRequest* request) override {
    return stream_logs(in_, *call, *request);
  }

  service_context& in_;
};

} // namespace

std::unique_ptr<grpc::Service> make_jobs_service(service_context& in) {
  return std::make_unique<jobs_service>(in);
}

} // namespace skerry
