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
  task.number = next_number_++;
  task.started_unix = before != nullptr ? before->unix_milliseconds()
                                        : now_.unix_milliseconds;
  const auto& demand = order.demand();
  task.use.set_cpu_millicores(
      share(demand.cpu_millicores(), spec.cpu_use_milli()));
  task.use.set_memory_bytes(
      share(demand.memory_bytes(), spec.memory_use_milli()));
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
                           std::string reason) {
  auto found = tasks_.find(key);
  const auto& task = found->second;
  v1::Outcome outcome;
  outcome.set_signal(signal);
  if (signal == 0)
    outcome.set_exit_code(task.order.work().simulated().exit_code());
  outcome.set_succeeded(signal == 0 && outcome.exit_code() == 0);
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
  if (task.use.memory_bytes() > to.memory_bytes()) {
    events_.emplace_back(resize_refused{
        command.key,
        {error_code::conflict,
         fmt::format("it uses {} bytes of memory, more than {}",
                     task.use.memory_bytes(), to.memory_bytes())}});
    return;
  }
  *task.order.mutable_demand() = to;
  events_.emplace_back(task_changed{command.key, to});
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
    const auto& task = tasks_.at(key);
    v1::Usage usage;
    // A task never gets more than it was granted.
    usage.set_cpu_millicores(std::min(task.use.cpu_millicores(),
                                      task.order.demand().cpu_millicores()));
    usage.set_memory_bytes(task.use.memory_bytes());
    events_.emplace_back(usage_seen{key, std::move(usage)});
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
