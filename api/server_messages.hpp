#pragma once

#include "messages/skerry/v1/agent_link.pb.h"

#include <string_view>

namespace skerry {

/// Whether `next` may be read as a part of `first`. The order between kinds is
/// lost inside one message, and an agent takes welcomes, starts, stops and
/// resizes in this order: a start that makes use of what a stop has freed must
/// not come before it.
bool may_merge(const v1::ServerMessage& first, const v1::ServerMessage& next);

/// Appends all of `from` to `into` without copying.
void merge(v1::ServerMessage&& from, v1::ServerMessage& into);

/// Takes out what an agent with a certificate for `name` may not say.
/// @returns Refusals of the nodes that it greeted for.
v1::ServerMessage keep_own_nodes(std::string_view name,
                                 v1::AgentMessage& message);

} // namespace skerry
