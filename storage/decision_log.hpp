#pragma once

#include "storage/store.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace skerry {

struct decision_log_options {
  std::filesystem::path directory;
  /// The last decisions that are kept: some 30 MB.
  std::uint64_t max_records = 100'000;
};

/// What was decided last, in a store of its own that may be dropped: never
/// synced, never in the way of what must not be lost.
class decision_log {
public:
  /// A log that cannot be read is begun anew.
  static result<std::unique_ptr<decision_log>>
  open(const decision_log_options& options);

  /// Appends and trims. A failure is counted, not told.
  void append(std::vector<std::string> records);
  /// Newest first.
  std::vector<std::string> last(std::size_t limit) const;
  std::uint64_t dropped() const { return dropped_; }

private:
  decision_log(std::unique_ptr<store> kept, std::uint64_t next,
               std::uint64_t first, std::uint64_t max)
      : kept_{std::move(kept)}, next_{next}, first_{first}, max_{max} {}

  std::unique_ptr<store> kept_;
  std::uint64_t next_;
  std::uint64_t first_;
  std::uint64_t max_;
  std::uint64_t dropped_ = 0;
};

} // namespace skerry
