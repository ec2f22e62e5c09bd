#include "benchmarks/measure.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace skerry {

namespace {

double seconds_of(clockid_t which) {
  timespec now{};
  clock_gettime(which, &now);
  return static_cast<double>(now.tv_sec)
         + static_cast<double>(now.tv_nsec) * 1e-9;
}

} // namespace

double thread_cpu_seconds() {
  return seconds_of(CLOCK_THREAD_CPUTIME_ID);
}

double process_cpu_seconds() {
  return seconds_of(CLOCK_PROCESS_CPUTIME_ID);
}

result<std::string> free_loopback_address() {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* raw = reinterpret_cast<sockaddr*>(&address);
  const bool bound = socket >= 0 && ::bind(socket, raw, size) == 0
                     && ::getsockname(socket, raw, &size) == 0;
  ::close(socket);
  if (!bound)
    return error{error_code::io_failed, "no port is free"};
  return fmt::format("127.0.0.1:{}", ntohs(address.sin_port));
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
