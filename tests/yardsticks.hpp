#pragma once

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <system_error>

namespace skerry::testing {

/// Where the traces with published results lie: `$SKERRY_YARDSTICKS`, else
/// `../shared/yardsticks` beside the source tree. They are not part of the
/// repository, so a test that needs them skips without them, and says so:
/// ctest shows a suite named `..._yardstick` as Skipped when it prints this
/// line.
/// @returns The directory, or nothing after printing `SKIPPED: ...` to stderr.
inline std::optional<std::filesystem::path> find_yardsticks() {
  const char* named = std::getenv("SKERRY_YARDSTICKS");
  const auto place
      = named != nullptr && *named != '\0'
            ? std::filesystem::path{named}
            : std::filesystem::path{SKERRY_SOURCE_DIR} / "../shared/yardsticks";
  std::error_code ignored; // Any trouble means that they are not there.
  if (std::filesystem::is_directory(place, ignored))
    return place;
  std::fprintf(stderr,
               "SKIPPED: no yardsticks at %s; set SKERRY_YARDSTICKS to the "
               "directory that holds openb/ and swf/\n",
               place.c_str());
  return std::nullopt;
}

} // namespace skerry::testing
