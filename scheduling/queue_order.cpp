#include "scheduling/queue_order.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <tuple>

namespace skerry {
namespace {

constexpr std::array orders{queue_order::fcfs,   queue_order::sjf,
                            queue_order::f1,     queue_order::wfp3,
                            queue_order::unicep, queue_order::las,
                            queue_order::saf,    queue_order::sqrt_area};

double log10_of_seconds(std::int64_t seconds) {
  return std::log10(seconds > 0 ? static_cast<double>(seconds) : 0.1);
}

/// Waiting time as a multiple of the requested time.
double relative_wait(const queued_job& job, std::int64_t now_seconds) {
  const auto wait = static_cast<double>(now_seconds - job.submit_seconds);
  return wait
         / static_cast<double>(
             std::max<std::int64_t>(job.requested_seconds, 1));
}

/// A serial job has log2(1) = 0. Like the published code we divide by a tiny
/// number instead: serial jobs that have waited go before all parallel ones,
/// and among themselves by their relative wait.
double width_of(const queued_job& job) {
  constexpr double tiny = 1e-15;
  return std::max(std::log2(static_cast<double>(job.processors)), tiny);
}

} // namespace

double priority(queue_order order, const queued_job& job,
                std::int64_t now_seconds) {
  const auto processors = static_cast<double>(job.processors);
  switch (order) {
  case queue_order::fcfs:
    return static_cast<double>(job.submit_seconds);
  case queue_order::sjf:
    return static_cast<double>(job.requested_seconds);
  case queue_order::f1:
    return log10_of_seconds(job.requested_seconds) * processors
           + 870 * log10_of_seconds(job.submit_seconds);
  case queue_order::wfp3: {
    const auto wait = relative_wait(job, now_seconds);
    return -(wait * wait * wait) * processors;
  }
  case queue_order::unicep:
    return -relative_wait(job, now_seconds) / width_of(job);
  case queue_order::las:
    return job.attained_processor_seconds;
  case queue_order::saf:
    return static_cast<double>(job.requested_seconds) * processors;
  case queue_order::sqrt_area:
    return static_cast<double>(job.requested_seconds) * std::sqrt(processors);
  }
  SKERRY_ASSERT(!"a known queue order");
  return 0;
}

bool changes_with_time(queue_order order) {
  return order == queue_order::wfp3 || order == queue_order::unicep;
}

bool submitted_before(const queued_job& a, const queued_job& b) {
  return std::tie(a.submit_seconds, a.number)
         < std::tie(b.submit_seconds, b.number);
}

std::span<const queue_order> all_queue_orders() {
  return orders;
}

std::string_view to_string(queue_order order) {
  switch (order) {
  case queue_order::fcfs:
    return "fcfs";
  case queue_order::sjf:
    return "sjf";
  case queue_order::f1:
    return "f1";
  case queue_order::wfp3:
    return "wfp3";
  case queue_order::unicep:
    return "unicep";
  case queue_order::las:
    return "las";
  case queue_order::saf:
    return "saf";
  case queue_order::sqrt_area:
    return "sqrt-area";
  }
  SKERRY_ASSERT(!"a known queue order");
  return "";
}

result<queue_order> find_queue_order(std::string_view name) {
  std::string known;
  for (const auto order : orders) {
    if (to_string(order) == name)
      return order;
    known += fmt::format("{}{}", known.empty() ? "" : ", ", to_string(order));
  }
  return {
      error_code::invalid_argument,
      fmt::format("no queue order is called \"{}\" (known: {})", name, known)};
}

} // namespace skerry
