#include "storage/whole_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <iterator>
#include <unistd.h>

namespace skerry {
namespace {

namespace fs = std::filesystem;

error cannot(std::string_view what, const fs::path& path) {
  const auto code
      = errno == ENOENT ? error_code::not_found : error_code::io_failed;
  return {code, fmt::format("cannot {} {}: {}", what, path.string(),
                            std::strerror(errno))};
}

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto wrote = ::write(fd, bytes.data(), bytes.size());
    if (wrote < 0 && errno != EINTR)
      return false;
    bytes.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(wrote, 0)));
  }
  return true;
}

/// Makes a rename last.
void sync_directory(const fs::path& path) {
  const auto directory = path.has_parent_path() ? path.parent_path() : ".";
  const auto fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0)
    return;
  (void)::fsync(fd); // Some file systems have none; the file itself is safe.
  (void)::close(fd); // It was only read.
}

} // namespace

result<> write_whole_file(const fs::path& path, std::string_view bytes) {
  auto fresh = path;
  fresh += ".unfinished";
  const auto fd
      = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0)
    return {error_code::io_failed, cannot("write", path).message};
  const auto written = write_all(fd, bytes) && ::fsync(fd) == 0;
  const auto closed = ::close(fd) == 0;
  if (!written || !closed || ::rename(fresh.c_str(), path.c_str()) != 0) {
    const error fault{error_code::io_failed, cannot("write", path).message};
    (void)::unlink(fresh.c_str()); // At worst it stays, plainly named.
    return fault;
  }
  sync_directory(path);
  return done{};
}

result<std::string> read_whole_file(const fs::path& path,
                                    std::size_t max_bytes) {
  std::ifstream file{path, std::ios::binary | std::ios::ate};
  if (!file)
    return cannot("read", path);
  const auto size = static_cast<std::streamoff>(file.tellg());
  if (size < 0 || static_cast<std::size_t>(size) > max_bytes)
    return {error_code::limit_exceeded,
            fmt::format("{} is too large: {} bytes, at most {}", path.string(),
                        size, max_bytes)};
  file.seekg(0);
  std::string out{std::istreambuf_iterator<char>{file}, {}};
  if (file.bad())
    return cannot("read", path);
  return out;
}

} // namespace skerry
