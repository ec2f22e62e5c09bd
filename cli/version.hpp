#pragma once

#include <string_view>

namespace skerry {

/// Of the project, for example "0.1.0".
std::string_view version();

/// Short hash of the commit that was checked out when the build was configured;
/// "unknown" outside of a git checkout.
std::string_view commit();

} // namespace skerry
