#pragma once

#include "simulation/dag_workload.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace skerry {

/// A task that ran, for who wants to see the schedule.
struct dag_run {
  std::uint32_t stage = 0; ///< Of the machine.
  std::int64_t start_ms = 0;
  std::int64_t end_ms = 0;
};

/// What decides between stages that could start a task: the smaller first, then
/// the smaller second value; then the job that came earlier, and its earlier
/// stage.
struct dag_key {
  double first = 0;
  double second = 0;

  friend auto operator<=>(const dag_key&, const dag_key&) = default;
};

/// Plays stage graphs out on equal slots. A task holds one to its end; a slot
/// is never idle while a task could start.
///
///     at each time at which jobs arrive or tasks end, after all of these:
///       while a slot is free and a stage has tasks to start:
///         start a task of the stage with the smallest key
///
/// An order has
///   dag_key key(const dag_machine&, std::uint32_t stage);
/// and, if it wants to know when there are other stages to choose from,
///   void changed(const dag_machine&);
///
/// Stages are numbered through, job by job.
///
/// @cost A task O(stages that could start + log slots).
class dag_machine {
public:
  /// @param move_ms See `dag_options::move_ms`.
  explicit dag_machine(std::uint32_t slots, std::int64_t move_ms = 0)
      : slots_{slots}, move_ms_{move_ms}, free_(slots, nobody) {}

  /// @param times Of the tasks, in ms, at least 1; stage by stage.
  /// @pre Jobs are added in order of their arrival, before anything runs.
  void add(const dag_job& job, std::span<const std::int64_t> times);

  /// Until all jobs have ended.
  template <class Order>
  void run(Order& order) {
    while (ended_jobs_ < jobs_.size()) {
      const auto changed = advance();
      if constexpr (requires { order.changed(*this); })
        if (changed && !free_.empty() && !ready_.empty())
          order.changed(*this);
      while (!free_.empty() && !ready_.empty())
        start(choose(order));
    }
  }

  void record_runs() { records_ = true; }
  std::span<const dag_run> runs() const { return runs_; }

  std::uint32_t slots() const { return slots_; }
  std::int64_t now_ms() const { return now_; }
  /// Stages with tasks to start whose parents have ended, rising.
  std::span<const std::uint32_t> ready() const { return ready_; }
  std::size_t jobs() const { return jobs_.size(); }
  std::uint32_t first_stage(std::size_t job) const {
    return jobs_[job].first_stage;
  }

  // Of a stage.
  std::uint32_t job_of(std::uint32_t stage) const { return stages_[stage].job; }
  std::uint32_t unstarted(std::uint32_t stage) const {
    return stages_[stage].unstarted;
  }
  /// The longest way from the start of the stage to the end of its job, if the
  /// job had all slots: a stage takes its waves of tasks.
  double path_ms(std::uint32_t stage) const { return stages_[stage].path_ms; }

  // Of a job.
  std::int64_t arrival_ms(std::size_t job) const {
    return jobs_[job].arrival_ms;
  }
  std::int64_t end_ms(std::size_t job) const { return jobs_[job].end_ms; }
  std::uint32_t running(std::size_t job) const { return jobs_[job].running; }
  /// Free slots that would start a task of it at once.
  std::uint32_t warm(std::size_t job) const { return jobs_[job].warm; }
  /// Expected, of all tasks.
  double work_ms(std::size_t job) const { return jobs_[job].work_ms; }
  /// Expected, of the tasks that have not started.
  double left_ms(std::size_t job) const { return jobs_[job].left_ms; }

private:
  static constexpr auto nobody = std::numeric_limits<std::uint32_t>::max();

  struct job_state {
    std::int64_t arrival_ms = 0;
    std::int64_t end_ms = 0;
    std::uint32_t first_stage = 0;
    std::uint32_t stages_left = 0;
    std::uint32_t running = 0;
    std::uint32_t warm = 0; ///< Free slots that ran a task of it last.
    double work_ms = 0;
    double left_ms = 0;
  };

  struct stage_state {
    std::uint32_t job = 0;
    std::uint32_t unstarted = 0;
    std::uint32_t unended = 0;
    std::uint32_t parents_left = 0;
    std::size_t next_time = 0; ///< Of the next task, into `times_`.
    double task_ms = 0;
    double path_ms = 0;
    std::vector<std::uint32_t> children = {};
  };

  struct task_end {
    std::int64_t at_ms = 0;
    std::uint32_t stage = 0;

    friend auto operator<=>(const task_end&, const task_end&) = default;
  };

  template <class Order>
  std::size_t choose(Order& order) const {
    std::size_t best = 0;
    auto least = order.key(*this, ready_[0]);
    for (std::size_t i = 1; i < ready_.size(); ++i)
      if (const auto key = order.key(*this, ready_[i]); key < least) {
        least = key;
        best = i;
      }
    return best;
  }

  /// To the next time at which something happens.
  /// @returns Whether a stage has become ready.
  bool advance();
  void start(std::size_t position);  ///< In `ready_`.
  bool take_slot(std::uint32_t job); ///< @returns Whether it ran it before.
  bool arrive();
  bool end(std::uint32_t stage);
  void make_ready(std::uint32_t stage);

  std::uint32_t slots_;
  std::int64_t move_ms_;
  /// Free slots, by the job whose task each ran last; freed first, first.
  std::vector<std::uint32_t> free_;
  std::int64_t now_ = 0;
  std::vector<job_state> jobs_;
  std::vector<stage_state> stages_;
  std::vector<std::int64_t> times_;
  std::size_t arrived_jobs_ = 0;
  std::size_t ended_jobs_ = 0;
  std::vector<std::uint32_t> ready_;
  std::vector<task_end> ends_; ///< A heap, the earliest at the front.
  bool records_ = false;
  std::vector<dag_run> runs_;
};

} // namespace skerry
