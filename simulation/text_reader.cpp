#include "simulation/text_reader.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <system_error>
#include <utility>

namespace skerry {
namespace {

/// Room for the longest line with its end, and for a read beside it.
constexpr std::size_t read_bytes_at_once = 64 * 1024;
constexpr std::size_t buffer_bytes = max_line_bytes + 2 + read_bytes_at_once;

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

error io_failure(const std::string& path, int error_number) {
  return {error_code::io_failed,
          fmt::format("cannot read {}: {}", path,
                      std::generic_category().message(error_number))};
}

/// What a person sees of a field in an error.
std::string quoted(std::string_view text) {
  constexpr std::size_t shown = 40;
  return fmt::format("\"{}{}\"", text.substr(0, shown),
                     text.size() > shown ? "..." : "");
}

} // namespace

std::string printable(std::string_view text) {
  std::string copy{text};
  for (char& c : copy)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F)
      c = '?';
  return copy;
}

void split_commas(std::string_view line, std::vector<text_field>& fields) {
  fields.clear();
  std::size_t from = 0;
  while (true) {
    const auto comma = line.find(',', from);
    fields.push_back({line.substr(from, comma - from), from + 1});
    if (comma == std::string_view::npos)
      return;
    from = comma + 1;
  }
}

void split_blanks(std::string_view line, std::vector<text_field>& fields) {
  constexpr std::string_view blanks = " \t";
  fields.clear();
  auto from = line.find_first_not_of(blanks);
  while (from != std::string_view::npos) {
    const auto to = std::min(line.find_first_of(blanks, from), line.size());
    fields.push_back({line.substr(from, to - from), from + 1});
    from = line.find_first_not_of(blanks, to);
  }
}

// -- opening and reading ------------------------------------------------------

void text_reader::close_gzip::operator()(gzFile_s* file) const {
  (void)gzclose(file); // Opened for reading: every error was seen by gzread.
}

text_reader::text_reader(std::string path, gzFile_s* file)
    : path_{std::move(path)}, file_{file}, buffer_(buffer_bytes) {}

text_reader::text_reader(text_reader&&) noexcept = default;
text_reader& text_reader::operator=(text_reader&&) noexcept = default;
text_reader::~text_reader() = default;

result<text_reader> text_reader::open(const std::string& path) {
  errno = 0;
  gzFile file = gzopen(path.c_str(), "rb");
  if (file == nullptr) // zlib leaves errno at zero when memory is short.
    return io_failure(path, errno != 0 ? errno : ENOMEM);
  return text_reader{path, file};
}

result<> text_reader::fill() {
  std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
  end_ -= begin_;
  begin_ = 0;
  const auto room = std::min(buffer_.size() - end_, read_bytes_at_once);
  errno = 0;
  const int got
      = gzread(file_.get(), buffer_.data() + end_, static_cast<unsigned>(room));
  const int errno_of_read = errno;
  int status = Z_OK;
  const char* reason = gzerror(file_.get(), &status);
  if (status == Z_ERRNO)
    return io_failure(path_, errno_of_read != 0 ? errno_of_read : EIO);
  // A gzip file that ends early gives what it has and Z_BUF_ERROR.
  if (got < 0 || status != Z_OK) {
    ++line_number_; // The damage follows the last whole line.
    if (status == Z_BUF_ERROR)
      return complain(1,
                      "the gzip file ends early (was it cut while copying?)");
    std::string_view what{reason};
    if (what.starts_with(path_ + ": ")) // zlib puts it before its messages.
      what.remove_prefix(path_.size() + 2);
    return complain(1, fmt::format("the gzip file is damaged: {} (fetch or "
                                   "compress it again)",
                                   what));
  }
  if (got == 0)
    at_end_ = true;
  end_ += static_cast<std::size_t>(got);
  read_bytes_ += static_cast<std::uint64_t>(got);
  if (read_bytes_ > max_text_bytes)
    return {error_code::limit_exceeded,
            fmt::format("{} has more than {} bytes of text (split it)", path_,
                        max_text_bytes)};
  return done{};
}

result<bool> text_reader::next() {
  std::size_t searched = 0;
  const char* newline = nullptr;
  while (true) {
    const auto held = end_ - begin_;
    newline = static_cast<const char*>(
        std::memchr(buffer_.data() + begin_ + searched, '\n', held - searched));
    searched = held;
    if (newline != nullptr || at_end_ || held > max_line_bytes + 1)
      break;
    if (auto ok = fill(); !ok)
      return ok.failure();
  }
  const char* first = buffer_.data() + begin_;
  if (newline == nullptr && at_end_ && begin_ == end_)
    return false;
  const auto length = newline != nullptr
                          ? static_cast<std::size_t>(newline - first)
                          : end_ - begin_;
  begin_ += length + (newline != nullptr ? 1 : 0);
  line_ = {first, length};
  ++line_number_;
  if (line_.ends_with('\r'))
    line_.remove_suffix(1);
  if (line_number_ == 1 && line_.starts_with(byte_order_mark))
    line_.remove_prefix(byte_order_mark.size());
  if (line_.size() > max_line_bytes)
    return complain(max_line_bytes + 1,
                    fmt::format("the line is longer than {} bytes (is this a "
                                "text file?)",
                                max_line_bytes));
  if (const auto zero = line_.find('\0'); zero != std::string_view::npos)
    return complain(zero + 1, "a zero byte (is this a text file?)");
  return true;
}

// -- complaints and numbers ---------------------------------------------------

error text_reader::complain(std::size_t column, std::string_view what) const {
  return {error_code::malformed,
          fmt::format("{}:{}:{}: {}", path_, line_number_, column,
                      printable(what))};
}

result<std::int64_t> text_reader::integer(const text_field& field,
                                          std::string_view name,
                                          std::int64_t least,
                                          std::int64_t most) const {
  std::int64_t number = 0;
  const char* last = field.text.data() + field.text.size();
  const auto [stopped, fault]
      = std::from_chars(field.text.data(), last, number);
  if (fault == std::errc::invalid_argument || stopped != last)
    return complain(
        field.column,
        fmt::format("{} is {} (want a whole number)", name,
                    field.text.empty() ? "missing" : quoted(field.text)));
  if (fault == std::errc::result_out_of_range || number < least
      || number > most)
    return complain(field.column, fmt::format("{} is {} (want {} to {})", name,
                                              quoted(field.text), least, most));
  return number;
}

} // namespace skerry
