#pragma once

#include <zlib.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

namespace skerry::testing {

/// A new empty directory that vanishes with its owner, so that tests never
/// meet each other's files.
class fresh_directory {
public:
  fresh_directory() {
    auto name = (std::filesystem::temp_directory_path() / "skerry-XXXXXX");
    std::string path = name.string();
    if (::mkdtemp(path.data()) == nullptr)
      throw std::runtime_error{"cannot create " + path};
    path_ = path;
  }
  fresh_directory(const fresh_directory&) = delete;
  fresh_directory& operator=(const fresh_directory&) = delete;
  ~fresh_directory() {
    std::error_code ignored; // What is left lies in the temporary directory.
    std::filesystem::remove_all(path_, ignored);
  }

  const std::filesystem::path& path() const { return path_; }

  /// Writes `text` as it is. @returns the file's path.
  std::string write(std::string_view name, std::string_view text) const {
    auto file = (path_ / name).string();
    std::ofstream out{file, std::ios::binary};
    out.write(text.data(), static_cast<std::streamsize>(text.size()));
    if (!out.flush())
      throw std::runtime_error{"cannot write " + file};
    return file;
  }

  /// Writes `text` compressed. @returns the file's path.
  std::string write_gzip(std::string_view name, std::string_view text) const {
    auto file = (path_ / name).string();
    gzFile out = gzopen(file.c_str(), "wb9");
    const auto size = static_cast<unsigned>(text.size());
    const bool written
        = out != nullptr
          && (size == 0
              || gzwrite(out, text.data(), size) == static_cast<int>(size));
    if (gzclose(out) != Z_OK || !written)
      throw std::runtime_error{"cannot write " + file};
    return file;
  }

private:
  std::filesystem::path path_;
};

/// The bytes of a file as they lie on disk.
inline std::string read_bytes(const std::string& file) {
  std::ifstream in{file, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, std::istreambuf_iterator<char>{}};
}

} // namespace skerry::testing
