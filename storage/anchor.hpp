#pragma once

#include "scheduling/result.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>

namespace skerry {

/// How far a store had got, on disk before anything is acknowledged.
struct anchor_mark {
  std::uint64_t epoch = 0;
  std::uint64_t sequence = 0;

  friend bool operator==(const anchor_mark&, const anchor_mark&) = default;
};

/// Two checksummed slots in one preallocated file, written in turn: a write
/// that a crash cuts short leaves the other.
class anchor_file {
public:
  /// @returns `io_failed`.
  static result<anchor_file> open(const std::filesystem::path& file);
  anchor_file(anchor_file&& other) noexcept;
  anchor_file& operator=(anchor_file&&) = delete;
  ~anchor_file();

  /// The newest mark; none in a new file.
  /// @returns `malformed` when neither slot can be read.
  result<std::optional<anchor_mark>> read() const;
  /// On disk when it returns.
  result<> write(const anchor_mark& mark);

private:
  explicit anchor_file(int descriptor) : descriptor_{descriptor} {}

  int descriptor_ = -1;
  unsigned next_slot_ = 0;
};

} // namespace skerry
