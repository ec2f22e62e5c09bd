#pragma once

#include "scheduling/result.hpp"

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

namespace skerry {

/// Replaces a file by one of these contents: after a crash at any moment the
/// old one is there or the new one, whole. One writer at a time.
/// @returns `io_failed` with path and reason; the old file stays.
/// @cost Two syncs of the disk.
result<> write_whole_file(const std::filesystem::path& path,
                          std::string_view bytes);

/// @returns `not_found`, `io_failed`, and `limit_exceeded` for more than
///          `max_bytes`.
result<std::string> read_whole_file(const std::filesystem::path& path,
                                    std::size_t max_bytes);

} // namespace skerry
