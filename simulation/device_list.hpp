#pragma once

#include "scheduling/fwd.hpp"

#include <string>

namespace skerry {

/// Devices as the logs of decisions write them: "0|3" for the first and fourth.
std::string device_list(device_mask devices);

} // namespace skerry
