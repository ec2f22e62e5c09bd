#pragma once

#include "api/server.hpp"
#include "tests/api/fake_gateway.hpp"

#include <chrono>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <memory>
#include <stdexcept>
#include <string>

namespace skerry::testing {

inline api_options on_any_port() {
  api_options options;
  options.listen = "127.0.0.1:0";
  options.watch_interval = std::chrono::milliseconds{5};
  options.stop_grace = std::chrono::milliseconds{300};
  return options;
}

/// A fake gateway behind a real server, and a channel to it.
struct served {
  explicit served(const api_options& options = on_any_port())
      : server{start(gateway, options)},
        channel{grpc::CreateChannel(server->address(),
                                    grpc::InsecureChannelCredentials())} {}

  static std::unique_ptr<api_server> start(cluster_gateway& to,
                                           const api_options& options) {
    auto server = api_server::start(to, options);
    if (!server)
      throw std::runtime_error{server.failure().message};
    return std::move(server).value();
  }

  template <class Service>
  std::unique_ptr<typename Service::Stub> stub() const {
    return Service::NewStub(channel);
  }

  fake_gateway gateway;
  std::unique_ptr<api_server> server;
  std::shared_ptr<grpc::Channel> channel;
};

/// A call that fails a test instead of hanging it.
struct call_context : grpc::ClientContext {
  call_context() {
    set_deadline(std::chrono::system_clock::now() + std::chrono::seconds{20});
  }
};

} // namespace skerry::testing
