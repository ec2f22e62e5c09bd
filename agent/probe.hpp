#pragma once

#include "agent/driver.hpp"

#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <thread>

namespace skerry {

/// How long one request takes, by a connection of its own: until it stands for
/// TCP, until the first byte of a 2xx or 3xx answer for HTTP.
/// @returns microseconds, or `io_failed`.
result<std::int64_t> probe_once(const v1::Probe& probe);

/// Probes tasks in turn on a thread of its own. Thread-safe.
class prober {
public:
  prober();
  ~prober();
  prober(const prober&) = delete;
  prober& operator=(const prober&) = delete;

  void watch(const task_key& key, const v1::Probe& probe);
  void forget(const task_key& key);
  /// Of the last probe; its timeout when it failed, 0 before the first.
  std::int64_t latest_microseconds(const task_key& key) const;

private:
  struct watched {
    v1::Probe probe;
    std::int64_t next = 0;
    std::int64_t microseconds = 0;
  };
  void run();

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::map<task_key, watched> watched_;
  bool stopping_ = false;
  std::thread thread_;
};

} // namespace skerry
