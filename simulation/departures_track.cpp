#include "simulation/departures_track.hpp"

#include "scheduling/rng.hpp"
#include "simulation/openb_track.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <tuple>

namespace skerry {
namespace {

constexpr std::int64_t shortest_run_seconds = 1;
constexpr std::int64_t longest_run_seconds = 86'400;
constexpr std::int64_t longest_seconds = std::int64_t{30} * 86'400;
constexpr double highest_load = 10;

/// Streams of one seed; `random` draws from the seed itself.
constexpr std::uint64_t arrivals_stream = 0x9e3779b97f4a7c15;
constexpr std::uint64_t nodes_stream = 0xd1b54a32d192ed03;
constexpr std::uint64_t residents_stream = 0x8cb92ba72f3d8dd7;

/// Every n-th node of the list sorted by hardware, so that the part is like the
/// whole; then shuffled, for the first wins among equals.
std::vector<node_spec> choose_nodes(std::span<const openb_node> nodes,
                                    int divisor, rng& random) {
  std::vector<const openb_node*> sorted;
  for (const auto& node : nodes)
    sorted.push_back(&node);
  std::ranges::stable_sort(sorted, {}, [](const openb_node* node) {
    return std::tie(node->model, node->gpus, node->cpu_milli);
  });
  std::vector<node_spec> chosen;
  for (std::size_t i = 0; i < sorted.size();
       i += static_cast<std::size_t>(divisor))
    chosen.push_back(node_spec_of(*sorted[i]));
  for (auto left = chosen.size(); left > 1; --left)
    std::swap(chosen[left - 1], chosen[random.below(left)]);
  return chosen;
}

struct pool_entry {
  std::uint32_t profile = 0;
  std::int64_t run_seconds = 0;
  std::int64_t gpu_milli = 0; ///< All devices together.
};

/// Collects the pairs, with equal shapes as one profile.
class pool_builder {
public:
  result<> add_nodes(std::span<const node_spec> nodes) {
    for (const auto& node : nodes)
      if (auto ok = empty_.add_node(node); !ok)
        return ok.failure();
    return done{};
  }

  result<> add(const openb_pod& pod, departures_workload& to) {
    if (pod.scheduled_seconds < 0 || pod.deletion_seconds < 0) {
      ++to.never_ran;
      return done{};
    }
    auto shape = task_shape_of(pod);
    const auto id = empty_.intern(shape);
    if (!id)
      return id.failure();
    if (!empty_.can_ever_fit(empty_.shape(*id))) {
      ++to.never_fit;
      return done{};
    }
    if (index_of(*id) >= profile_of_shape_.size())
      profile_of_shape_.resize(index_of(*id) + 1, no_profile);
    auto& profile = profile_of_shape_[index_of(*id)];
    if (profile == no_profile) {
      profile = static_cast<std::uint32_t>(to.queue.profiles.size());
      to.queue.profiles.push_back(
          {{.shape = shape}, static_cast<std::uint32_t>(class_of(pod))});
    }
    const auto run = std::clamp(pod.deletion_seconds - pod.scheduled_seconds,
                                shortest_run_seconds, longest_run_seconds);
    const auto gpu_milli = std::int64_t{pod.num_gpu} * pod.gpu_milli;
    entries.push_back({profile, run, gpu_milli});
    gpu_milli_seconds += run * gpu_milli;
    to.queue.history.push_back(std::move(shape));
    return done{};
  }

  std::vector<pool_entry> entries;
  std::int64_t gpu_milli_seconds = 0;

private:
  static constexpr auto no_profile = ~std::uint32_t{0};

  cluster empty_; ///< Says what fits. References are kept: ids stay.
  std::vector<std::uint32_t> profile_of_shape_;
};

/// @param gpu_milli What residents ask for together, or just above.
/// @pre The pool asks for GPUs.
result<> draw_residents(std::span<const pool_entry> pool, double gpu_milli,
                        queueing_workload& into, rng& random) {
  std::vector<std::uint64_t> seconds_up_to; // Running sum.
  std::uint64_t seconds = 0;
  double gpu_milli_seconds = 0;
  for (const auto& entry : pool) {
    seconds_up_to.push_back(seconds
                            += static_cast<std::uint64_t>(entry.run_seconds));
    gpu_milli_seconds += static_cast<double>(entry.run_seconds)
                         * static_cast<double>(entry.gpu_milli);
  }
  // One entry in a million may be all that asks for a GPU.
  const auto expected
      = gpu_milli / gpu_milli_seconds * static_cast<double>(seconds);
  if (expected > static_cast<double>(max_arrivals))
    return {error_code::invalid_argument,
            fmt::format("residents that fill the GPUs are more than {}, some "
                        "{:.0f}: start empty, or lower the load",
                        max_arrivals, expected)};
  std::int64_t asked = 0;
  while (static_cast<double>(asked) < gpu_milli) {
    const auto found
        = std::ranges::upper_bound(seconds_up_to, random.below(seconds));
    const auto& entry
        = pool[static_cast<std::size_t>(found - seconds_up_to.begin())];
    const auto left
        = random.below(static_cast<std::uint64_t>(entry.run_seconds) * 1000);
    into.arrivals.push_back(
        {0, static_cast<std::int64_t>(left) + 1, entry.profile});
    asked += entry.gpu_milli;
  }
  return done{};
}

result<> draw_arrivals(std::span<const pool_entry> pool, double per_second,
                       queueing_workload& into, rng& random) {
  const auto end = into.end_milliseconds;
  if (per_second * static_cast<double>(end) / 1000
      > static_cast<double>(max_arrivals))
    return {error_code::invalid_argument,
            fmt::format("{:.1f} arrivals a second are more than {} in all: "
                        "lower the load or the time",
                        per_second, max_arrivals)};
  double seconds = 0;
  while (true) {
    seconds += random.exponential(1 / per_second);
    const auto time = static_cast<std::int64_t>(std::floor(seconds * 1000));
    if (time >= end)
      return done{};
    const auto& drawn = pool[random.below(pool.size())];
    into.arrivals.push_back({time, drawn.run_seconds * 1000, drawn.profile});
  }
}

} // namespace

result<> validate(const departures_options& options) {
  std::string faults;
  const auto want = [&faults](bool holds, std::string_view fault) {
    if (!holds)
      fmt::format_to(std::back_inserter(faults), "{}{}",
                     faults.empty() ? "" : "; ", fault);
  };
  want(options.offered_load > 0 && options.offered_load <= highest_load,
       fmt::format("the offered load is {} (want above 0, at most {})",
                   options.offered_load, highest_load));
  want(options.cluster_divisor >= 1,
       fmt::format("the cluster is every {}th node (want 1 or more)",
                   options.cluster_divisor));
  want(options.warm_up_seconds >= 0
           && options.warm_up_seconds <= longest_seconds,
       fmt::format("the warm-up takes {} s (want 0 to {})",
                   options.warm_up_seconds, longest_seconds));
  want(options.measured_seconds >= 1
           && options.measured_seconds <= longest_seconds,
       fmt::format("the time measured is {} s (want 1 to {})",
                   options.measured_seconds, longest_seconds));
  if (faults.empty())
    return done{};
  return {error_code::invalid_argument, std::move(faults)};
}

task_class class_of(const openb_pod& pod) {
  if (pod.num_gpu == 0)
    return task_class::cpu_only;
  if (pod.num_gpu > 1)
    return task_class::several_gpus;
  return task_shape_of(pod).devices.front().share_milli > 0
             ? task_class::sharing
             : task_class::one_gpu;
}

result<departures_workload>
make_departures_workload(std::span<const openb_node> nodes,
                         std::span<const openb_pod> pods, std::uint64_t seed,
                         const departures_options& options) {
  if (auto ok = validate(options); !ok)
    return ok.failure();
  departures_workload out;
  auto& queue = out.queue;
  queue.classes = task_classes;
  queue.measured_from_milliseconds = options.warm_up_seconds * 1000;
  queue.end_milliseconds
      = (options.warm_up_seconds + options.measured_seconds) * 1000;

  rng for_nodes{seed ^ nodes_stream};
  queue.nodes = choose_nodes(nodes, options.cluster_divisor, for_nodes);
  pool_builder pool;
  if (auto ok = pool.add_nodes(queue.nodes); !ok)
    return ok.failure();
  for (const auto& pod : pods)
    if (auto ok = pool.add(pod, out); !ok)
      return ok.failure();
  if (pool.entries.empty())
    return {error_code::invalid_argument,
            fmt::format("no pod to draw: of {}, {} have no scheduled_time and "
                        "deletion_time, and {} fit no node",
                        pods.size(), out.never_ran, out.never_fit)};
  const auto capacity_milli = metered_of(queue.nodes)[index_of(metered::gpu)];
  if (capacity_milli == 0 || pool.gpu_milli_seconds == 0)
    return {error_code::invalid_argument,
            fmt::format("the load is relative to GPUs, but {} nodes have {} "
                        "and {} pods that ran and fit ask for {} GPU-seconds",
                        queue.nodes.size(), capacity_milli / 1000,
                        pool.entries.size(), pool.gpu_milli_seconds / 1000)};
  out.pool = pool.entries.size();
  out.mean_gpu_seconds = static_cast<double>(pool.gpu_milli_seconds) / 1000
                         / static_cast<double>(out.pool);
  const auto per_second = options.offered_load
                          * static_cast<double>(capacity_milli) / 1000
                          / out.mean_gpu_seconds;
  if (options.start == departures_start::residents) {
    rng for_residents{seed ^ residents_stream};
    const auto gpu_milli = std::min(options.offered_load, 1.0)
                           * static_cast<double>(capacity_milli);
    if (auto ok = draw_residents(pool.entries, gpu_milli, queue, for_residents);
        !ok)
      return ok.failure();
    out.residents = queue.arrivals.size();
  }
  rng for_arrivals{seed ^ arrivals_stream};
  if (auto ok = draw_arrivals(pool.entries, per_second, queue, for_arrivals);
      !ok)
    return ok.failure();
  return out;
}

result<departures_report>
run_departures_track(const departures_workload& workload,
                     const policy_choice& policy, std::uint64_t seed,
                     placement_search search, clock_ns now,
                     experience_tap* tap) {
  auto run = run_queueing_cluster(workload.queue, policy, seed, search,
                                  std::move(now), tap);
  if (!run)
    return run.failure();
  constexpr auto gpu = index_of(metered::gpu);
  const auto capacity = static_cast<double>(run->capacity[gpu]);
  departures_report out{
      .allocated_gpu_percent = run->all.mean_allocated[gpu] / capacity * 100,
      .pending_gpu_percent = run->all.mean_pending[gpu] / capacity * 100,
      .classes = {},
      .all = run->all,
      .nodes = workload.queue.nodes.size(),
      .gpu_capacity_milli = run->capacity[gpu],
      .residents = workload.residents,
      .pool = workload.pool,
      .never_ran = workload.never_ran,
      .never_fit = workload.never_fit,
      .outcomes = std::move(run->outcomes),
      .decision_times = run->decision_times};
  std::ranges::copy(run->classes, out.classes.begin());
  return out;
}

result<departures_report> run_departures_track(
    std::span<const openb_node> nodes, std::span<const openb_pod> pods,
    const policy_choice& policy, std::uint64_t seed,
    const departures_options& options, placement_search search, clock_ns now) {
  const auto workload = make_departures_workload(nodes, pods, seed, options);
  if (!workload)
    return workload.failure();
  return run_departures_track(*workload, policy, seed, search, std::move(now));
}

} // namespace skerry
