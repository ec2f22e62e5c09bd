#include "benchmarks/benchmarks.hpp"
#include "benchmarks/busy_cluster.hpp"
#include "benchmarks/measure.hpp"

#include <fmt/format.h>

#ifdef SKERRY_JEMALLOC
#include <jemalloc/jemalloc.h>
#else
#include <malloc.h>
#endif

namespace skerry {
namespace {

constexpr std::size_t nodes = 100'000;

/// What the program has allocated and not freed.
double heap_bytes() {
#ifdef SKERRY_JEMALLOC
  // Its figures are of the last epoch that was asked for.
  std::uint64_t epoch = 1;
  std::size_t size = sizeof epoch;
  mallctl("epoch", &epoch, &size, &epoch, size);
  std::size_t allocated = 0;
  size = sizeof allocated;
  mallctl("stats.allocated", &allocated, &size, nullptr, 0);
  return static_cast<double>(allocated);
#else
  const auto heap = mallinfo2();
  return static_cast<double>(heap.uordblks + heap.hblkhd);
#endif
}

result<benchmark_case> measure(std::size_t gpus, std::uint64_t seed) {
  const auto empty = heap_bytes();
  busy_cluster busy{nodes, seed, gpus};
  const auto with_nodes = heap_bytes();
  case_timer timer{fmt::format("{} nodes of {} GPUs", nodes, gpus)};
  timer.begin_run();
  if (auto ok = busy.fill(); !ok)
    return ok.failure();
  timer.end_run(busy.book().size());
  const auto full = heap_bytes();
  if (auto ok = busy.book().check_invariants(); !ok)
    return ok.failure();
  const auto& book = busy.book();
  const auto per_node = [](auto amount) {
    return static_cast<double>(amount) / static_cast<double>(nodes);
  };
  const auto per_task = [&book](auto amount) {
    return static_cast<double>(amount) / static_cast<double>(book.size());
  };
  const auto index = busy.policy().cache_bytes();
  auto out = timer.finish();
  out.more = {{"live_tasks", static_cast<double>(book.size())},
              {"hot_bytes_per_node", per_node(book.nodes().hot_bytes())},
              {"index_bytes_per_node", per_node(index)},
              {"hot_bytes_per_task", per_task(book.hot_bytes())},
              {"cold_bytes_per_task", per_task(book.cold_bytes())},
              {"heap_bytes_per_node", per_node(with_nodes - empty)},
              {"heap_bytes_per_task",
               per_task(full - with_nodes - static_cast<double>(index))}};
  return out;
}

} // namespace

result<> run_memory_bench(const benchmark_options& options,
                          const report_case& report) {
  for (const std::size_t gpus : {0, 8}) {
    const auto measured = measure(gpus, options.seed);
    if (!measured)
      return measured.failure();
    report(*measured);
  }
  return done{};
}

} // namespace skerry
