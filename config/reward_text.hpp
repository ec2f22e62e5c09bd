#pragma once

#include "scheduling/reward.hpp"

#include <string_view>

namespace skerry {

/// Takes "TERM=WEIGHT".
/// @returns `invalid_argument` with the known terms, or what `validate` says.
result<> set_weight(reward_weights& weights, std::string_view text);

} // namespace skerry
