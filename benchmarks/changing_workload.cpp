#include "benchmarks/changing_workload.hpp"

#include "simulation/synthetic.hpp"

#include <algorithm>

namespace skerry {
namespace {

constexpr std::int64_t nodes = 48;

synthetic_options options_of(std::size_t phase) {
  synthetic_options out{.nodes = nodes, .hours = 8, .warm_up_hours = 0};
  out.impossible_share = 0; // Nothing to learn of it.
  auto& shares = out.task_shares;
  const auto scale = [&](workload_class of, double by) {
    shares[static_cast<std::size_t>(of)] *= by;
  };
  out.load = 1.05;
  if (phase == 1) {
    scale(workload_class::training, 3);
    scale(workload_class::inference, 0.5);
    out.load = 1.15;
  } else if (phase == 2) {
    scale(workload_class::training, 0.4);
    scale(workload_class::inference, 4);
    scale(workload_class::memory, 2);
    out.load = 1.1;
  }
  return out;
}

pressure asked_by(const queueing_workload& of) {
  std::array<double, metered_kinds> wanted{};
  for (const auto& arrival : of.arrivals) {
    const auto amounts = metered_of(of.profiles[arrival.profile].profile.shape);
    for (std::size_t kind = 0; kind < metered_kinds; ++kind)
      wanted[kind] += static_cast<double>(amounts[kind])
                      * static_cast<double>(arrival.run_milliseconds)
                      / changing_workload::phase_milliseconds;
  }
  return {wanted, metered_of(of.nodes)};
}

} // namespace

result<changing_workload> make_changing_workload(std::uint64_t seed) {
  changing_workload out;
  for (std::size_t phase = 0; phase < changing_workload::phases; ++phase) {
    // The same nodes in the same order: they follow from the seed alone.
    auto made = generate_synthetic(options_of(phase), seed);
    if (!made)
      return made.failure();
    out.asked[phase] = asked_by(made->queue);
    const auto offset = static_cast<std::int64_t>(phase)
                        * changing_workload::phase_milliseconds;
    if (phase == 0) {
      out.queue = std::move(made->queue);
      continue;
    }
    for (auto arrival : made->queue.arrivals) {
      arrival.time_milliseconds += offset;
      out.queue.arrivals.push_back(arrival); // Profiles are the same.
    }
  }
  out.queue.measured_from_milliseconds = 0;
  out.queue.end_milliseconds
      = static_cast<std::int64_t>(changing_workload::phases)
        * changing_workload::phase_milliseconds;
  return out;
}

double allocated_percent(const queueing_workload& of,
                         const std::vector<task_outcome>& outcomes,
                         const pressure& asked, std::int64_t from_milliseconds,
                         std::int64_t until_milliseconds) {
  std::array<double, metered_kinds> sums{};
  for (std::size_t task = 0; task < outcomes.size(); ++task) {
    const auto start = outcomes[task].start_milliseconds;
    if (start < 0)
      continue;
    const auto& arrival = of.arrivals[task];
    const auto from = std::max(start, from_milliseconds);
    const auto until
        = std::min(start + arrival.run_milliseconds, until_milliseconds);
    if (until <= from)
      continue;
    const auto amounts = metered_of(of.profiles[arrival.profile].profile.shape);
    for (std::size_t kind = 0; kind < metered_kinds; ++kind)
      sums[kind]
          += static_cast<double>(until - from)
             / static_cast<double>(until_milliseconds - from_milliseconds)
             * static_cast<double>(amounts[kind]);
  }
  return 100 * asked.share_of(sums, metered_of(of.nodes));
}

double mean_wait_seconds(const queueing_workload& of,
                         const std::vector<task_outcome>& outcomes,
                         std::int64_t from_milliseconds,
                         std::int64_t until_milliseconds) {
  double sum = 0;
  double count = 0;
  for (std::size_t task = 0; task < outcomes.size(); ++task) {
    const auto came = of.arrivals[task].time_milliseconds;
    if (came < from_milliseconds || came >= until_milliseconds)
      continue;
    const auto start = outcomes[task].start_milliseconds;
    sum += static_cast<double>((start < 0 ? of.end_milliseconds : start) - came)
           / 1000;
    ++count;
  }
  return count > 0 ? sum / count : 0;
}

} // namespace skerry
