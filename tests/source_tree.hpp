#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace skerry::testing {

/// A text file of the repository.
struct source_file {
  std::string path; ///< From the root, with slashes.
  std::vector<std::string> lines;
};

/// The file's text as it would have been read.
source_file make_source(std::string path, std::string_view text);

/// Every file below `root` whose name ends in one of `endings`, sorted by path.
/// Skips build outputs and what starts with a dot.
std::vector<source_file> read_sources(const std::filesystem::path& root,
                                      const std::vector<std::string>& endings);

/// The repository this test was built from.
std::filesystem::path repository_root();

/// The first component of a path: "scheduling" of "scheduling/ledger.hpp",
/// empty for a file at the root.
std::string room_of(std::string_view path);

} // namespace skerry::testing
