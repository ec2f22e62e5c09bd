#pragma once

#include "evolution/queue_record.hpp"
#include "scheduling/backfill.hpp"
#include "scheduling/queue_policy.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace skerry {

/// Plays a part of the record again under another policy, with what really
/// happened: on an empty machine, every job submitted when it was and running
/// as long as it did. Jobs that have not ended are left out.
/// @param policy Is told of these submissions and ends.
/// @returns The bounded slowdowns of the jobs, in their order.
std::vector<double> replay(std::span<const recorded_job> jobs,
                           std::int64_t processors, backfilling backfill,
                           queue_policy& policy);

} // namespace skerry
