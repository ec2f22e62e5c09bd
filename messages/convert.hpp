#pragma once

#include "messages/skerry/mesh/v1/mesh.pb.h"
#include "messages/skerry/v1/agent_link.pb.h"
#include "messages/skerry/v1/jobs.pb.h"
#include "messages/skerry/v1/types.pb.h"
#include "scheduling/fair_share.hpp"
#include "scheduling/refusal.hpp"
#include "scheduling/result.hpp"
#include "scheduling/specs.hpp"

#include <string>
#include <string_view>

namespace skerry {

// Between what travels and what the core works with. `from_proto` checks all
// that the core's `validate` checks and returns `invalid_argument` naming the
// field; `to_proto` cannot fail. Zeros stand for defaults as the schema says.

v1::Resources to_proto(const resources& amounts);
resources from_proto(const v1::Resources& amounts);

v1::NodeSpec to_proto(const node_spec& node);
result<node_spec> from_proto(const v1::NodeSpec& node);

v1::TaskProfile to_proto(const task_profile& profile);
result<task_profile> from_proto(const v1::TaskProfile& profile);

v1::TenantAmounts to_proto(const tenant_amounts& amounts);
tenant_amounts from_proto(const v1::TenantAmounts& amounts);

/// On nodes that only pretend: they can run no real process.
inline constexpr std::string_view simulated_label = "skerry.simulated";

/// Adds what follows from a job's work to where it may run: a real process
/// needs a real machine. Idempotent.
void add_implied_constraints(v1::Job& job);

/// Checks what the agent would refuse.
result<> validate(const v1::Work& work);

/// The error that a peer sent; a code of a later version reads as `io_failed`.
error error_from_wire(int code, std::string message);
mesh::v1::Failure failure_of(const error& why);
error failure_of(const mesh::v1::Failure& wire);

/// Why a connection failed, without what gRPC says around it: of "failed to
/// connect to all addresses; last error: UNKNOWN: ipv4:127.0.0.1:7070: Failed
/// to connect to remote host: Connection refused" the last two words.
std::string short_reason(const std::string& grpc_message);

} // namespace skerry
