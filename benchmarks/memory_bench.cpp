#include "benchmarks/benchmarks.hpp"
#include "benchmarks/busy_cluster.hpp"
#include "benchmarks/measure.hpp"

#include <malloc.h>

namespace skerry {
namespace {

constexpr std::size_t nodes = 100'000;
constexpr std::size_t tasks = 1'000'000;

/// What the program has allocated and not freed.
double heap_bytes() {
  const auto heap = mallinfo2();
  return static_cast<double>(heap.uordblks + heap.hblkhd);
}

} // namespace

result<> run_memory_bench(const benchmark_options& options,
                          const report_case& report) {
  const auto empty = heap_bytes();
  busy_cluster busy{nodes, options.seed};
  const auto with_nodes = heap_bytes();
  case_timer timer{"nodes=100000,tasks=1000000"};
  timer.begin_run();
  if (auto ok = busy.fill(); !ok)
    return ok;
  if (auto ok = busy.add_small_tasks(tasks); !ok)
    return ok;
  timer.end_run(busy.book().size());
  const auto full = heap_bytes();
  if (auto ok = busy.book().check_invariants(); !ok)
    return ok;
  const auto& book = busy.book();
  const auto per_node = [](auto amount) {
    return static_cast<double>(amount) / static_cast<double>(nodes);
  };
  const auto per_task = [&book](auto amount) {
    return static_cast<double>(amount) / static_cast<double>(book.size());
  };
  auto out = timer.finish();
  const auto index = busy.policy().cache_bytes();
  out.more = {{"live_tasks", static_cast<double>(book.size())},
              {"hot_bytes_per_node", per_node(book.nodes().hot_bytes())},
              {"index_bytes_per_node", per_node(index)},
              {"hot_bytes_per_task", per_task(book.hot_bytes())},
              {"cold_bytes_per_task", per_task(book.cold_bytes())},
              {"heap_bytes_per_node", per_node(with_nodes - empty)},
              {"heap_bytes_per_task",
               per_task(full - with_nodes - static_cast<double>(index))}};
  report(out);
  return done{};
}

} // namespace skerry
