#include "agent/simulated_driver.hpp"

#include "agent/exec_launch.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <type_traits>
#include <utility>
#include <variant>

namespace skerry {

namespace {

std::int64_t share(std::int64_t amount, std::int32_t milli) {
  return milli == 0 ? amount : amount / 1000 * milli;
}

/// What it wants at a time since its start, and for how long that stays.
struct wanted_use {
  v1::Resources amounts;
  double milliseconds = std::numeric_limits<double>::infinity();
};

double length_of(const v1::SimulatedSpec& spec) {
  double length = 0;
  for (const auto& part : spec.curve())
    length += static_cast<double>(part.duration_milliseconds());
  return length;
}

wanted_use wants_at(const v1::StartOrder& order, double milliseconds) {
  const auto& spec = order.work().simulated();
  wanted_use out;
  const auto length = length_of(spec);
  if (length <= 0) {
    // Of what it was started with: later sizes do not change its habits.
    out.amounts.set_cpu_millicores(
        share(order.demand().cpu_millicores(), spec.cpu_use_milli()));
    out.amounts.set_memory_bytes(
        share(order.demand().memory_bytes(), spec.memory_use_milli()));
    return out;
  }
  auto at = std::fmod(milliseconds, length);
  for (const auto& part : spec.curve()) {
    const auto duration = static_cast<double>(part.duration_milliseconds());
    out.amounts.set_cpu_millicores(part.cpu_millicores());
    out.amounts.set_memory_bytes(part.memory_bytes());
    out.milliseconds = duration - at;
    if (at < duration)
      break;
    at -= duration;
  }
  return out;
}

std::string name_of(const task_key& key) {
  return fmt::format("{} {} {}", key.node, key.task, key.attempt);
}

} // namespace

void simulated_driver::take(driver_command command) {
  std::visit(
      [&](const auto& each) {
        using command_type = std::decay_t<decltype(each)>;
        if constexpr (std::is_same_v<command_type, begin_task>) {
          begin(each.key, each.order, nullptr);
        } else if constexpr (std::is_same_v<command_type, adopt_task>) {
          if (each.started.unix_milliseconds() == 0)
            events_.emplace_back(task_never_began{each.key});
          else
            begin(each.key, each.order, &each.started);
        } else if constexpr (std::is_same_v<command_type, stop_task>) {
          if (tasks_.contains(each.key))
            end(each.key, 15, each.reason);
        } else if constexpr (std::is_same_v<command_type, change_task>) {
          resize(each);
        } else if constexpr (std::is_same_v<command_type, v1::LogsOrder>) {
          v1::LogsAnswer answer;
          answer.set_request(each.request());
          answer.set_error("a simulated task has no output");
          events_.emplace_back(std::move(answer));
        }
      },
      command);
}

void simulated_driver::begin(const task_key& key, const v1::StartOrder& order,
                             const v1::TaskStarted* before) {
  const auto& spec = order.work().simulated();
  auto& task = tasks_[key];
  task.order = order;
  task.granted = order.demand();
  task.number = next_number_++;
  task.started_unix = before != nullptr ? before->unix_milliseconds()
                                        : now_.unix_milliseconds;
  task.told_unix = now_.unix_milliseconds;
  const auto& demand = order.demand();
  by_number_[task.number] = key;
  const auto length = static_cast<std::int64_t>(std::llround(
      static_cast<double>(spec.duration_milliseconds()) / options_.time_scale));
  const auto passed = now_.unix_milliseconds - task.started_unix;
  const auto left = std::max<std::int64_t>(length - passed, 0);
  timers_.emplace(now_.boot_milliseconds + left, task.number, what::end);
  timers_.emplace(now_.boot_milliseconds + options_.usage_milliseconds,
                  task.number, what::tell);
  if (before != nullptr)
    return;
  v1::TaskStarted started;
  started.set_node(key.node);
  started.set_task(key.task);
  started.set_attempt(key.attempt);
  started.set_unix_milliseconds(task.started_unix);
  events_.emplace_back(task_began{key, std::move(started)});
  fmt::format_to(std::back_inserter(log_), "start {} {} {} {} {} {} {}\n",
                 name_of(key), order.session(), order.epoch(),
                 task.started_unix, demand.cpu_millicores(),
                 demand.memory_bytes(), devices_text(order));
}

void simulated_driver::end(const task_key& key, std::int32_t signal,
                           std::string reason, bool out_of_memory) {
  auto found = tasks_.find(key);
  const auto& task = found->second;
  v1::Outcome outcome;
  outcome.set_signal(signal);
  if (signal == 0)
    outcome.set_exit_code(task.order.work().simulated().exit_code());
  outcome.set_succeeded(signal == 0 && outcome.exit_code() == 0);
  outcome.set_out_of_memory(out_of_memory);
  outcome.set_reason(std::move(reason));
  outcome.set_started_unix_milliseconds(task.started_unix);
  outcome.set_ended_unix_milliseconds(now_.unix_milliseconds);
  fmt::format_to(std::back_inserter(log_), "end {} {} {} {}\n", name_of(key),
                 now_.unix_milliseconds, outcome.exit_code(), signal);
  by_number_.erase(task.number);
  tasks_.erase(found);
  events_.emplace_back(task_over{key, std::move(outcome)});
}

void simulated_driver::resize(const change_task& command) {
  auto found = tasks_.find(command.key);
  if (found == tasks_.end()) {
    events_.emplace_back(
        resize_refused{command.key, {error_code::conflict, "it is ending"}});
    return;
  }
  auto& task = found->second;
  const auto& to = command.demand;
  const auto used = use_of(task, now_.unix_milliseconds).memory_bytes();
  if (to.memory_bytes() > 0 && used > to.memory_bytes()) {
    events_.emplace_back(
        resize_refused{command.key,
                       {error_code::conflict,
                        fmt::format("it uses {} bytes of memory, more than {}",
                                    used, to.memory_bytes())}});
    return;
  }
  task.granted = to;
  events_.emplace_back(task_changed{command.key, to});
}

v1::Usage simulated_driver::use_of(const virtual_task& task,
                                   std::int64_t until) const {
  const auto scale = options_.time_scale;
  const auto since_start = [&](std::int64_t unix_milliseconds) {
    return static_cast<double>(unix_milliseconds - task.started_unix) * scale;
  };
  const auto last = since_start(until);
  // One round of a curve tells as much as many.
  auto at = since_start(task.told_unix);
  if (const auto round = length_of(task.order.work().simulated()); round > 0)
    at = std::max(at, last - round);
  const auto span = last - at;
  const auto granted = static_cast<double>(task.granted.cpu_millicores());
  double used = 0;
  double throttled = 0; // For how long.
  v1::Usage out;
  out.set_interval_milliseconds(until - task.told_unix);
  out.set_memory_bytes(wants_at(task.order, last).amounts.memory_bytes());
  out.set_peak_memory_bytes(std::max(task.peak_bytes, out.memory_bytes()));
  while (at < last) {
    const auto want = wants_at(task.order, at);
    const auto cpu = static_cast<double>(want.amounts.cpu_millicores());
    // At least a millisecond, for sums of durations are rounded.
    const auto part = std::min(std::max(want.milliseconds, 1.0), last - at);
    used += part * std::min(cpu, granted);
    throttled += cpu > granted ? part : 0;
    out.set_peak_memory_bytes(
        std::max(out.peak_memory_bytes(), want.amounts.memory_bytes()));
    at += part;
  }
  if (span <= 0)
    return out;
  out.set_cpu_millicores(std::llround(used / span));
  const auto share_throttled = throttled / span;
  out.set_throttled_milliseconds(std::llround(
      share_throttled * static_cast<double>(out.interval_milliseconds())));
  out.set_throttled_periods_milli(
      static_cast<std::int32_t>(std::lround(share_throttled * 1000)));
  return out;
}

void simulated_driver::tell(const task_key& key, virtual_task& task,
                            std::int64_t until) {
  auto usage = use_of(task, until);
  const auto most = task.granted.memory_bytes();
  task.told_unix = until;
  task.peak_bytes = usage.peak_memory_bytes();
  if (most > 0 && task.peak_bytes > most)
    return end(key, 9, "it used more memory than it was granted", true);
  events_.emplace_back(task_used{key, std::move(usage)});
}

std::vector<driver_event> simulated_driver::advance(agent_instant now) {
  now_ = now;
  while (!timers_.empty()
         && std::get<0>(timers_.top()) <= now.boot_milliseconds) {
    const auto [due, number, kind] = timers_.top();
    timers_.pop();
    const auto found = by_number_.find(number);
    if (found == by_number_.end())
      continue; // It has been stopped.
    const auto key = found->second;
    if (kind == what::end) {
      end(key, 0, "");
      continue;
    }
    const auto late = now.boot_milliseconds - due;
    tell(key, tasks_.at(key), now.unix_milliseconds - late);
    timers_.emplace(due + options_.usage_milliseconds, number, what::tell);
  }
  return std::exchange(events_, {});
}

std::int64_t simulated_driver::next_milliseconds() const {
  if (!events_.empty())
    return now_.boot_milliseconds;
  return timers_.empty() ? std::numeric_limits<std::int64_t>::max()
                         : std::get<0>(timers_.top());
}

} // namespace skerry
