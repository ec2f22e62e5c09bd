#pragma once

#include "scheduling/result.hpp"
#include "scheduling/rng.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace skerry {

/// Equal tasks of a job that may start once all tasks of its parents have
/// ended. What is known of it before it runs.
struct dag_stage {
  std::uint32_t tasks = 1;
  double task_ms = 1; ///< Expected, as past runs of its kind took.
  /// Standard deviation of the logarithm of a task's time around the mean of
  /// its stage.
  double spread = 0;
  std::vector<std::uint32_t> parents
      = {}; ///< Earlier stages of the job, rising.
};

/// Its stages stand in an order in which they can run one after the other.
struct dag_job {
  std::int64_t arrival_ms = 0;
  std::vector<dag_stage> stages = {}; ///< 1 to `max_dag_stages`.
  std::uint32_t query = 0;            ///< Of TPC-H, 1 to 22; 0 for none.
  std::uint32_t scale = 0;            ///< Its input is so many GB.

  double work_ms() const; ///< Expected, all tasks together.
};

inline constexpr std::uint32_t max_dag_stages = 64;
inline constexpr std::uint32_t max_dag_jobs = 100'000;
inline constexpr std::uint32_t max_dag_slots = 100'000;
inline constexpr std::int64_t max_dag_move_ms = 3'600'000;

struct dag_options {
  std::uint32_t jobs = 100;
  std::uint32_t slots = 50; ///< Tasks that the cluster runs at a time.
  /// Expected work of all jobs over what the slots can do while they arrive;
  /// 0 lets all arrive at once.
  double load = 0.85;
  /// Standard deviation of the logarithm of a stage's true mean around
  /// `task_ms`, whose mean is right; 0 to 2.
  double estimate_error = 0.3;
  /// Before a slot runs a task of another job than the one before: what a
  /// process of the job needs to start. 0 to `max_dag_move_ms`.
  std::int64_t move_ms = 0;
  std::uint64_t seed = 1;
};

/// @returns `invalid_argument` naming all faults.
result<> validate(const dag_options& options);

/// Jobs like the queries of TPC-H on a cluster that runs stages of tasks.
///
///  - Graph: of each of the 22 queries the plan, with a scan for each table
///    that it reads, joins, aggregations and a sort; what a query reads twice
///    is computed once.
///  - Tasks: one for each 128 MB of a table, 64 MB of a shuffle (at most 200).
///    A database of 2, 5, 10, 20, 50 or 100 GB, all as often: so that most of
///    the work is in few jobs. Scans, joins and aggregations pass on a random
///    part.
///  - Times: what a task reads over the speed of its kind, times a factor of
///    the stage and one of the task, both log-normal.
///  - Arrivals: Poisson, scaled to the load exactly, or all at once.
///
/// These are not measured profiles; only the setting is that of the source, in
/// which handing a slot to another job takes some 2 s (`move_ms`).
///
/// @source Mao et al., "Learning scheduling algorithms for data processing
///         clusters" (Decima), SIGCOMM 2019; tables and queries from the TPC-H
///         specification 3.0.1.
/// @pre    Valid options.
std::vector<dag_job> make_dag_jobs(const dag_options& options);

/// How long each task of a stage takes, in ms, at least 1.
/// @param error See `dag_options::estimate_error`.
void draw_task_times(const dag_stage& stage, double error,
                     std::span<std::int64_t> out, rng& random);

} // namespace skerry
