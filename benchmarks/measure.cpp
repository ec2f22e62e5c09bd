#include "benchmarks/measure.hpp"

#include <algorithm>
#include <ctime>

namespace skerry {

double thread_cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec)
         + static_cast<double>(now.tv_nsec) * 1e-9;
}

case_timer::case_timer(std::string name) : name_{std::move(name)} {}

bool case_timer::more(double seconds) const {
  return wall_seconds_ < seconds;
}

void case_timer::begin_run() {
  cpu_run_started_ = thread_cpu_seconds();
  run_started_ = clock::now();
}

void case_timer::end_run(std::uint64_t operations) {
  const std::chrono::duration<double> took = clock::now() - run_started_;
  cpu_seconds_ += thread_cpu_seconds() - cpu_run_started_;
  wall_seconds_ += took.count();
  operations_ += operations;
  us_per_operation_.push_back(took.count() * 1e6
                              / static_cast<double>(operations));
}

benchmark_case case_timer::finish() const {
  auto sorted = us_per_operation_;
  std::ranges::sort(sorted);
  const auto quantile = [&sorted](double q) {
    const auto rank = q * static_cast<double>(sorted.size() - 1);
    return sorted[static_cast<std::size_t>(rank)];
  };
  return {.name = name_,
          .per_second = static_cast<double>(operations_) / cpu_seconds_,
          .p50_us = quantile(0.50),
          .p99_us = quantile(0.99),
          .cpu_seconds = cpu_seconds_};
}

} // namespace skerry
