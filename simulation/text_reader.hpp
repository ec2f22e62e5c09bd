#pragma once

#include "scheduling/result.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct gzFile_s; // zlib's; its header stays out of ours.

namespace skerry {

/// Longest line accepted, in bytes. The widest row of the traces read here has
/// some 300; a longer one is a binary file or a lost line end.
inline constexpr std::size_t max_line_bytes = 64 * 1024;

/// Most text read from one file, in bytes after decompression. The largest log
/// of the Parallel Workloads Archive has well under half of it; a gzip bomb of
/// a few MB is stopped here instead of filling the memory.
inline constexpr std::uint64_t max_text_bytes = std::uint64_t{1} << 30;

/// A piece of a line.
struct text_field {
  std::string_view text;
  std::size_t column = 1; ///< Of its first byte; the first of a line is 1.
};

/// Splits at every comma; an empty line has one empty field. There is no
/// quoting, as none of the formats read here uses it. Replaces `fields`.
void split_commas(std::string_view line, std::vector<text_field>& fields);

/// Splits at runs of blanks and tabs, which may also lead and trail; an empty
/// line has no field. Replaces `fields`.
void split_blanks(std::string_view line, std::vector<text_field>& fields);

/// With `?` for control characters: a file's content goes into errors, and an
/// escape sequence in it must not reach a terminal.
std::string printable(std::string_view text);

/// Reads plain or gzip text line by line and knows where it is, so that every
/// complaint about the content names file, line and column.
///
/// Lines end with `\n` or `\r\n`; the last one may lack its end, as many tools
/// write it so. A byte order mark at the start is skipped. A gzip file that
/// ends early or fails its checksum is refused; what it gave before that is
/// not to be used.
///
/// Not safe for use by several threads at once.
class text_reader {
public:
  /// @returns `io_failed` naming the file and the reason.
  static result<text_reader> open(const std::string& path);

  text_reader(text_reader&&) noexcept;
  text_reader& operator=(text_reader&&) noexcept;
  ~text_reader();

  /// Goes to the next line.
  /// @returns false after the last one; `malformed` for a damaged gzip file, a
  ///          zero byte (not a text) or a line or text over its limit;
  ///          `io_failed` when the file cannot be read on.
  /// @cost    Amortised O(bytes of the line), no allocation.
  result<bool> next();

  /// The line without its end. Valid until the next call of `next`.
  std::string_view line() const { return line_; }
  /// 1 for the first line; 0 before the first `next`.
  std::uint64_t line_number() const { return line_number_; }
  const std::string& path() const { return path_; }

  /// A `malformed` error "FILE:LINE:COL: what" about the current line.
  error complain(std::size_t column, std::string_view what) const;

  /// A whole decimal number in [least, most], nothing before or after it.
  /// @param name Of the field, for the error.
  /// @returns `malformed` with the place, the text and what is wanted.
  result<std::int64_t> integer(const text_field& field, std::string_view name,
                               std::int64_t least, std::int64_t most) const;

private:
  struct close_gzip {
    void operator()(gzFile_s* file) const;
  };

  text_reader(std::string path, gzFile_s* file);
  result<> fill();

  std::string path_;
  std::unique_ptr<gzFile_s, close_gzip> file_;
  std::vector<char> buffer_; ///< [begin_, end_) is not yet handed out.
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::uint64_t read_bytes_ = 0;
  bool at_end_ = false; ///< Of the file; the buffer may still hold lines.
  std::string_view line_;
  std::uint64_t line_number_ = 0;
};

} // namespace skerry
