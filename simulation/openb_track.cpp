#include "simulation/openb_track.hpp"

#include "scheduling/ledger.hpp"
#include "simulation/device_list.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <numeric>

namespace skerry {
namespace {

constexpr std::uint32_t max_pods_per_node = 1001;

/// Registers the nodes in tie order, since the smaller index wins.
/// @returns For each node index its position in the workload.
result<std::vector<std::uint32_t>> register_nodes(const openb_workload& from,
                                                  ledger& into) {
  std::vector<std::uint32_t> order(from.nodes.size());
  std::iota(order.begin(), order.end(), 0U);
  std::ranges::sort(order, {}, [&from](auto n) { return from.tie_order[n]; });
  for (const auto n : order)
    if (auto ok = into.register_node(node_spec_of(from.nodes[n]), 1); !ok)
      return ok.failure();
  return order;
}

/// One decision through the ledger.
/// @returns Nothing when the pod fits nowhere and is dropped.
result<std::optional<placement>>
place_or_drop(ledger& book, placement_policy& policy, std::string_view id,
              profile_id profile, std::int64_t now_milliseconds,
              experience_tap* tap) {
  using outcome = std::optional<placement>;
  const auto task = book.submit(id, profile);
  if (!task) {
    if (task.failure().code == error_code::infeasible)
      return outcome{};
    return task.failure();
  }
  const auto chosen = policy.choose(book.profile(profile).shape);
  if (tap != nullptr)
    tap->decided(id, profile, chosen, 0, now_milliseconds);
  if (!chosen) {
    if (auto ok = book.cancel(*task); !ok)
      return ok.failure();
    return outcome{};
  }
  if (auto ok = book.place(*task, chosen->node, chosen->devices); !ok)
    return ok.failure();
  return outcome{chosen};
}

} // namespace

node_spec node_spec_of(const openb_node& node) {
  node_spec out{.name = node.name,
                .capacity
                = {millicores{node.cpu_milli}, bytes{node.memory_mib << 20}},
                .max_tasks = max_pods_per_node};
  out.devices.assign(static_cast<std::size_t>(node.gpus),
                     {.kind = "gpu", .model = node.model});
  return out;
}

task_shape task_shape_of(const openb_pod& pod) {
  task_shape out{.demand
                 = {millicores{pod.cpu_milli}, bytes{pod.memory_mib << 20}}};
  if (pod.num_gpu == 0)
    return out;
  device_request gpus{.count = pod.num_gpu, .models = pod.gpu_models};
  if (pod.num_gpu == 1 && pod.gpu_milli < 1000)
    gpus.share_milli = pod.gpu_milli;
  out.devices.push_back(std::move(gpus));
  return out;
}

result<openb_report> run_openb_track(const openb_workload& workload,
                                     const policy_choice& which,
                                     std::uint64_t seed,
                                     placement_search search, clock_ns now,
                                     experience_tap* tap) {
  ledger book{1};
  auto order = register_nodes(workload, book);
  if (!order)
    return order.failure();
  std::vector<task_shape> shapes;
  std::ranges::transform(workload.pods, std::back_inserter(shapes),
                         task_shape_of);
  auto policy
      = make_policy(which, book.nodes(),
                    {.workload = shapes, .seed = seed, .search = search});
  if (!policy)
    return policy.failure();
  if (tap != nullptr)
    tap->begin(book, which, shapes);
  std::vector<profile_id> profiles;
  for (auto& shape : shapes) {
    auto profile = book.intern({.shape = std::move(shape)});
    if (!profile)
      return profile.failure();
    profiles.push_back(*profile);
  }
  openb_report report;
  report.decisions.resize(workload.arrivals.size());
  load_meter meter{gpu_capacity_milli(workload.nodes)};
  stopwatch watch{std::move(now)};
  watch.start();
  for (std::size_t k = 0; k < workload.arrivals.size(); ++k) {
    const auto pod = workload.arrivals[k];
    watch.begin_lap();
    auto placed
        = place_or_drop(book, **policy, fmt::format("{}", k), profiles[pod],
                        static_cast<std::int64_t>(k) * 1000, tap);
    watch.end_lap();
    if (!placed)
      return placed.failure();
    if (*placed) {
      ++report.placed;
      report.decisions[k]
          = {(*order)[index_of((*placed)->node)], (*placed)->devices};
    } else {
      ++report.failed;
    }
    meter.arrived(gpu_milli_of(workload.pods[pod]), placed->has_value());
  }
  report.decision_times = watch.stop();
  if (tap != nullptr)
    tap->finish();
  report.allocated_gpu_percent = meter.allocated_percent();
  return report;
}

std::string decisions_csv(const openb_workload& workload,
                          const openb_report& report) {
  std::string out = "arrival,pod,node,devices\n";
  for (std::size_t k = 0; k < report.decisions.size(); ++k) {
    const auto& [node, devices] = report.decisions[k];
    fmt::format_to(std::back_inserter(out), "{},{},{},{}\n", k,
                   workload.pods[workload.arrivals[k]].name,
                   node ? workload.nodes[*node].name : "",
                   device_list(devices));
  }
  return out;
}

} // namespace skerry
