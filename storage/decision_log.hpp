#pragma once

#include "storage/store.hpp"

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace skerry {

struct decision_log_options {
  std::filesystem::path directory;
  /// The last decisions that are kept: some 30 MB.
  std::uint64_t max_records = 100'000;
};

/// What was decided last, in a store of its own that may be dropped: never
/// synced, never in the way of what must not be lost, nor of who decides, since
/// a thread of its own writes. May be called by any thread.
class decision_log {
public:
  /// A log that cannot be read is begun anew.
  static result<std::unique_ptr<decision_log>>
  open(const decision_log_options& options);
  /// Writes what waits.
  ~decision_log();

  /// Takes a record to be written within a second. Records are dropped, and
  /// counted, while the disk is too far behind or fails.
  void append(std::string record);
  /// Writes what waits, now.
  void flush();
  /// Newest first; with what waits.
  std::vector<std::string> last(std::size_t limit);
  std::uint64_t dropped() const { return dropped_; }

private:
  decision_log(std::unique_ptr<store> kept, std::uint64_t next,
               std::uint64_t first, std::uint64_t max);
  void write_on();
  void write(std::vector<std::string> records);

  std::uint64_t max_;
  std::atomic<std::uint64_t> dropped_ = 0;

  std::mutex store_mutex_; ///< Taken before `mutex_`.
  std::unique_ptr<store> kept_;
  std::uint64_t next_;
  std::uint64_t first_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> waiting_; ///< Under `mutex_`, as is the next.
  bool closing_ = false;
  std::thread writer_; ///< Last: it sees all of the above.
};

} // namespace skerry
