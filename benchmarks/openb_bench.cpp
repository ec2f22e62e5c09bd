#include "benchmarks/benchmarks.hpp"
#include "benchmarks/measure.hpp"
#include "simulation/openb_track.hpp"

#include <fmt/format.h>

#include <chrono>

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

} // namespace

result<> run_openb_bench(const benchmark_options& options,
                         const report_case& report) {
  if (options.trace_directory.empty())
    return {error_code::invalid_argument,
            "the benchmark openb needs the directory of the openb traces"};
  const auto workload = read_default_list(options.trace_directory);
  if (!workload)
    return workload.failure();
  for (const auto policy : placement_policy_names())
    for (const auto search :
         {placement_search::index, placement_search::scan}) {
      const auto* how = search == placement_search::index ? "index" : "scan";
      case_timer timer{fmt::format("{}/{}", policy, how)};
      timing times;
      while (timer.more(options.seconds)) {
        timer.begin_run();
        const auto run
            = run_openb_track(*workload, policy, options.seed, search, now_ns);
        if (!run)
          return run.failure();
        timer.end_run(workload->arrivals.size());
        times = run->decision_times;
      }
      auto measured = timer.finish();
      measured.p50_us = times.p50_us;
      measured.p99_us = times.p99_us;
      measured.more = {{"loop_per_second", times.per_second}};
      report(measured);
    }
  return done{};
}

} // namespace skerry
