#pragma once

#include <cstdint>
#include <string>

namespace skerry {

/// From now on SIGHUP, SIGINT and SIGTERM, unless ignored from the start, end
/// the process at once with exit code 129, 130 or 143, after removing the
/// unfinished file and the line of progress; a pipe that is closed is an error
/// of the write instead of a signal.
void handle_signals();

/// While it lives, SIGHUP, SIGINT and SIGTERM do not end the process but wait
/// to be taken here. Made before any thread, which all inherit it.
///
/// What was ignored from the start stays ignored.
class held_signals {
public:
  held_signals();
  held_signals(const held_signals&) = delete;
  held_signals& operator=(const held_signals&) = delete;
  /// A signal that has come and was not taken then ends the process.
  ~held_signals();

  /// Waits for a signal.
  /// @returns Its number, or 0 when none has come in time.
  int wait_milliseconds(std::int64_t timeout);
  /// From now on the next one ends the process at once again.
  void release();

private:
  bool held_ = true;
};

/// The one file that an interrupted process shall not leave behind.
/// @pre No other is registered; the path is no longer than the system allows.
void remove_on_interrupt(const std::string& path);
void keep_on_interrupt();

/// Whether a line of progress stands on the terminal.
void clear_line_on_interrupt(bool shown);

} // namespace skerry
