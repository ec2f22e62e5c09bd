#pragma once

#include "agent/discovery.hpp"
#include "messages/skerry/v1/types.pb.h"
#include "scheduling/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace skerry {

/// Readers of what describes a node. Errors are `invalid_argument` and name the
/// flag.

/// "key=value" each.
result<std::vector<label>> parse_labels(std::string_view flag,
                                        const std::vector<std::string>& texts);

/// "licences=2" each: whole units. @returns them in thousandths.
result<std::vector<named_amount>>
parse_named(std::string_view flag, const std::vector<std::string>& texts);

/// "count=1000,cpu=64,memory=256GiB,gpus=8,model=A100,name=sim-" or
/// "openb:FILE": the nodes that a simulated agent stands for.
result<std::vector<v1::NodeSpec>> parse_simulated(std::string_view text);

} // namespace skerry
