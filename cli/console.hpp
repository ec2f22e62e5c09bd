#pragma once

#include "scheduling/result.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace skerry {

enum class output_format : std::uint8_t { table, json };

/// The streams of the process: results go to stdout, all else to stderr.
class console {
public:
  output_format format = output_format::table;
  bool quiet = false; ///< No progress and no notes.

  /// Writes a result to stdout, at once and all of it. Once the reader has
  /// gone (`| head`) it says nothing more and fails not: it had enough.
  /// @returns `io_failed` when stdout cannot be written.
  result<> print(std::string_view text);
  /// Hands bytes on to stderr as they are: another program's, not ours.
  static void print_to_stderr(std::string_view bytes);
  /// Whether the reader of stdout has gone.
  bool reader_has_gone() const { return reader_has_gone_; }

  /// One line on stderr, "skerry: error: ...".
  static void complain(std::string_view what);
  /// One line on stderr, "skerry: note: ...", unless quiet.
  void note(std::string_view what) const;

  /// Whether stderr is a terminal and the user wants to hear from it.
  bool shows_progress() const;

private:
  bool reader_has_gone_ = false;
};

/// A line on a terminal that says how far a command has come, and vanishes with
/// this object. Elsewhere it stays silent.
class progress {
public:
  progress(const console& on, std::size_t total);
  progress(const progress&) = delete;
  progress& operator=(const progress&) = delete;
  ~progress();

  /// The next of `total` begins.
  void begin(std::string_view what);

private:
  bool shown_;
  std::size_t total_;
  std::size_t begun_ = 0;
};

/// Gives the standard streams that the caller has closed to nobody, so that no
/// file opened later is taken for one of them.
void reserve_standard_streams();

} // namespace skerry
