#pragma once

#include "simulation/pressure.hpp"
#include "simulation/queueing_cluster.hpp"

#include <array>
#include <cstdint>
#include <vector>

namespace skerry {

/// A synthetic cluster whose workload changes twice, without a word.
struct changing_workload {
  static constexpr std::size_t phases = 3;
  static constexpr std::int64_t phase_milliseconds
      = std::int64_t{8} * 3'600'000;

  queueing_workload queue;
  /// Of each phase, what its tasks ask for.
  std::array<pressure, phases> asked{};
};

/// 1: the usual mix at a load of 1.05. 2: training is three times as frequent,
/// and 1.15: A100s, whole and many at once. 3: inference and memory instead,
/// and 1.1: shares of T4s.
result<changing_workload> make_changing_workload(std::uint64_t seed);

/// Of all resources, weighed by what is asked of each, the share in use between
/// two times, in percent: from when tasks have started and how long they run.
double allocated_percent(const queueing_workload& of,
                         const std::vector<task_outcome>& outcomes,
                         const pressure& asked, std::int64_t from_milliseconds,
                         std::int64_t until_milliseconds);

/// Mean wait in s of the tasks that came between two times; one that has not
/// started waits until the end.
double mean_wait_seconds(const queueing_workload& of,
                         const std::vector<task_outcome>& outcomes,
                         std::int64_t from_milliseconds,
                         std::int64_t until_milliseconds);

} // namespace skerry
