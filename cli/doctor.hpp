#pragma once

#include "cli/command.hpp"
#include "config/configuration.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace skerry {

enum class health : std::uint8_t { ok, warn, fail };

/// One thing that a user would look at when something does not work.
struct finding {
  health state = health::ok;
  std::string what; ///< For example "server 10.0.0.1:7070".
  std::string text; ///< What was found.
  std::string mend; ///< What to do about it; empty when all is well.
};

std::string_view to_string(health state);

/// The certificates of a folder: readable, fitting together, not expired.
std::vector<finding> check_certificates(const std::string& directory);

/// Room on the disk of a directory that need not be there yet.
/// @param is_chosen Somebody has named it: else one that is not there means
///                  that nobody keeps data on this machine.
std::vector<finding> check_disk(std::string_view what,
                                const std::string& directory, bool is_chosen,
                                std::int64_t min_free_bytes);

/// Whether the machine's clock is kept in time by somebody.
finding check_clock();

/// How tasks could be held to their amounts here.
finding check_cgroups();

/// Each address, and each server that they know.
std::vector<finding> check_servers(const configuration& from);

} // namespace skerry
