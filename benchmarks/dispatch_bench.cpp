#include "benchmarks/benchmarks.hpp"
#include "benchmarks/busy_cluster.hpp"
#include "benchmarks/measure.hpp"

#include <fmt/format.h>

namespace skerry {
namespace {

constexpr std::uint64_t steps_per_run = 256;

/// A step of the scan at 100 000 nodes takes about a millisecond.
constexpr std::uint64_t scan_steps_per_run = 8;

/// Holds the index against the scan, choice by choice.
result<> check_equal(std::size_t nodes, std::uint64_t seed) {
  busy_cluster by_index{nodes, seed};
  busy_cluster by_scan{nodes, seed};
  by_scan.search_by(placement_search::scan);
  for (auto* busy : {&by_index, &by_scan}) {
    if (auto ok = busy->fill(); !ok)
      return ok;
    for (std::uint64_t i = 0; i < 4 * steps_per_run; ++i)
      if (auto ok = busy->step(); !ok)
        return ok;
  }
  SKERRY_ASSERT(by_index.choices() == by_scan.choices());
  return by_index.book().check_invariants();
}

result<benchmark_case> run_case(std::string name, busy_cluster& busy,
                                std::uint64_t steps, double seconds) {
  case_timer timer{std::move(name)};
  while (timer.more(seconds)) {
    timer.begin_run();
    for (std::uint64_t i = 0; i < steps; ++i)
      if (auto ok = busy.step(); !ok)
        return ok.failure();
    timer.end_run(steps);
  }
  return timer.finish();
}

} // namespace

result<> run_dispatch_bench(const benchmark_options& options,
                            const report_case& report) {
  if (auto ok = check_equal(500, options.seed); !ok)
    return ok;
  for (const std::size_t nodes : {100, 1'000, 10'000, 100'000}) {
    busy_cluster busy{nodes, options.seed};
    if (auto ok = busy.fill(); !ok)
      return ok;
    auto by_index = run_case(fmt::format("index/{}", nodes), busy,
                             steps_per_run, options.seconds);
    if (!by_index)
      return by_index.failure();
    report(*by_index);
    busy.search_by(placement_search::scan);
    auto by_scan = run_case(fmt::format("scan/{}", nodes), busy,
                            scan_steps_per_run, options.seconds);
    if (!by_scan)
      return by_scan.failure();
    by_scan->more
        = {{"index_speedup", by_index->per_second / by_scan->per_second}};
    report(*by_scan);
  }
  return done{};
}

} // namespace skerry
