#pragma once

#include "scheduling/cluster.hpp"

#include <string>

namespace skerry {

/// Text that is equal exactly when the values mean the same to a filter or a
/// scorer: the key under which the cluster interns them.
std::string canonical_text(const node_class& node_class);
std::string canonical_text(const task_shape& shape);

} // namespace skerry
