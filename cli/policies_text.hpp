#pragma once

#include "messages/skerry/v1/policies.pb.h"

#include <string>
#include <vector>

namespace skerry {

/// Who stands where, league by league.
std::string policies_table(const v1::PoliciesReply& leagues);
/// How the last round has judged them, the best first.
std::string shadow_table(const v1::PoliciesReply& leagues);
/// The audit log, the newest first.
std::string policy_events_table(const v1::PoliciesReply& leagues);
/// What came of a command, a line for each league.
std::string outcomes_text(const v1::PoliciesReply& leagues);
/// Policies side by side, as the last round has judged them.
std::string comparison_table(const v1::PoliciesReply& leagues,
                             const std::vector<std::string>& names);

} // namespace skerry
