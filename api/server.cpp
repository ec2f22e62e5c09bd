#include "api/server.hpp"

#include "api/addresses.hpp"
#include "api/credentials.hpp"
#include "api/services.hpp"

#include <fmt/format.h>

#include <absl/synchronization/mutex.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <limits>
#include <mutex>
#include <utility>
#include <vector>

namespace skerry {
namespace {

result<> validate(const api_options& options) {
  const auto& limits = options.limits;
  const auto fits = [](std::size_t n) {
    return n > 0 && n <= std::numeric_limits<int>::max();
  };
  if (!fits(limits.message_bytes) || !fits(limits.reply_bytes)
      || limits.calls_per_connection < 1 || !fits(limits.calls)
      || !fits(limits.streams) || !fits(limits.stream_window)
      || !fits(limits.agent_queue_bytes) || !fits(limits.agent_queue_messages)
      || !fits(limits.merged_bytes))
    return error{error_code::invalid_argument,
                 "a limit of the API is not from 1 to 2^31-1"};
  return done{};
}

void set_limits(grpc::ServerBuilder& builder, const api_options& options) {
  const auto milliseconds = [](std::chrono::milliseconds time) {
    return static_cast<int>(time.count());
  };
  builder.SetMaxReceiveMessageSize(
      static_cast<int>(options.limits.message_bytes));
  builder.SetMaxSendMessageSize(static_cast<int>(options.limits.reply_bytes));
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS,
                             options.limits.calls_per_connection);
  // A second server on this port is refused instead of sharing its calls.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS,
                             milliseconds(options.keepalive));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS,
                             milliseconds(options.keepalive_timeout));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  // Clients may probe as often as every second.
  builder.AddChannelArgument(
      GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 1000);
  // Only reflection is answered by threads that wait; a few calls a day.
  builder.SetSyncServerOption(grpc::ServerBuilder::NUM_CQS, 1);
  builder.SetSyncServerOption(grpc::ServerBuilder::MIN_POLLERS, 1);
  builder.SetSyncServerOption(grpc::ServerBuilder::MAX_POLLERS, 2);
}

class grpc_api_server final : public api_server {
public:
  grpc_api_server(cluster_gateway& to, const api_options& options)
      : context_{.gateway = to,
                 .limits = options.limits,
                 .watch_interval = options.watch_interval,
                 .access = access_rule{!options.tls.empty()},
                 .streams = open_streams{options.limits.streams}},
        grace_{options.stop_grace} {
    services_.push_back(make_jobs_service(context_));
    services_.push_back(make_decisions_service(context_));
    services_.push_back(make_nodes_service(context_));
    services_.push_back(make_cluster_service(context_));
    services_.push_back(make_policies_service(context_));
    services_.push_back(make_agent_link_service(context_));
  }

  grpc_api_server(const grpc_api_server&) = delete;
  grpc_api_server& operator=(const grpc_api_server&) = delete;
  ~grpc_api_server() override { grpc_api_server::stop(); }

  result<> listen(host_port at, const api_options& options,
                  const std::shared_ptr<grpc::ServerCredentials>& credentials) {
    grpc::EnableDefaultHealthCheckService(true);
    static std::once_flag once;
    std::call_once(once, [] {
      grpc::reflection::InitProtoReflectionServerBuilderPlugin();
      // Distributions build it with the detection on, for gRPC's own mutexes.
      absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
    });
    grpc::ServerBuilder builder;
    set_limits(builder, options);
    int port = 0;
    builder.AddListeningPort(to_string(at), credentials, &port);
    for (const auto& service : services_)
      builder.RegisterService(service.get());
    server_ = builder.BuildAndStart();
    if (server_ == nullptr || port == 0)
      return error{error_code::io_failed,
                   fmt::format("cannot listen on {}", to_string(at))};
    at.port = static_cast<std::uint16_t>(port);
    address_ = to_string(at);
    return done{};
  }

  std::string address() const override { return address_; }

  void stop() override {
    const std::lock_guard lock{stopping_};
    if (server_ == nullptr)
      return;
    context_.streams.end_all();
    server_->Shutdown(std::chrono::system_clock::now() + grace_);
    server_.reset();
  }

private:
  service_context context_;
  std::chrono::milliseconds grace_;
  std::vector<std::unique_ptr<grpc::Service>> services_;
  std::mutex stopping_;
  std::unique_ptr<grpc::Server> server_; ///< Dies before its services.
  std::string address_;
};

} // namespace

result<std::unique_ptr<api_server>> api_server::start(cluster_gateway& to,
                                                      api_options options) {
  if (const auto ok = validate(options); !ok)
    return ok.failure();
  const auto at = parse_host_port(options.listen);
  if (!at)
    return at.failure();
  if (options.tls.empty() && !is_loopback(at->host))
    return error{
        error_code::invalid_argument,
        fmt::format("{} is not loopback, and without certificates anybody "
                    "could rule the cluster there; make some with 'skerry "
                    "certs init' and 'skerry certs server NAME --host "
                    "HOST', and give the folder with --tls",
                    options.listen)};
  const auto credentials = server_credentials(options.tls);
  if (!credentials)
    return credentials.failure();
  if (const auto ok = check_can_listen(*at); !ok)
    return ok.failure();
  auto server = std::make_unique<grpc_api_server>(to, options);
  if (const auto ok = server->listen(*at, options, *credentials); !ok)
    return ok.failure();
  return std::unique_ptr<api_server>{std::move(server)};
}

} // namespace skerry
