#pragma once

#include "scheduling/result.hpp"

#include <filesystem>
#include <grpcpp/security/credentials.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/support/channel_arguments.h>
#include <memory>

namespace skerry {

/// Mutual TLS from a folder that `skerry certs server` made; with an empty path
/// plaintext, which `api_server` allows on loopback only.
/// @returns `invalid_argument` as of `load_tls_files`.
result<std::shared_ptr<grpc::ServerCredentials>>
server_credentials(const std::filesystem::path& folder);

/// Mutual TLS from a folder of `skerry certs client|agent|server`, or
/// plaintext.
/// @returns `invalid_argument` as of `load_tls_files`.
result<std::shared_ptr<grpc::ChannelCredentials>>
channel_credentials(const std::filesystem::path& folder);

/// For every channel to a server: large replies, and a dead server is noticed
/// within 15 s although nothing is sent.
grpc::ChannelArguments channel_arguments();

} // namespace skerry
