#pragma once

#include "cli/command.hpp"
#include "messages/skerry/v1/policy.pb.h"

#include <string>

namespace skerry {

/// list, shadow, log, compare, submit, promote, rollback, freeze, unfreeze.
void add_policy_league(CLI::App& policy, const global_flags& globals,
                       action& chosen);

/// A policy that a league of the cluster knows, of the first that does.
/// @returns `not_found`; `invalid_argument` for a heuristic.
result<v1::Policy> policy_of_cluster(const global_flags& globals,
                                     const std::string& name, console& out);

} // namespace skerry
