#pragma once

#include "storage/recent_values.hpp"
#include "storage/store.hpp"

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace skerry {

struct group_commit_options {
  /// Writes in one commit: a few megabytes, so that a sync stays short.
  std::size_t max_writes = 8192;
};

/// Commits batches on a thread of its own, as many at once as wait: a sync
/// costs the same for one and for thousands.
class group_commit {
public:
  /// Called on the thread of the commits, in the order of `submit`.
  using committed = std::function<void(const result<>&)>;

  /// @param to Outlives this object.
  explicit group_commit(store& to, group_commit_options options = {});
  /// Commits what waits.
  ~group_commit();

  /// Thread-safe, never blocks on the disk. A batch without writes is answered
  /// in its turn.
  void submit(std::vector<store_write> writes, committed then);

  struct figures {
    std::uint64_t commits = 0;
    std::uint64_t writes = 0;
    std::uint64_t p99_microseconds = 0; ///< Of the last thousand commits.
  };
  figures measured() const; ///< Thread-safe.

private:
  struct batch {
    std::vector<store_write> writes;
    committed then;
  };

  void run();
  void commit(std::vector<batch>& batches);

  store& to_;
  group_commit_options options_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<batch> waiting_;
  recent_values microseconds_;
  figures figures_;
  bool stopping_ = false;
  std::thread thread_;
};

} // namespace skerry
