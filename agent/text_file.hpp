#pragma once

#include "scheduling/result.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace skerry {

/// Small files: of /proc, /sys, cgroups and our own.

/// `io_failed` with the path and what errno says.
error io_error(std::string_view what, const std::filesystem::path& file);

/// All of a file. @returns `io_failed`.
result<std::string> read_text(const std::filesystem::path& file);

/// The same without why, and without blanks at the end: for files that may be
/// missing on this kernel.
std::optional<std::string> read_line(const std::filesystem::path& file);
std::optional<std::int64_t> read_number(const std::filesystem::path& file);

/// The number behind `key` in lines of "key number".
std::optional<std::int64_t> number_after(std::string_view text,
                                         std::string_view key);

/// Writes into a file that exists, at once, as control files want it.
/// @returns `io_failed`.
result<> write_control(const std::filesystem::path& file,
                       std::string_view text);

bool write_all(int descriptor, std::string_view data);
bool sync_directory(const std::filesystem::path& directory);

std::optional<std::int64_t> parse_number(std::string_view text);

} // namespace skerry
