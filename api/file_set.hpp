#pragma once

#include "scheduling/result.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace skerry {

struct new_file {
  std::string name;
  std::string text;
  bool is_secret = false; ///< Readable for its owner alone.
};

/// Puts files into a folder of their own, which appears whole or not at all: it
/// grows under another name beside its place.
/// @param replace An existing folder goes, with all that was in it.
/// @returns `already_exists`, `io_failed` with the path and the reason.
result<> place_folder(const std::filesystem::path& folder,
                      const std::vector<new_file>& files, bool replace);

/// Puts files into a folder that may hold others. They are written beside their
/// places before the first takes its name; when one cannot, those before it are
/// taken back.
/// @returns as `place_folder`.
result<> place_files(const std::filesystem::path& folder,
                     const std::vector<new_file>& files, bool replace);

} // namespace skerry
