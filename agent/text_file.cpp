#include "agent/text_file.hpp"

#include <fmt/core.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <fcntl.h>
#include <system_error>
#include <unistd.h>

namespace skerry {

error io_error(std::string_view what, const std::filesystem::path& file) {
  return {error_code::io_failed,
          fmt::format("{} {}: {}", what, file.string(),
                      std::generic_category().message(errno))};
}

result<std::string> read_text(const std::filesystem::path& file) {
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return io_error("cannot open", file);
  std::string out;
  std::array<char, 16384> chunk{};
  for (;;) {
    const auto got = ::read(fd, chunk.data(), chunk.size());
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0) {
      auto failure = io_error("cannot read", file);
      ::close(fd);
      return failure;
    }
    if (got == 0)
      break;
    out.append(chunk.data(), static_cast<std::size_t>(got));
  }
  ::close(fd);
  return out;
}

std::optional<std::string> read_line(const std::filesystem::path& file) {
  auto text = read_text(file);
  if (!text)
    return std::nullopt;
  while (!text->empty() && (text->back() == '\n' || text->back() == ' '))
    text->pop_back();
  return std::move(*text);
}

std::optional<std::int64_t> parse_number(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
    text.remove_prefix(1);
  std::int64_t value = 0;
  const auto [end, fault]
      = std::from_chars(text.data(), text.data() + text.size(), value);
  if (fault != std::errc{})
    return std::nullopt;
  return value;
}

std::optional<std::int64_t> read_number(const std::filesystem::path& file) {
  const auto text = read_line(file);
  return text ? parse_number(*text) : std::nullopt;
}

std::optional<std::int64_t> number_after(std::string_view text,
                                         std::string_view key) {
  while (!text.empty()) {
    const auto end = text.find('\n');
    const auto line = text.substr(0, end);
    if (line.starts_with(key) && line.size() > key.size()
        && (line[key.size()] == ' ' || line[key.size()] == ':'))
      return parse_number(line.substr(key.size() + 1));
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
  }
  return std::nullopt;
}

bool write_all(int descriptor, std::string_view data) {
  while (!data.empty()) {
    const auto wrote = ::write(descriptor, data.data(), data.size());
    if (wrote < 0 && errno == EINTR)
      continue;
    if (wrote <= 0)
      return false;
    data.remove_prefix(static_cast<std::size_t>(wrote));
  }
  return true;
}

result<> write_control(const std::filesystem::path& file,
                       std::string_view text) {
  const int fd = ::open(file.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0)
    return io_error("cannot open", file);
  const auto wrote = ::write(fd, text.data(), text.size());
  if (wrote < 0) {
    auto failure
        = io_error(fmt::format("cannot write \"{}\" into", text), file);
    ::close(fd);
    return failure;
  }
  ::close(fd);
  return done{};
}

bool sync_directory(const std::filesystem::path& directory) {
  const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0)
    return false;
  const bool synced = ::fsync(fd) == 0;
  ::close(fd);
  return synced;
}

} // namespace skerry
