#pragma once

#include "scheduling/result.hpp"

#include <cstdint>
#include <functional>
#include <string>

namespace skerry {

/// What a client process asks of a server, and how.
struct api_load {
  enum class kind : std::uint8_t {
    decide,
    decide_in_a_stream, ///< With a window of requests in flight.
    submit,             ///< One-task jobs that take a millisecond.
  };

  std::string name;
  kind what = kind::decide;
  int callers = 1; ///< Each with a connection of its own.
  int batch = 1;   ///< Tasks in a request.
  /// Requests a second, evenly, however long answers take; 0 for the next as
  /// soon as one is answered.
  double paced = 0;
  double seconds = 2;
};

/// What came of it.
struct load_figures {
  std::uint64_t done = 0; ///< Tasks.
  double seconds = 0;
  double p50_us = 0; ///< Of requests, from when they were due or sent.
  double p99_us = 0;
  double cpu_seconds = 0; ///< Of this process.
};

/// Asks the server at `address` for `load.seconds`, on threads of this process.
/// @param connected Called when all callers are, before the first request.
/// @returns `io_failed` when there is no connection, and with the first call
///          that failed or was answered otherwise than expected.
result<load_figures> put_load(const std::string& address, const api_load& load,
                              const std::function<void()>& connected);

} // namespace skerry
