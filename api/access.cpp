#include "api/access.hpp"

#include <fmt/format.h>

#include <grpcpp/security/auth_context.h>

namespace skerry {
namespace {

std::optional<peer_identity> identity_of(const grpc::ServerContextBase& call) {
  const auto peer = call.auth_context();
  if (peer == nullptr || !peer->IsPeerAuthenticated())
    return std::nullopt;
  const auto uris = peer->FindPropertyValues("peer_spiffe_id");
  if (uris.size() != 1)
    return std::nullopt;
  return parse_identity({uris.front().data(), uris.front().size()});
}

} // namespace

std::optional<peer_identity> parse_identity(std::string_view uri) {
  constexpr std::string_view prefix = "spiffe://skerry/";
  if (!uri.starts_with(prefix))
    return std::nullopt;
  uri.remove_prefix(prefix.size());
  const auto slash = uri.find('/');
  if (slash == uri.npos || uri.find('/', slash + 1) != uri.npos)
    return std::nullopt;
  const auto role = uri.substr(0, slash);
  const auto name = uri.substr(slash + 1);
  if (name.empty() || (role != "agent" && role != "client" && role != "server"))
    return std::nullopt;
  return peer_identity{std::string{role}, std::string{name}};
}

grpc::Status access_rule::check(const grpc::ServerContextBase& call,
                                audience of) const {
  if (!with_certificates_)
    return grpc::Status::OK;
  const auto peer = identity_of(call);
  if (!peer)
    return {grpc::UNAUTHENTICATED,
            "the certificate names no role; use one that 'skerry certs' made"};
  const bool is_agent = peer->role == "agent";
  if (is_agent == (of == audience::agents))
    return grpc::Status::OK;
  const auto wanted = is_agent ? "client" : "agent";
  return {grpc::PERMISSION_DENIED,
          fmt::format("a certificate of role '{}' may not call this service; "
                      "use one made by 'skerry certs {} NAME'",
                      peer->role, wanted)};
}

std::optional<std::string>
access_rule::agent_name(const grpc::ServerContextBase& call) const {
  if (!with_certificates_)
    return std::nullopt;
  const auto peer = identity_of(call);
  return peer ? peer->name : std::string{};
}

bool may_speak_for(std::string_view agent, std::string_view node) {
  return !agent.empty() && node.starts_with(agent)
         && (node.size() == agent.size() || node[agent.size()] == '-');
}

} // namespace skerry
