#include "simulation/synthetic_track.hpp"

#include <algorithm>

namespace skerry {

result<synthetic_report> run_synthetic_track(const synthetic_workload& workload,
                                             const policy_choice& policy,
                                             std::uint64_t seed,
                                             placement_search search,
                                             clock_ns now,
                                             experience_tap* tap) {
  auto run = run_queueing_cluster(workload.queue, policy, seed, search,
                                  std::move(now), tap);
  if (!run)
    return run.failure();
  synthetic_report out;
  for (std::size_t r = 0; r < metered_kinds; ++r) {
    if (run->capacity[r] == 0)
      continue;
    const auto capacity = static_cast<double>(run->capacity[r]);
    out.utilisation[r] = run->all.mean_allocated[r] / capacity;
    out.pending[r] = run->all.mean_pending[r] / capacity;
  }
  std::ranges::copy(run->classes, out.classes.begin());
  out.all = run->all;
  out.capacity = run->capacity;
  out.outcomes = std::move(run->outcomes);
  out.decision_times = run->decision_times;
  return out;
}

result<synthetic_report> run_synthetic_track(const synthetic_options& options,
                                             const policy_choice& policy,
                                             std::uint64_t seed,
                                             placement_search search,
                                             clock_ns now) {
  const auto workload = generate_synthetic(options, seed);
  if (!workload)
    return workload.failure();
  return run_synthetic_track(*workload, policy, seed, search, std::move(now));
}

} // namespace skerry
