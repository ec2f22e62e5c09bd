#include "cli/queueing_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

namespace skerry {
namespace {

using run_span = std::span<const queueing_run>;

template <class Figure>
figures figures_of(run_span runs, Figure figure) {
  figures out;
  for (const auto& run : runs)
    out.emplace_back(figure(run));
  return out;
}

json json_of(const distribution& of) {
  return {{"mean", of.mean}, {"p50", of.p50}, {"p99", of.p99}, {"max", of.max}};
}

/// What the statistics of a class and of all have in common.
void add_statistics(const queueing_statistics& from, json& into) {
  into["submitted"] = from.submitted;
  into["placed"] = from.started;
  into["finished"] = from.finished;
  into["refused"] = from.refused;
  into["pending_at_end"] = from.pending_at_end;
  into["wait_seconds"] = json_of(from.wait_seconds);
  into["bounded_slowdown"] = json_of(from.bounded_slowdown);
}

/// "allocated GPU %" of "allocated_gpu_percent".
std::string heading_of(std::string name) {
  std::ranges::replace(name, '_', ' ');
  const auto replace = [&name](std::string_view from, std::string_view to) {
    if (const auto at = name.find(from); at != name.npos)
      name.replace(at, from.size(), to);
  };
  replace("gpu", "GPU");
  replace("fpga", "FPGA");
  replace("cpu", "CPU");
  replace("percent", "%");
  return name;
}

/// A group of runs for each policy.
std::vector<run_span> by_policy(run_span runs, std::size_t seeds) {
  std::vector<run_span> out;
  for (std::size_t i = 0; i < runs.size(); i += seeds)
    out.push_back(runs.subspan(i, seeds));
  return out;
}

std::string overview(std::span<const run_span> policies) {
  std::vector<std::string> header{"policy"};
  const auto& percents = policies.front().front().percents;
  for (const auto& [name, value] : percents)
    header.push_back(heading_of(name));
  for (const auto* name : {"placed", "refused", "still pending", "mean wait s",
                           "p99 wait s", "decisions/s"})
    header.emplace_back(name);
  text_table table{std::move(header)};
  for (const auto runs : policies) {
    std::vector<std::string> row{runs.front().policy};
    const auto add = [&](int decimals, auto figure) {
      row.push_back(mean_cell(figures_of(runs, figure), decimals));
    };
    for (std::size_t i = 0; i < percents.size(); ++i)
      add(2, [i](const auto& run) { return run.percents[i].second; });
    const auto count = [](std::uint64_t n) { return static_cast<double>(n); };
    add(0, [&](const auto& run) { return count(run.all.started); });
    add(0, [&](const auto& run) { return count(run.all.refused); });
    add(0, [&](const auto& run) { return count(run.all.pending_at_end); });
    add(1, [](const auto& run) { return run.all.wait_seconds.mean; });
    add(0, [](const auto& run) { return run.all.wait_seconds.p99; });
    add(0, [](const auto& run) { return run.decision_times.per_second; });
    table.add(std::move(row));
  }
  return table.text();
}

std::string waits(std::span<const run_span> policies) {
  text_table table{{"policy", "class", "mean s", "median s", "p99 s",
                    "mean slowdown", "still pending"}};
  for (const auto runs : policies)
    for (std::size_t c = 0; c < runs.front().classes.size(); ++c) {
      const auto cell = [&](int decimals, auto figure) {
        return mean_cell(figures_of(runs,
                                    [&](const auto& run) {
                                      return figure(run.classes[c].second);
                                    }),
                         decimals);
      };
      table.add({runs.front().policy, runs.front().classes[c].first,
                 cell(1, [](const auto& s) { return s.wait_seconds.mean; }),
                 cell(0, [](const auto& s) { return s.wait_seconds.p50; }),
                 cell(0, [](const auto& s) { return s.wait_seconds.p99; }),
                 cell(2, [](const auto& s) { return s.bounded_slowdown.mean; }),
                 cell(0, [](const auto& s) {
                   return static_cast<double>(s.pending_at_end);
                 })});
    }
  return table.text();
}

/// Same seed, same arrivals: the differences vary far less than the runs do.
std::string differences(std::span<const run_span> policies) {
  const auto base = policies.front();
  std::vector<std::string> header{"minus " + base.front().policy};
  for (const auto runs : policies.subspan(1))
    header.push_back(runs.front().policy);
  text_table table{std::move(header)};
  const auto add = [&](const std::string& name, int decimals, auto figure) {
    std::vector<std::string> row{name};
    for (const auto runs : policies.subspan(1))
      row.push_back(difference_cell(figures_of(runs, figure),
                                    figures_of(base, figure), decimals));
    table.add(std::move(row));
  };
  const auto& percents = base.front().percents;
  for (std::size_t i = 0; i < percents.size(); ++i)
    add(heading_of(percents[i].first), 2,
        [i](const auto& run) { return run.percents[i].second; });
  add("mean wait s", 1,
      [](const auto& run) { return run.all.wait_seconds.mean; });
  const auto& classes = base.front().classes;
  for (std::size_t c = 0; c < classes.size(); ++c)
    add("mean wait s, " + classes[c].first, 1, [c](const auto& run) {
      return run.classes[c].second.wait_seconds.mean;
    });
  return table.text();
}

} // namespace

json json_of(const std::string& workload, const queueing_run& run) {
  json out{{"workload", workload}, {"policy", run.policy}, {"seed", run.seed}};
  for (const auto& [name, value] : run.percents)
    out[name] = value;
  add_statistics(run.all, out);
  for (const auto& [name, statistics] : run.classes)
    add_statistics(statistics, out["classes"][name]);
  out["decisions_per_second"] = run.decision_times.per_second;
  out["decision_us"] = decision_us_json(run.decision_times);
  return out;
}

std::string table_of(const std::string& title,
                     std::span<const std::uint64_t> seeds, run_span runs) {
  const auto policies = by_policy(runs, seeds.size());
  auto text = fmt::format(
      "{}, {}{}\n\n{}\nWaits by class\n\n{}", title, seeds_text(seeds),
      seeds.size() > 1 ? "; mean (standard deviation) over seeds" : "",
      overview(policies), waits(policies));
  if (seeds.size() > 1 && policies.size() > 1)
    text += fmt::format("\nDifference to {}, paired by seed: mean +- half the "
                        "95 % interval\n\n{}",
                        runs.front().policy, differences(policies));
  return text;
}

} // namespace skerry
