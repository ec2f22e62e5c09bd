#pragma once

#include <string>

namespace skerry {

/// From now on SIGHUP, SIGINT and SIGTERM, unless ignored from the start, end
/// the process at once with exit code 129, 130 or 143, after removing the
/// unfinished file and the line of progress; a pipe that is closed is an error
/// of the write instead of a signal.
void handle_signals();

/// The one file that an interrupted process shall not leave behind.
/// @pre No other is registered; the path is no longer than the system allows.
void remove_on_interrupt(const std::string& path);
void keep_on_interrupt();

/// Whether a line of progress stands on the terminal.
void clear_line_on_interrupt(bool shown);

} // namespace skerry
