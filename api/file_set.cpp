#include "api/file_set.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <string_view>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace skerry {
namespace {

namespace fs = std::filesystem;

error cannot(std::string_view what, const fs::path& path, int fault) {
  return {error_code::io_failed,
          fmt::format("cannot {} {}: {}", what, path.string(),
                      std::strerror(fault))};
}

error already_there(const fs::path& path) {
  return {
      error_code::already_exists,
      fmt::format("{} is there already; --force replaces it", path.string())};
}

result<> write_file(const fs::path& path, const new_file& file) {
  const auto mode = file.is_secret ? 0600 : 0644;
  const auto out
      = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (out < 0)
    return cannot("write", path, errno);
  std::string_view text = file.text;
  int fault = 0;
  while (!text.empty() && fault == 0) {
    const auto written = ::write(out, text.data(), text.size());
    if (written >= 0)
      text.remove_prefix(static_cast<std::size_t>(written));
    else if (errno != EINTR)
      fault = errno;
  }
  if (fault == 0 && ::fsync(out) != 0)
    fault = errno;
  if (::close(out) != 0 && fault == 0)
    fault = errno;
  if (fault != 0)
    return cannot("write", path, fault);
  return done{};
}

/// A folder under a name of its own that goes with this object, unless it has
/// been given another name.
class staging {
public:
  explicit staging(fs::path path) : path_{std::move(path)} { remove(); }
  staging(const staging&) = delete;
  staging& operator=(const staging&) = delete;
  ~staging() { remove(); }

  result<> fill(const std::vector<new_file>& files) const {
    if (::mkdir(path_.c_str(), 0700) != 0)
      return cannot("make", path_, errno);
    for (const auto& file : files)
      if (const auto ok = write_file(path_ / file.name, file); !ok)
        return ok;
    return done{};
  }

  const fs::path& path() const { return path_; }

private:
  void remove() const {
    std::error_code ignored; // What is left has a name that says so.
    fs::remove_all(path_, ignored);
  }

  fs::path path_;
};

fs::path staging_path(const fs::path& beside, std::string_view name) {
  return beside / fmt::format(".{}-{}.unfinished", name, ::getpid());
}

/// Also of "certs/".
fs::path parent_of(const fs::path& folder) {
  const auto named = folder.has_filename() ? folder : folder.parent_path();
  return named.has_parent_path() ? named.parent_path() : fs::path{"."};
}

/// @pre The directory exists, or its parents can be made.
result<> make_private_folder(const fs::path& folder) {
  std::error_code fault;
  fs::create_directories(parent_of(folder), fault);
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
    return cannot("make", folder, errno);
  return done{};
}

} // namespace

result<> place_folder(const fs::path& folder,
                      const std::vector<new_file>& files, bool replace) {
  std::error_code ignored; // What cannot be looked at fails below.
  const bool is_there = fs::exists(folder, ignored);
  if (is_there && !replace)
    return already_there(folder);
  const staging fresh{
      staging_path(parent_of(folder), folder.filename().string())};
  if (const auto ok = fresh.fill(files); !ok)
    return ok;
  // The old folder takes the staging's name, and goes with it.
  const auto flags = is_there ? RENAME_EXCHANGE : RENAME_NOREPLACE;
  if (::renameat2(AT_FDCWD, fresh.path().c_str(), AT_FDCWD, folder.c_str(),
                  flags)
      != 0)
    return errno == EEXIST ? already_there(folder)
                           : cannot("make", folder, errno);
  return done{};
}

result<> place_files(const fs::path& folder, const std::vector<new_file>& files,
                     bool replace) {
  std::error_code ignored; // What cannot be looked at fails below.
  if (!replace)
    for (const auto& file : files)
      if (fs::exists(folder / file.name, ignored))
        return already_there(folder / file.name);
  if (const auto ok = make_private_folder(folder); !ok)
    return ok;
  const staging fresh{staging_path(folder, "files")};
  if (const auto ok = fresh.fill(files); !ok)
    return ok;
  std::vector<fs::path> placed;
  for (const auto& file : files) {
    const auto from = fresh.path() / file.name;
    const auto to = folder / file.name;
    if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(),
                    replace ? 0 : RENAME_NOREPLACE)
        == 0) {
      placed.push_back(to);
      continue;
    }
    const auto fault = errno;
    if (!replace) // What has been replaced is gone.
      for (const auto& each : placed)
        fs::remove(each, ignored);
    return fault == EEXIST ? already_there(to) : cannot("write", to, fault);
  }
  return done{};
}

} // namespace skerry
