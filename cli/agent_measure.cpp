#include "cli/agent_measure.hpp"

#include "agent/exec_driver.hpp"
#include "agent/journal.hpp"
#include "cli/report.hpp"
#include "cli/version.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <spawn.h>
#include <string>
#include <sys/resource.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <variant>
#include <vector>

namespace skerry {
namespace {

using steady = std::chrono::steady_clock;

/// Events of the driver, for the one thread that waits for them.
class inbox {
public:
  void put(std::vector<driver_event> some) {
    const std::lock_guard hold{mutex_};
    std::ranges::move(some, std::back_inserter(events_));
    wake_.notify_one();
  }
  std::vector<driver_event> wait() {
    std::unique_lock hold{mutex_};
    wake_.wait(hold, [this] { return !events_.empty(); });
    return std::exchange(events_, {});
  }

private:
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<driver_event> events_;
};

double cpu_seconds() {
  double sum = 0;
  for (const auto who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
    rusage used{};
    (void)::getrusage(who, &used); // Cannot fail for these two.
    for (const auto& t : {used.ru_utime, used.ru_stime})
      sum += static_cast<double>(t.tv_sec)
             + static_cast<double>(t.tv_usec) / 1e6;
  }
  return sum;
}

v1::StartOrder order_of(std::int64_t number) {
  v1::StartOrder order;
  order.set_node("here");
  order.set_task(fmt::format("t{}", number));
  order.set_attempt(1);
  order.mutable_demand()->set_cpu_millicores(1000);
  order.mutable_demand()->set_memory_bytes(std::int64_t{64} << 20);
  order.mutable_work()->mutable_exec()->add_argv("/bin/true");
  order.mutable_work()->set_keep_on_disconnect(true); // There is no lease.
  return order;
}

struct figures {
  double seconds = 0;
  double cpu_seconds = 0;
  std::vector<double> microseconds;
  std::int64_t failures = 0;
};

result<figures> run(const agent_measurement& how, exec_driver& driver,
                    agent_journal& journal, inbox& events) {
  figures out;
  std::map<std::string, steady::time_point> begun;
  const auto cpu = cpu_seconds();
  const auto begin = steady::now();
  std::int64_t next = 0;
  std::int64_t ended = 0;
  std::vector<v1::AgentRecord> records;
  while (ended < how.tasks) {
    std::vector<v1::StartOrder> orders;
    while (next - ended - static_cast<std::int64_t>(orders.size()) < how.at_once
           && next < how.tasks
           && static_cast<std::int64_t>(orders.size()) < how.at_once) {
      orders.push_back(order_of(next++));
      *records.emplace_back().mutable_accepted() = orders.back();
    }
    if (auto written = journal.append(std::exchange(records, {})); !written)
      return written.failure();
    for (auto& order : orders) {
      begun[order.task()] = steady::now();
      driver.take(begin_task{{"here", order.task(), 1}, std::move(order)});
    }
    for (auto& event : events.wait()) {
      if (auto* began = std::get_if<task_began>(&event))
        *records.emplace_back().mutable_started() = began->started;
      const auto* over = std::get_if<task_over>(&event);
      if (over == nullptr)
        continue;
      ++ended;
      out.failures += over->outcome.succeeded() ? 0 : 1;
      out.microseconds.push_back(std::chrono::duration<double, std::micro>(
                                     steady::now() - begun[over->key.task])
                                     .count());
      driver.take(forget_task{over->key});
    }
  }
  out.seconds = std::chrono::duration<double>(steady::now() - begin).count();
  out.cpu_seconds = cpu_seconds() - cpu;
  std::ranges::sort(out.microseconds);
  return out;
}

/// The least that any agent needs: the same program, as many at a time, without
/// supervisor, limits, files or journal.
/// @pre This process has no other children.
/// @returns Processes a second.
result<double> run_bare(const agent_measurement& how) {
  std::string program = "/bin/true";
  std::array<char*, 2> words{program.data(), nullptr};
  std::array<char*, 1> environment{nullptr};
  const auto begin = steady::now();
  for (std::int64_t begun = 0, ended = 0; ended < how.tasks;) {
    if (begun < how.tasks && begun - ended < how.at_once) {
      pid_t pid = 0;
      if (const int fault
          = ::posix_spawn(&pid, program.c_str(), nullptr, nullptr, words.data(),
                          environment.data());
          fault != 0)
        return error{error_code::io_failed,
                     fmt::format("cannot start {}: {}", program,
                                 std::generic_category().message(fault))};
      ++begun;
    } else if (::waitpid(-1, nullptr, 0) > 0) {
      ++ended;
    }
  }
  return static_cast<double>(how.tasks)
         / std::chrono::duration<double>(steady::now() - begin).count();
}

} // namespace

result<> measure_agent(const agent_measurement& how, console& out) {
  const auto bare = run_bare(how); // Before there are other children.
  if (!bare)
    return bare.failure();
  auto opened = agent_journal::open(how.directory);
  if (!opened)
    return opened.failure();
  inbox events;
  exec_driver_options options{.directory = how.directory,
                              .supervisor = how.supervisor};
  options.groups.name = fmt::format("skerry-measure-{}", ::getpid());
  if (!how.grouped)
    options.groups.best = cgroup_rung::observe;
  auto driver = exec_driver::start(
      std::move(options), [&](auto some) { events.put(std::move(some)); });
  if (!driver)
    return driver.failure();
  auto measured = run(how, **driver, *opened->journal, events);
  const auto rung = std::string{to_string((*driver)->rung())};
  driver->reset();
  std::error_code ignored; // It lies where the user has said.
  std::filesystem::remove_all(how.directory, ignored);
  if (!measured)
    return measured.failure();
  if (measured->failures > 0)
    return {error_code::io_failed, fmt::format("{} of {} tasks failed",
                                               measured->failures, how.tasks)};
  const auto at = [&](double share) {
    const auto last = static_cast<double>(measured->microseconds.size() - 1);
    return measured->microseconds[static_cast<std::size_t>(share * last)];
  };
  const auto per_second = static_cast<double>(how.tasks) / measured->seconds;
  const json line{
      {"name", "agent"},
      {"case", fmt::format("processes, {}, {} at once", rung, how.at_once)},
      {"per_second", per_second},
      {"bare_per_second", *bare},
      {"of_bare", per_second / *bare},
      {"p50_us", at(0.5)},
      {"p99_us", at(0.99)},
      {"cpu_seconds", measured->cpu_seconds},
      {"commit", commit()}};
  return out.print(line.dump() + "\n");
}

} // namespace skerry
