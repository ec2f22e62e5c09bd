#pragma once

#include "scheduling/result.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace skerry {

struct experience_store_options {
  std::filesystem::path directory;
  /// On disk, all in all; the oldest experience goes first. 1 GiB is some four
  /// million decisions.
  std::uint64_t max_bytes = std::uint64_t{1} << 30;
  /// Older experience is of another cluster.
  std::int64_t max_age_seconds = 30 * 86'400;
  /// With less left on the disk nothing is appended: four times what the
  /// server's own state keeps back, so that this one stops first.
  std::uint64_t min_free_bytes = std::uint64_t{1} << 30;
  /// Only to look at, also while a server has it open; changes nothing.
  bool read_only = false;
};

/// @returns `invalid_argument` naming the first option at fault.
result<> validate(const experience_store_options& options);

/// Experience on disk, oldest first, in a RocksDB of its own that may be
/// dropped at any time.
///
///     key:    number of its first record, big-endian
///     value:  version, unix time in ms, then records: length, checksum, bytes
///
/// Blocks of records instead of single ones, because RocksDB's own work for
/// each key would be most of the cost of both writing and reading. There is no
/// compaction: whole files are dropped when there are too many.
///
/// What a checksum does not vouch for is skipped and counted. A database that
/// cannot be opened at all is begun anew.
///
/// Threads: one caller at a time.
class experience_store {
public:
  /// @returns `invalid_argument`, `conflict` when another process has it open,
  ///          `malformed` for a directory of others, `io_failed`, on a full
  ///          disk `limit_exceeded`; to read, `not_found`, `malformed` for
  ///          damage.
  static result<std::unique_ptr<experience_store>>
  open(const experience_store_options& options);
  ~experience_store();

  /// All on disk when it returns, or none.
  /// @param now_ms Unix time.
  /// @returns `limit_exceeded` while the disk is nearly full, `io_failed`.
  /// @cost    One sync.
  result<> append(std::span<const std::string> records, std::int64_t now_ms);

  /// Calls `visit` for the last records, oldest first; those that are damaged
  /// or too old are skipped.
  /// @param at_most Records; fewer when there are not so many.
  /// @returns `io_failed`.
  /// @cost    Sequential: some 3 million records a second.
  using visitor = std::function<void(std::string_view record)>;
  result<> for_last(std::uint64_t at_most, std::int64_t now_ms,
                    const visitor& visit);

  struct figures {
    std::uint64_t appended = 0; ///< By this object, and on disk.
    std::uint64_t dropped = 0;  ///< Refused by the disk, or for its sake.
    std::uint64_t damaged = 0;  ///< Skipped while reading, records or blocks.
    bool begun_anew = false;    ///< What was there could not be opened.
    std::uint64_t bytes = 0;    ///< On disk.
  };
  figures measured() const;
  /// Records ever appended, also in earlier lives.
  std::uint64_t next() const;

private:
  struct parts;
  explicit experience_store(std::unique_ptr<parts> made);

  std::unique_ptr<parts> parts_;
};

} // namespace skerry
