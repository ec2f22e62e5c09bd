#pragma once

#include "messages/skerry/v1/jobs.pb.h"
#include "scheduling/result.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace skerry {

const std::string& name_of(const v1::TaskGroup& group);
std::uint32_t count_of(const v1::TaskGroup& group);

/// Of a job, by name.
std::optional<std::uint32_t> find_group(const v1::Job& job,
                                        const std::string& name);

/// That groups wait for groups there are, and for themselves never.
/// @returns `invalid_argument` naming the group.
/// @cost    O(groups x groups) for looking up names; a job has few.
result<> check_stages(const v1::Job& job);

/// Whether nodes that point at others can be put in an order.
/// @param edges To those that must come before, by node.
/// @returns One of a cycle, or nothing when there is none.
std::optional<std::size_t>
find_cycle(const std::vector<std::vector<std::size_t>>& edges);

} // namespace skerry
