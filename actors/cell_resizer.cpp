#include "actors/cell_resizer.hpp"

#include "messages/convert.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace skerry {
namespace {

task_size size_of(const resources& amounts) {
  return {amounts[resource_kind::cpu], amounts[resource_kind::memory]};
}

void put(const task_size& size, resources& into) {
  into.set(resource_kind::cpu, size.cpu_millicores);
  into.set(resource_kind::memory, size.memory_bytes);
}

/// How much is done in a mode.
int zeal_of(v1::ResizeMode mode) {
  switch (mode) {
  case v1::RESIZE_AUTO:
    return 2;
  case v1::RESIZE_OFF:
    return 0;
  default: // Of a later version as well.
    return 1;
  }
}

} // namespace

v1::ResizeMode more_careful(v1::ResizeMode one, v1::ResizeMode other) {
  return zeal_of(one) < zeal_of(other) ? one : other;
}

cell_resizer::cell_resizer(cell_resizer_options options)
    : options_{std::move(options)}, allowed_{options_.most_per_second} {}

cell_resizer::watched* cell_resizer::watch(const std::string& task,
                                           const v1::TaskProfile& profile,
                                           instant now) {
  const auto mode = more_careful(options_.mode, profile.resize());
  if (mode == v1::RESIZE_OFF
      || (!profile.has_minimum() && !profile.has_maximum())
      || tasks_.size() >= options_.max_tasks)
    return nullptr;
  const auto read = from_proto(profile);
  if (!read || !read->minimum || !read->maximum)
    return nullptr;
  const auto least = size_of(*read->minimum);
  const auto most = size_of(*read->maximum);
  if (least == most)
    return nullptr;
  auto& entry = tasks_[task];
  if (entry != nullptr)
    return entry.get();
  entry.reset(new watched{task, options_.rules, least, most});
  entry->mode_ = mode;
  entry->due_ = {now.steady_milliseconds + options_.interval_milliseconds,
                 next_number_++};
  due_.emplace(entry->due_, entry.get());
  return entry.get();
}

void cell_resizer::forget(const watched* task) {
  due_.erase(task->due_);
  tasks_.erase(task->task_);
}

void cell_resizer::see(watched& task, const v1::Usage& usage) {
  task.sizer_.see({.milliseconds = usage.interval_milliseconds(),
                   .cpu_millicores = usage.cpu_millicores(),
                   .throttled = usage.throttled_periods_milli() / 1000.0,
                   .memory_bytes = usage.memory_bytes(),
                   .peak_memory_bytes = usage.peak_memory_bytes(),
                   .memory_pressure = usage.memory_pressure_milli() / 1000.0,
                   .out_of_memory_kills = usage.out_of_memory_kills()});
}

std::vector<cell_resizer::watched*> cell_resizer::due(instant now) {
  const auto time = now.steady_milliseconds;
  const auto passed = static_cast<double>(time - counted_at_) / 1000;
  allowed_ = std::min(options_.most_per_second,
                      allowed_ + passed * options_.most_per_second);
  counted_at_ = time;
  std::vector<watched*> out;
  while (!due_.empty() && due_.begin()->first.first <= time
         && out.size() < options_.most_at_once
         && static_cast<double>(out.size() + 1) <= allowed_) {
    auto entry = due_.extract(due_.begin());
    auto* task = entry.mapped();
    // From now on: after a pause, intervals are not made up for.
    task->due_.first = time + options_.interval_milliseconds;
    entry.key() = task->due_;
    due_.insert(std::move(entry));
    out.push_back(task);
  }
  return out;
}

std::optional<resources> cell_resizer::look(watched& task,
                                            const resources& has) {
  const auto size = size_of(has);
  auto proposal = task.sizer_.propose(size);
  if (!proposal)
    return {};
  task.proposal_ = *proposal;
  task.waits_for_.clear();
  if (proposal->size == size || task.mode_ != v1::RESIZE_AUTO)
    return {};
  auto wanted = has;
  put(proposal->size, wanted);
  return wanted;
}

void cell_resizer::ordered(watched& task, const resources& from,
                           const resources& to, std::string waits_for) {
  allowed_ -= 1;
  task.shrinks_memory_
      = to[resource_kind::memory] < from[resource_kind::memory];
  task.ordered_reason_ = to_string(*task.proposal_);
  task.waits_for_ = std::move(waits_for);
}

void cell_resizer::waits(watched& task, std::string why) {
  task.waits_for_ = std::move(why);
}

void cell_resizer::done(watched& task, std::int64_t unix_milliseconds) {
  ++resizes_;
  ++task.resizes_;
  task.resized_unix_milliseconds_ = unix_milliseconds;
  task.resized_reason_ = std::move(task.ordered_reason_);
}

void cell_resizer::refused(watched& task, const error& why) {
  // CPU is never refused for what is used: it was the memory.
  if (task.shrinks_memory_)
    task.sizer_.shrink_refused();
  task.waits_for_ = fmt::format("its agent has refused it: {}", why.message);
}

void cell_resizer::describe(const watched& task, v1::TaskSize& into) const {
  into.set_mode(task.mode_);
  into.set_policy(std::string{to_string(options_.rules.cpu.method)});
  into.set_resizes(task.resizes_);
  into.set_resized_unix_milliseconds(task.resized_unix_milliseconds_);
  into.set_resized_reason(task.resized_reason_);
  into.set_waits_for(task.waits_for_);
  if (!task.proposal_) {
    into.set_reason("nothing has been seen of it yet");
    return;
  }
  auto recommended = from_proto(into.has());
  put(task.proposal_->size, recommended);
  *into.mutable_recommended() = to_proto(recommended);
  into.set_reason(to_string(*task.proposal_));
}

std::vector<const cell_resizer::watched*>
cell_resizer::list(const std::string& after, std::size_t limit) const {
  std::vector<const watched*> out;
  for (auto at = tasks_.upper_bound(after);
       at != tasks_.end() && out.size() < limit; ++at)
    out.push_back(at->second.get());
  return out;
}

} // namespace skerry
