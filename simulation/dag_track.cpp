#include "simulation/dag_track.hpp"

#include "evolution/deviates.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>
#include <utility>

namespace skerry {
namespace {

constexpr double ms_per_second = 1000;
/// Keeps the draws of times apart from those of graphs.
constexpr std::uint64_t times_stream = 1;

double nearest_rank(std::span<const double> sorted, double share) {
  const auto rank = std::ceil(share * static_cast<double>(sorted.size()));
  return sorted[static_cast<std::size_t>(rank) - 1];
}

dag_report report_of(const dag_trace& trace, const dag_machine& ended) {
  dag_report report;
  std::int64_t last_ms = 0;
  for (std::size_t job = 0; job < ended.jobs(); ++job) {
    last_ms = std::max(last_ms, ended.end_ms(job));
    report.completion_seconds.push_back(
        static_cast<double>(ended.end_ms(job) - ended.arrival_ms(job))
        / ms_per_second);
  }
  auto sorted = report.completion_seconds;
  std::ranges::sort(sorted);
  report.mean_seconds = std::reduce(sorted.begin(), sorted.end())
                        / static_cast<double>(sorted.size());
  report.p50_seconds = nearest_rank(sorted, 0.5);
  report.p95_seconds = nearest_rank(sorted, 0.95);
  report.max_seconds = sorted.back();
  report.makespan_seconds
      = static_cast<double>(last_ms - ended.arrival_ms(0)) / ms_per_second;
  report.utilisation = static_cast<double>(trace.true_work_ms()) / ms_per_second
                       / report.makespan_seconds / ended.slots();
  return report;
}

} // namespace

result<dag_trace> dag_trace::make(const dag_options& options) {
  if (auto ok = validate(options); !ok)
    return ok.failure();
  dag_trace trace;
  trace.options_ = options;
  trace.jobs_ = make_dag_jobs(options);
  for (std::size_t job = 0; job < trace.jobs_.size(); ++job) {
    rng random{derive_seed(options.seed, job, times_stream)};
    auto& times = trace.times_.emplace_back();
    for (const auto& stage : trace.jobs_[job].stages) {
      times.resize(times.size() + stage.tasks);
      draw_task_times(stage, options.estimate_error,
                      std::span{times}.last(stage.tasks), random);
    }
    trace.true_work_ms_
        += std::reduce(times.begin(), times.end(), std::int64_t{0});
  }
  return trace;
}

dag_machine dag_trace::machine() const {
  dag_machine out{options_.slots, options_.move_ms};
  for (std::size_t job = 0; job < jobs_.size(); ++job)
    out.add(jobs_[job], times_[job]);
  return out;
}

dag_report run_dag_track(const dag_trace& trace, dag_order order) {
  auto machine = trace.machine();
  dag_rule rule{order};
  machine.run(rule);
  return report_of(trace, machine);
}

} // namespace skerry
