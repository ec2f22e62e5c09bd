#include "api/certificates.hpp"
#include "api/credentials.hpp"
#include "api/status.hpp"
#include "messages/skerry/v1/agent_link.grpc.pb.h"
#include "messages/skerry/v1/cluster.grpc.pb.h"
#include "messages/skerry/v1/decisions.grpc.pb.h"
#include "tests/api/served.hpp"
#include "tests/fresh_directory.hpp"

#include <ctime>
#include <filesystem>
#include <string>

#include <doctest/doctest.h>

using namespace skerry;
using namespace skerry::testing;
namespace fs = std::filesystem;

TEST_SUITE_BEGIN("api/credentials");

namespace {

/// The certificates of a cluster: server "a", agent "rack", client "ann".
struct cluster_certificates {
  cluster_certificates() {
    REQUIRE(make_authorities(options()));
    REQUIRE(make_certificates(options(), {"server", "a", loopback_hosts()}));
    REQUIRE(make_certificates(options(), {"agent", "rack", {}}));
    REQUIRE(make_certificates(options(), {"client", "ann", {}}));
  }

  certificate_options options() const {
    return {.folder = directory.path(),
            .days = 10,
            .force = false,
            .now = std::time(nullptr)};
  }
  fs::path operator/(const std::string& name) const {
    return directory.path() / name;
  }

  fresh_directory directory;
};

api_options with_tls(const fs::path& folder) {
  auto options = on_any_port();
  options.tls = folder;
  return options;
}

std::shared_ptr<grpc::Channel> channel_of(const served& api,
                                          const fs::path& folder) {
  const auto credentials = channel_credentials(folder);
  REQUIRE(credentials);
  return grpc::CreateCustomChannel(api.server->address(), *credentials,
                                   channel_arguments());
}

grpc::Status ask_for_servers(const std::shared_ptr<grpc::Channel>& channel) {
  call_context call;
  v1::ServersReply reply;
  return v1::Cluster::NewStub(channel)->Servers(&call, {}, &reply);
}

grpc::Status attach(const std::shared_ptr<grpc::Channel>& channel) {
  call_context call;
  const auto stub = v1::AgentLink::NewStub(channel);
  const auto stream = stub->Attach(&call);
  stream->WritesDone();
  return stream->Finish();
}

void answer_servers(served& api) {
  api.gateway.on_servers
      = [](const v1::ServersRequest&) { return v1::ServersReply{}; };
}

} // namespace

TEST_CASE("each role may call its services, and no others") {
  const cluster_certificates certs;
  served api{with_tls(certs / "server-a")};
  answer_servers(api);
  const auto agent = channel_of(api, certs / "agent-rack");
  const auto client = channel_of(api, certs / "client-ann");
  const auto server = channel_of(api, certs / "server-a");
  CHECK(ask_for_servers(client).ok());
  CHECK(ask_for_servers(server).ok());
  CHECK(attach(agent).ok());
  const auto agent_asks = ask_for_servers(agent);
  CHECK(agent_asks.error_code() == grpc::PERMISSION_DENIED);
  CHECK(agent_asks.error_message()
        == "a certificate of role 'agent' may not call this service; use one "
           "made by 'skerry certs client NAME'");
  CHECK(attach(client).error_code() == grpc::PERMISSION_DENIED);
  CHECK(attach(server).error_code() == grpc::PERMISSION_DENIED);
  call_context call;
  const auto stub = v1::Decisions::NewStub(agent);
  const auto stream = stub->DecideStream(&call);
  stream->WritesDone();
  CHECK(stream->Finish().error_code() == grpc::PERMISSION_DENIED);
}

TEST_CASE("an agent is refused nodes that its certificate does not name") {
  const cluster_certificates certs;
  served api{with_tls(certs / "server-a")};
  call_context call;
  const auto stub
      = v1::AgentLink::NewStub(channel_of(api, certs / "agent-rack"));
  const auto stream = stub->Attach(&call);
  v1::AgentMessage message;
  message.add_hellos()->mutable_node()->set_name("bank");
  message.add_hellos()->mutable_node()->set_name("rack-2");
  REQUIRE(stream->Write(message));
  v1::ServerMessage answer;
  REQUIRE(stream->Read(&answer));
  REQUIRE(answer.refused_size() == 1);
  CHECK(answer.refused(0).node() == "bank");
  api.gateway.await_links([](const auto& links) {
    return links[0].taken.size() == 1 && links[0].taken[0].hellos_size() == 1
           && links[0].taken[0].hellos(0).node().name() == "rack-2";
  });
  stream->WritesDone();
  CHECK(stream->Finish().ok());
}

TEST_CASE("without a certificate, or with one of another cluster, nobody is "
          "heard") {
  const cluster_certificates certs;
  const cluster_certificates others;
  served api{with_tls(certs / "server-a")};
  answer_servers(api);
  const auto is_unreachable = [](const grpc::Status& status) {
    return !status.ok() && from_status(status).code == error_code::unreachable;
  };
  CHECK(is_unreachable(ask_for_servers(channel_of(api, {}))));
  CHECK(
      is_unreachable(ask_for_servers(channel_of(api, others / "client-ann"))));
  // Trusts the server, but shows nothing itself.
  grpc::SslCredentialsOptions nothing_shown;
  nothing_shown.pem_root_certs
      = read_bytes((certs / "client-ann/api-ca.pem").string());
  CHECK(is_unreachable(ask_for_servers(grpc::CreateChannel(
      api.server->address(), grpc::SslCredentials(nothing_shown)))));
  // Trusts the server, and shows the certificate of another cluster.
  nothing_shown.pem_cert_chain
      = read_bytes((others / "client-ann/api.pem").string());
  nothing_shown.pem_private_key
      = read_bytes((others / "client-ann/api.key").string());
  CHECK(is_unreachable(ask_for_servers(grpc::CreateChannel(
      api.server->address(), grpc::SslCredentials(nothing_shown)))));
}

TEST_CASE("certificates that have expired are refused before anything starts") {
  const cluster_certificates certs;
  auto past = certs.options();
  past.now -= 20 * 86'400;
  REQUIRE(make_certificates(past, {"server", "old", loopback_hosts()}));
  REQUIRE(make_certificates(past, {"client", "old", {}}));
  fake_gateway gateway;
  const auto server
      = api_server::start(gateway, with_tls(certs / "server-old"));
  REQUIRE_FALSE(server);
  CHECK(server.failure().message.find("has expired") != std::string::npos);
  const auto channel = channel_credentials(certs / "client-old");
  REQUIRE_FALSE(channel);
  CHECK(channel.failure().message.find("has expired") != std::string::npos);
  // A client that does not check is refused by the server.
  served api{with_tls(certs / "server-a")};
  grpc::SslCredentialsOptions unchecked;
  const auto folder = certs / "client-old";
  unchecked.pem_root_certs = read_bytes((folder / "api-ca.pem").string());
  unchecked.pem_cert_chain = read_bytes((folder / "api.pem").string());
  unchecked.pem_private_key = read_bytes((folder / "api.key").string());
  CHECK_FALSE(
      ask_for_servers(grpc::CreateChannel(api.server->address(),
                                          grpc::SslCredentials(unchecked)))
          .ok());
}

TEST_CASE("a server with certificates may listen on all addresses") {
  const cluster_certificates certs;
  auto options = with_tls(certs / "server-a");
  options.listen = "0.0.0.0:0";
  fake_gateway gateway;
  CHECK(api_server::start(gateway, options));
}

TEST_CASE("a server at a host that its certificate does not name is refused") {
  const cluster_certificates certs;
  REQUIRE(make_certificates(certs.options(), {"server", "b", {"b.example"}}));
  served api{with_tls(certs / "server-b")};
  answer_servers(api);
  CHECK_FALSE(ask_for_servers(channel_of(api, certs / "client-ann")).ok());
}

TEST_CASE("a client's folder is no server's") {
  const cluster_certificates certs;
  fake_gateway gateway;
  const auto server
      = api_server::start(gateway, with_tls(certs / "client-ann"));
  REQUIRE_FALSE(server);
  CHECK(server.failure().code == error_code::invalid_argument);
  CHECK(server.failure().message.find("skerry certs server")
        != std::string::npos);
}
