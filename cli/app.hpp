#pragma once

#include "cli/exit_code.hpp"

namespace skerry {

/// The program: understands the command line, does what it says, and tells.
exit_code run_app(int argc, const char* const* argv);

} // namespace skerry
