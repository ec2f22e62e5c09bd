#include "simulation/dag_machine.hpp"

#include "scheduling/assert.hpp"

#include <algorithm>
#include <functional>
#include <limits>

namespace skerry {

void dag_machine::add(const dag_job& job, std::span<const std::int64_t> times) {
  SKERRY_ASSERT(jobs_.empty() || job.arrival_ms >= jobs_.back().arrival_ms);
  const auto number = static_cast<std::uint32_t>(jobs_.size());
  const auto first = static_cast<std::uint32_t>(stages_.size());
  const auto work_ms = job.work_ms();
  jobs_.push_back({.arrival_ms = job.arrival_ms,
                   .first_stage = first,
                   .stages_left = static_cast<std::uint32_t>(job.stages.size()),
                   .work_ms = work_ms,
                   .left_ms = work_ms});
  auto next_time = times_.size();
  times_.insert(times_.end(), times.begin(), times.end());
  for (const auto& stage : job.stages) {
    const auto self = static_cast<std::uint32_t>(stages_.size());
    for (const auto parent : stage.parents) {
      SKERRY_ASSERT(first + parent < self);
      stages_[first + parent].children.push_back(self);
    }
    stages_.push_back(
        {.job = number,
         .unstarted = stage.tasks,
         .unended = stage.tasks,
         .parents_left = static_cast<std::uint32_t>(stage.parents.size()),
         .next_time = next_time,
         .task_ms = stage.task_ms});
    next_time += stage.tasks;
  }
  SKERRY_ASSERT(next_time == times_.size());
  for (auto stage = stages_.size(); stage-- > first;) {
    auto& state = stages_[stage];
    for (const auto child : state.children)
      state.path_ms = std::max(state.path_ms, stages_[child].path_ms);
    state.path_ms
        += state.task_ms
           * std::max(1.0, static_cast<double>(state.unstarted) / slots_);
  }
}

bool dag_machine::advance() {
  constexpr auto never = std::numeric_limits<std::int64_t>::max();
  const auto next_arrival
      = arrived_jobs_ < jobs_.size() ? jobs_[arrived_jobs_].arrival_ms : never;
  const auto next_end = ends_.empty() ? never : ends_.front().at_ms;
  now_ = std::min(next_arrival, next_end);
  SKERRY_ASSERT(now_ != never);
  bool changed = false;
  while (!ends_.empty() && ends_.front().at_ms == now_) {
    const auto stage = ends_.front().stage;
    std::ranges::pop_heap(ends_, std::greater{});
    ends_.pop_back();
    changed |= end(stage);
  }
  while (arrived_jobs_ < jobs_.size()
         && jobs_[arrived_jobs_].arrival_ms == now_)
    changed |= arrive();
  return changed;
}

bool dag_machine::arrive() {
  const auto& job = jobs_[arrived_jobs_++];
  for (auto stage = job.first_stage; stage < job.first_stage + job.stages_left;
       ++stage)
    if (stages_[stage].parents_left == 0)
      make_ready(stage);
  return true;
}

bool dag_machine::take_slot(std::uint32_t number) {
  const auto warm = jobs_[number].warm > 0;
  const auto slot = warm ? std::ranges::find(free_, number) : free_.begin();
  if (*slot != nobody)
    --jobs_[*slot].warm;
  free_.erase(slot);
  return warm;
}

void dag_machine::start(std::size_t position) {
  const auto number = ready_[position];
  auto& stage = stages_[number];
  auto& job = jobs_[stage.job];
  const auto moves_ms = take_slot(stage.job) ? 0 : move_ms_;
  const auto end_ms = now_ + moves_ms + times_[stage.next_time++];
  ends_.push_back({end_ms, number});
  std::ranges::push_heap(ends_, std::greater{});
  ++job.running;
  job.left_ms -= stage.task_ms;
  if (--stage.unstarted == 0)
    ready_.erase(ready_.begin() + static_cast<std::ptrdiff_t>(position));
  if (records_)
    runs_.push_back({number, now_, end_ms});
}

bool dag_machine::end(std::uint32_t stage) {
  auto& state = stages_[stage];
  auto& job = jobs_[state.job];
  free_.push_back(state.job);
  ++job.warm;
  --job.running;
  if (--state.unended > 0)
    return false;
  if (--job.stages_left == 0) {
    job.end_ms = now_;
    ++ended_jobs_;
  }
  bool changed = false;
  for (const auto child : state.children)
    if (--stages_[child].parents_left == 0) {
      make_ready(child);
      changed = true;
    }
  return changed;
}

void dag_machine::make_ready(std::uint32_t stage) {
  ready_.insert(std::ranges::upper_bound(ready_, stage), stage);
}

} // namespace skerry
