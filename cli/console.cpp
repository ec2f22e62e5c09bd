#include "cli/console.hpp"

#include "cli/interrupt.hpp"
#include "simulation/text_reader.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <unistd.h>

namespace skerry {
namespace {

/// Not through stdio, which would try a failed write again at exit.
/// @returns The errno of the write that failed, or 0.
int write_all(int stream, std::string_view text) {
  while (!text.empty()) {
    const auto written = ::write(stream, text.data(), text.size());
    if (written < 0 && errno != EINTR)
      return errno;
    text.remove_prefix(written < 0 ? 0 : static_cast<std::size_t>(written));
  }
  return 0;
}

/// What is said on stderr and cannot be written has no other place to go.
void say(std::string_view text) {
  (void)write_all(STDERR_FILENO, text);
}

} // namespace

result<> console::print(std::string_view text) {
  if (reader_has_gone_)
    return done{};
  const auto fault = write_all(STDOUT_FILENO, text);
  if (fault == EPIPE)
    reader_has_gone_ = true;
  else if (fault != 0)
    return error{
        error_code::io_failed,
        fmt::format("cannot write to stdout: {}", std::strerror(fault))};
  return done{};
}

void console::print_to_stderr(std::string_view bytes) {
  say(bytes);
}

void console::complain(std::string_view what) {
  say(fmt::format("skerry: error: {}\n", printable(what)));
}

void console::note(std::string_view what) const {
  if (!quiet)
    say(fmt::format("skerry: note: {}\n", printable(what)));
}

bool console::shows_progress() const {
  return !quiet && ::isatty(STDERR_FILENO) == 1;
}

progress::progress(const console& on, std::size_t total)
    : shown_{on.shows_progress()}, total_{total} {}

progress::~progress() {
  if (!shown_ || begun_ == 0)
    return;
  say("\r\033[K");
  clear_line_on_interrupt(false);
}

void progress::begin(std::string_view what) {
  ++begun_;
  if (!shown_)
    return;
  clear_line_on_interrupt(true);
  say(fmt::format("\r\033[K[{}/{}] {}", begun_, total_, printable(what)));
}

void reserve_standard_streams() {
  while (auto* file = std::fopen("/dev/null", "r")) {
    if (::fileno(file) <= STDERR_FILENO)
      continue; // Stays open, and for reading: a write to it must fail.
    (void)std::fclose(file); // Nothing was written.
    return;
  }
}

} // namespace skerry
