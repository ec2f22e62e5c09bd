#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/status.h>
#include <optional>
#include <string>
#include <string_view>

namespace skerry {

/// Whom a service is for.
enum class audience { agents, clients };

/// Who a certificate says that its owner is: spiffe://skerry/ROLE/NAME.
struct peer_identity {
  std::string role; ///< "agent", "client" or "server".
  std::string name;

  friend bool operator==(const peer_identity&, const peer_identity&) = default;
};

std::optional<peer_identity> parse_identity(std::string_view uri);

/// Who may call what: an agent only AgentLink, clients and servers all else.
/// Without certificates everybody may call everything, which is why such a
/// server listens on loopback only.
class access_rule {
public:
  explicit access_rule(bool with_certificates)
      : with_certificates_{with_certificates} {}

  /// @returns OK, UNAUTHENTICATED or PERMISSION_DENIED with what to do.
  /// @cost    Nothing without certificates; else a walk over the properties.
  grpc::Status check(const grpc::ServerContextBase& call, audience of) const;

  /// Of the agent whose stream this is; none without certificates.
  std::optional<std::string>
  agent_name(const grpc::ServerContextBase& call) const;

private:
  bool with_certificates_;
};

/// Whether an agent with a certificate for `agent` may speak for `node`: for
/// the node of its name, and for "NAME-..." when it stands for many.
bool may_speak_for(std::string_view agent, std::string_view node);

} // namespace skerry
