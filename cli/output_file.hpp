#pragma once

#include "scheduling/result.hpp"

#include <cstdio>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace skerry {

/// A file that is written whole or not at all: it grows under another name
/// beside its place and takes its name at the end. A pipe or a device, which
/// has no name to take, is written directly.
class output_file {
public:
  /// Makes sure, before any work is done, that the file can be written.
  /// @param inputs Files it must not replace.
  /// @returns `invalid_argument` with the path and the reason.
  static result<output_file> create(const std::string& path,
                                    std::span<const std::string> inputs);

  output_file(output_file&&) noexcept;
  output_file& operator=(output_file&&) = delete;
  /// Leaves nothing behind unless committed.
  ~output_file();

  /// Writes `text` and puts the file into its place.
  /// @returns `io_failed` with the path and the reason.
  result<> commit(std::string_view text);

private:
  struct close_file {
    void operator()(std::FILE* file) const { (void)std::fclose(file); }
  };

  output_file(std::string path, std::string temporary, std::FILE* file);

  std::string path_;
  std::string temporary_; ///< Empty: written directly, or committed.
  std::unique_ptr<std::FILE, close_file> file_;
};

} // namespace skerry
