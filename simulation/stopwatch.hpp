#pragma once

#include <cstdint>
#include <functional>
#include <vector>

namespace skerry {

/// Nanoseconds since any fixed time. A simulation has no clock of its own: who
/// wants its speed measured lends it one.
using clock_ns = std::function<std::uint64_t()>;

/// How long decisions took.
struct timing {
  double per_second = 0; ///< Decisions over the time of the whole loop.
  double p50_us = 0;
  double p99_us = 0;
};

/// Times the laps of a loop. Without a clock it does nothing and reports zeros.
class stopwatch {
public:
  explicit stopwatch(clock_ns now) : now_{std::move(now)} {}

  void start() {
    if (now_)
      started_ = now_();
  }
  void begin_lap() {
    if (now_)
      lap_ = now_();
  }
  void end_lap() {
    if (now_)
      laps_.push_back(now_() - lap_);
  }
  /// Since `start`, with quantiles over the laps.
  timing stop();

private:
  clock_ns now_;
  std::uint64_t started_ = 0;
  std::uint64_t lap_ = 0;
  std::vector<std::uint64_t> laps_;
};

} // namespace skerry
