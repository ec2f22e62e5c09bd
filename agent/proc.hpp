#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <sys/types.h>
#include <utility>
#include <vector>

namespace skerry {

/// What /proc says of processes.

struct process_figures {
  pid_t parent = 0;
  std::uint64_t start_ticks = 0; ///< Since boot: with the pid, an identity.
  std::int64_t cpu_ticks = 0;
  std::int64_t resident_bytes = 0;
};

/// Nothing when there is no such process.
std::optional<process_figures> process_of(pid_t pid);

/// Cost of a tree: one reading of all of /proc, so for several trees at once.
/// @returns for each of `roots`, CPU ticks and resident bytes of all below it,
///          without itself.
std::vector<std::pair<std::int64_t, std::int64_t>>
usage_below(const std::vector<pid_t>& roots);

/// A new one with each boot of the machine.
std::string boot_id();

std::int64_t boot_milliseconds();
std::int64_t unix_milliseconds();

/// The running program.
std::filesystem::path own_binary();

} // namespace skerry
