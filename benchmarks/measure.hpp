#pragma once

#include "benchmarks/benchmark.hpp"
#include "scheduling/result.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace skerry {

/// CPU time of the calling thread: what other processes do hardly matters.
double thread_cpu_seconds();
/// Of all threads of this process.
double process_cpu_seconds();

/// "127.0.0.1:PORT", free just now: the mesh needs a port of its own.
/// @returns `io_failed` when there is none.
result<std::string> free_loopback_address();

/// Runs of a case, each of many operations: dividing the clock's own cost, and
/// giving p50 and p99 of what one operation takes in a run.
class case_timer {
public:
  explicit case_timer(std::string name);

  /// Whether another run fits into the time.
  bool more(double seconds) const;
  void begin_run();
  void end_run(std::uint64_t operations);

  benchmark_case finish() const;

private:
  using clock = std::chrono::steady_clock;

  std::string name_;
  clock::time_point run_started_{};
  double cpu_run_started_ = 0;
  double cpu_seconds_ = 0;
  double wall_seconds_ = 0;
  std::uint64_t operations_ = 0;
  std::vector<double> us_per_operation_;
};

} // namespace skerry
