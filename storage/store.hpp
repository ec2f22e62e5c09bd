#pragma once

#include "scheduling/result.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace skerry {

struct store_write {
  std::string key;
  std::optional<std::string> value; ///< None: the key is deleted.
};

/// Written as a decimal number: the next start begins an epoch above it. For
/// what others have heard of an earlier state under the same name.
inline constexpr std::string_view least_epoch_key = "!least-epoch";

struct store_options {
  std::filesystem::path directory;
  /// What is kept here, for example "control"; another kind is refused.
  std::string kind;
  /// False for what may be dropped: no sync, no anchor.
  bool durable = true;
  /// Goes on with less than was acknowledged. Only an operator may say so.
  bool accept_data_loss = false;
  /// Below this `room` refuses new work. Debian's RocksDB can abort on a full
  /// disk, so the disk never gets there: two write buffers and a log.
  std::uint64_t min_free_bytes = std::uint64_t{256} << 20;
};

/// A durable keyed store: one RocksDB and, beside it, an anchor.
///
/// RocksDB drops a damaged tail of its log in silence. So each commit carries a
/// sequence number, and before it is acknowledged a small file of its own, the
/// anchor, holds that number on disk too. A start that finds less than the
/// anchor says is refused.
///
/// Threads: one writer; readers at any time.
class store {
public:
  /// Opens or creates, and begins a new epoch.
  /// @returns `malformed` for damaged, missing or foreign state, `conflict`
  /// when
  ///          another process has it open, `io_failed`.
  static result<std::unique_ptr<store>> open(const store_options& options);

  ~store();

  /// Whether new work may be taken on: what is kept back is for what follows
  /// from work that was accepted. Thread-safe.
  /// @returns `limit_exceeded` when the disk is nearly full.
  /// @cost    Looks at the disk at most ten times a second.
  result<> room() const;

  /// All writes or none; on disk when it returns.
  /// @returns `io_failed`: nothing is acknowledged any more by this object, for
  ///          nobody knows what the disk has.
  /// @cost    Two syncs.
  result<> commit(std::span<const store_write> writes);

  result<std::optional<std::string>> get(std::string_view key) const;

  using visitor
      = std::function<result<>(std::string_view key, std::string_view value)>;
  /// Calls `visit` for each key that begins with `prefix`, in order of keys.
  /// @returns The first failure of `visit`, `malformed` for a damaged file.
  result<> for_each(std::string_view prefix, const visitor& visit) const;

  /// Number of the last commit.
  std::uint64_t sequence() const;
  /// Grows with every start.
  std::uint64_t epoch() const;

private:
  struct parts;
  explicit store(std::unique_ptr<parts> made);

  std::unique_ptr<parts> parts_;
};

} // namespace skerry
