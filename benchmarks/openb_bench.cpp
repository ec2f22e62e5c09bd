#include "benchmarks/benchmarks.hpp"
#include "benchmarks/measure.hpp"
#include "simulation/openb_track.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <vector>

namespace skerry {
namespace {

/// The first of the published seeds.
constexpr std::uint64_t published_seed = 42;

std::uint64_t now_ns() {
  return static_cast<std::uint64_t>(
      std::chrono::steady_clock::now().time_since_epoch()
      / std::chrono::nanoseconds{1});
}

result<openb_workload> read_default_list(const std::string& directory) {
  openb_workload out;
  auto nodes = read_openb_nodes(directory + "/openb_node_list_gpu_node.csv.gz");
  if (!nodes)
    return nodes.failure();
  out.nodes = *std::move(nodes);
  auto pods = read_openb_pods(
      directory + "/lists/openb_pod_list_default.csv.gz", out.nodes);
  if (!pods)
    return pods.failure();
  out.pods = *std::move(pods);
  auto arrivals
      = read_openb_arrivals(directory + "/orders/order_default.csv.gz",
                            published_seed, out.pods.size());
  if (!arrivals)
    return arrivals.failure();
  out.arrivals = *std::move(arrivals);
  auto ties = read_openb_tie_order(
      directory + "/orders/nodeprio_default.csv.gz", published_seed, out.nodes);
  if (!ties)
    return ties.failure();
  out.tie_order = *std::move(ties);
  return out;
}

/// Replays the arrivals until the time is up.
/// @returns Speed and quantiles of the median run, without its set-up.
result<benchmark_case> measure(const openb_workload& workload,
                               std::string_view policy, placement_search search,
                               const benchmark_options& options) {
  const auto* how = search == placement_search::index ? "index" : "scan";
  case_timer timer{fmt::format("{}/{}", policy, how)};
  std::vector<timing> runs;
  while (timer.more(options.seconds)) {
    timer.begin_run();
    const auto run
        = run_openb_track(workload, policy, options.seed, search, now_ns);
    if (!run)
      return run.failure();
    timer.end_run(workload.arrivals.size());
    runs.push_back(run->decision_times);
  }
  const auto median
      = runs.begin() + static_cast<std::ptrdiff_t>(runs.size() / 2);
  std::ranges::nth_element(runs, median, {}, &timing::per_second);
  auto out = timer.finish();
  out.per_second = median->per_second;
  out.p50_us = median->p50_us;
  out.p99_us = median->p99_us;
  return out;
}

} // namespace

result<> run_openb_bench(const benchmark_options& options,
                         const report_case& report) {
  if (options.trace_directory.empty())
    return {error_code::invalid_argument,
            "the benchmark openb needs the openb traces: give --traces DIR"};
  const auto workload = read_default_list(options.trace_directory);
  if (!workload)
    return workload.failure();
  for (const auto policy : placement_policy_names())
    for (const auto search :
         {placement_search::index, placement_search::scan}) {
      if (policy == "random" && search == placement_search::scan)
        continue; // Draws from the index either way.
      auto measured = measure(*workload, policy, search, options);
      if (!measured)
        return measured.failure();
      report(*measured);
    }
  return done{};
}

} // namespace skerry
