#pragma once

#include "cli/command.hpp"
#include "config/configuration.hpp"

#include <string>
#include <vector>

namespace skerry {

/// The configuration in force for this command line: its file is the one of
/// --config, of SKERRY_CONFIG, or the default one if there is one.
/// @param flags Of the command itself, above those that all commands share.
/// @returns What `load_configuration` returns, as faults of the caller's.
result<loaded_configuration> configure(const global_flags& globals,
                                       std::vector<flag_value> flags = {});

/// The name of this machine, for servers and agents that were given none.
std::string machine_name();

} // namespace skerry
