#pragma once

#include "scheduling/result.hpp"
#include "simulation/dag_order.hpp"
#include "simulation/dag_workload.hpp"

#include <cstdint>
#include <vector>

namespace skerry {

/// From the arrival of a job to its end: its completion time.
struct dag_report {
  double mean_seconds = 0;
  double p50_seconds = 0; ///< Nearest rank, as `p95_seconds`.
  double p95_seconds = 0;
  double max_seconds = 0;
  double makespan_seconds = 0; ///< From the first arrival to the last end.
  double utilisation = 0;      ///< Of the slots over the makespan.
  std::vector<double> completion_seconds; ///< By job.
};

/// Jobs and the true times of their tasks, which no order knows. The same for
/// every order.
class dag_trace {
public:
  /// @returns `invalid_argument` naming all faults.
  static result<dag_trace> make(const dag_options& options);

  /// A machine at the time before the first arrival.
  dag_machine machine() const;
  const dag_options& options() const { return options_; }
  const std::vector<dag_job>& jobs() const { return jobs_; }
  /// Of all tasks together.
  std::int64_t true_work_ms() const { return true_work_ms_; }

private:
  dag_options options_;
  std::vector<dag_job> jobs_;
  std::vector<std::vector<std::int64_t>> times_; ///< By job.
  std::int64_t true_work_ms_ = 0;
};

/// @cost About 0.1 us a task and stage that it could have been of.
dag_report run_dag_track(const dag_trace& trace, dag_order order);

} // namespace skerry
