#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace skerry {

/// Rows of features in few bytes, as they lie on disk and travel. Version 1:
///
///     row:    mask of the columns that differ from the row before (the first:
///             from zeros), uint32, bit c for column c; then their values, by
///             column
///     value:  int16, in 2^-13: [-4, 4) in steps of 0.00012
///
/// All little-endian. There is no way to write NaN or infinity, so none can be
/// read. Candidates of a decision have much in common: 16 rows of 31 features
/// took 1984 bytes as floats.
inline constexpr std::size_t max_packed_columns = 32;

class row_packer {
public:
  /// Values beyond [-4, 4) become the nearest within, NaN becomes 0.
  /// @pre At most `max_packed_columns`.
  void add(std::span<const float> row, std::string& to);

private:
  std::array<std::int16_t, max_packed_columns> last_{};
};

class row_unpacker {
public:
  explicit row_unpacker(std::string_view from) : rest_{from} {}

  bool at_end() const { return rest_.empty(); }
  /// @returns False when what is left is too short, or a row of more columns.
  bool next(std::span<float> row);

private:
  std::string_view rest_;
  std::array<float, max_packed_columns> last_{};
};

} // namespace skerry
