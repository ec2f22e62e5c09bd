#pragma once

#include "scheduling/result.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace skerry {

/// Of five minutes, in a day.
inline constexpr std::size_t intervals_per_day = 288;

/// What a VM used in one day under its full flavour.
struct vm_day {
  std::string name; ///< Host, then slice; both are names with `_` in them.
  /// Percent of the flavour, 0 to 100, each interval.
  std::array<std::uint8_t, intervals_per_day> demand_percent{};

  friend bool operator==(const vm_day&, const vm_day&) = default;
};

/// Reads a day of PlanetLab's VMs, plain or gzip: a line each with its name and
/// 288 whole percents, separated by commas, no header.
/// @returns `malformed` with file, line, column and reason for a line of
///          another length, a number out of range, a name that is empty or
///          given twice, a file without VMs; otherwise as `text_reader`.
/// @source  Beloglazov, "planetlab-workload-traces".
result<std::vector<vm_day>> read_planetlab(const std::string& path);

} // namespace skerry
