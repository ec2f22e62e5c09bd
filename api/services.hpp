#pragma once

#include "api/access.hpp"
#include "api/open_streams.hpp"
#include "api/server.hpp"
#include "messages/gateway.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <grpcpp/impl/service_type.h>
#include <memory>

namespace skerry {

/// What all services of a server share.
struct service_context {
  cluster_gateway& gateway;
  api_limits limits;
  std::chrono::milliseconds watch_interval;
  access_rule access;
  open_streams streams;
  std::atomic<std::size_t> calls{0}; ///< Unary, unanswered.
};

/// Each outlives its server, and `in` outlives each.
std::unique_ptr<grpc::Service> make_jobs_service(service_context& in);
std::unique_ptr<grpc::Service> make_decisions_service(service_context& in);
std::unique_ptr<grpc::Service> make_nodes_service(service_context& in);
std::unique_ptr<grpc::Service> make_cluster_service(service_context& in);
std::unique_ptr<grpc::Service> make_policies_service(service_context& in);
std::unique_ptr<grpc::Service> make_agent_link_service(service_context& in);

} // namespace skerry
