#include "cli/output_file.hpp"

#include "cli/interrupt.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace skerry {
namespace {

namespace fs = std::filesystem;

error unwritable(const std::string& path, std::string_view why) {
  return {error_code::invalid_argument,
          fmt::format("cannot write {}: {}", path, why)};
}

/// Follows links, so that the file they point to is replaced and not the link.
fs::path place_of(const std::string& path) {
  std::error_code fault;
  auto place = fs::weakly_canonical(path, fault);
  return fault ? fs::path{path} : place;
}

} // namespace

output_file::output_file(std::string path, std::string temporary,
                         std::FILE* file)
    : path_{std::move(path)}, temporary_{std::move(temporary)}, file_{file} {}

output_file::output_file(output_file&& from) noexcept
    : path_{std::move(from.path_)},
      temporary_{std::exchange(from.temporary_, {})}, file_{std::move(
                                                          from.file_)} {}

output_file::~output_file() {
  if (temporary_.empty())
    return;
  (void)std::remove(temporary_.c_str()); // At worst it stays, plainly named.
  keep_on_interrupt();
}

result<output_file> output_file::create(const std::string& path,
                                        std::span<const std::string> inputs) {
  if (path.empty())
    return unwritable("\"\"", "the path is empty");
  std::error_code ignored; // Of two paths that cannot be compared: they differ.
  for (const auto& input : inputs)
    if (fs::equivalent(path, input, ignored))
      return unwritable(path, "it is an input; name another file");
  const auto place = place_of(path);
  const auto status = fs::status(place, ignored);
  if (fs::is_directory(status))
    return unwritable(path, "it is a directory; name a file in it");
  if (fs::exists(status) && !fs::is_regular_file(status)) {
    if (auto* file = std::fopen(place.c_str(), "wb"))
      return output_file{path, {}, file};
    return unwritable(path, std::strerror(errno));
  }
  // Stdout redirected to it would lose the results with the file replaced.
  if (fs::equivalent(place, "/dev/stdout", ignored))
    return unwritable(path, "the results go there; name another file");
  if (fs::exists(status) && ::access(place.c_str(), W_OK) != 0)
    return unwritable(path, std::strerror(errno));
  const auto temporary
      = place.parent_path() / fmt::format(".skerry-{}.unfinished", ::getpid());
  // Not mkstemp: the file shall have the permissions that others have here.
  remove_on_interrupt(temporary.string()); // Before it is there.
  auto* file = std::fopen(temporary.c_str(), "wbx");
  if (file == nullptr) {
    auto fault = unwritable(path, std::strerror(errno));
    keep_on_interrupt();
    return fault;
  }
  return output_file{place.string(), temporary.string(), file};
}

result<> output_file::commit(std::string_view text) {
  const auto failed = [this] {
    return error{
        error_code::io_failed,
        fmt::format("cannot write {}: {}", path_, std::strerror(errno))};
  };
  if (std::fwrite(text.data(), 1, text.size(), file_.get()) != text.size())
    return failed();
  if (std::fclose(file_.release()) != 0)
    return failed();
  if (temporary_.empty())
    return done{};
  if (std::rename(temporary_.c_str(), path_.c_str()) != 0)
    return failed();
  temporary_.clear();
  keep_on_interrupt();
  return done{};
}

} // namespace skerry
