#include "api/credentials.hpp"

#include "api/tls_files.hpp"

#include <ctime>
#include <utility>

namespace skerry {

result<std::shared_ptr<grpc::ServerCredentials>>
server_credentials(const std::filesystem::path& folder) {
  if (folder.empty())
    return grpc::InsecureServerCredentials();
  auto files
      = load_tls_files(folder, "api", tls_side::server, std::time(nullptr));
  if (!files)
    return files.failure();
  grpc::SslServerCredentialsOptions options{
      GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY};
  options.pem_root_certs = std::move(files->authority);
  options.pem_key_cert_pairs.push_back(
      {std::move(files->key), std::move(files->certificate)});
  return grpc::SslServerCredentials(options);
}

result<std::shared_ptr<grpc::ChannelCredentials>>
channel_credentials(const std::filesystem::path& folder) {
  if (folder.empty())
    return grpc::InsecureChannelCredentials();
  auto files
      = load_tls_files(folder, "api", tls_side::client, std::time(nullptr));
  if (!files)
    return files.failure();
  grpc::SslCredentialsOptions options;
  options.pem_root_certs = std::move(files->authority);
  options.pem_private_key = std::move(files->key);
  options.pem_cert_chain = std::move(files->certificate);
  return grpc::SslCredentials(options);
}

grpc::ChannelArguments channel_arguments() {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(64 << 20);
  arguments.SetMaxSendMessageSize(16 << 20);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 10'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 5'000);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  return arguments;
}

} // namespace skerry
