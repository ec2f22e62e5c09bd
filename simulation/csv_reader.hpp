#pragma once

#include "simulation/text_reader.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace skerry {

/// Reads a comma-separated table with a header, row by row. Columns are found
/// by name, so their order and further columns do not matter; there is no
/// quoting. Blank lines after the last row are skipped.
class csv_reader {
public:
  /// Opens the file and reads its header.
  /// @returns `malformed` when there is no header or it has an empty or a
  ///          repeated name; otherwise as `text_reader`.
  static result<csv_reader> open(const std::string& path);

  /// Goes to the next row.
  /// @returns false after the last one; `malformed` for a row with more or
  ///          fewer fields than the header (a line cut in the middle);
  ///          otherwise as `text_reader::next`.
  result<bool> next();

  /// Names of the columns in the order of the file.
  const std::vector<std::string>& header() const { return header_; }
  std::optional<std::size_t> find(std::string_view name) const;
  /// @returns `malformed`, naming the columns there are, without `name`.
  result<std::size_t> require(std::string_view name) const;

  /// A field of the current row; its text is valid until `next`.
  const text_field& field(std::size_t column) const { return fields_[column]; }
  /// For numbers and complaints about the current row.
  const text_reader& text() const { return text_; }

private:
  explicit csv_reader(text_reader text) : text_{std::move(text)} {}

  text_reader text_;
  std::vector<std::string> header_;
  std::vector<text_field> fields_;
};

/// For an error: the first names, and how many more there are.
std::string join_some(const std::vector<std::string>& names);

} // namespace skerry
