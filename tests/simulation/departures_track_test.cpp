#include "simulation/departures_track.hpp"

#include <algorithm>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include <doctest/doctest.h>

using namespace skerry;

namespace {

openb_node node(std::string name, std::string model, std::int32_t gpus,
                std::int64_t cpu_milli = 32'000) {
  return {std::move(name), cpu_milli, 65'536, gpus, std::move(model)};
}

openb_pod pod(std::int32_t gpus, std::int32_t gpu_milli,
              std::int64_t run_seconds) {
  return {.name = "p",
          .cpu_milli = 1000,
          .memory_mib = 1024,
          .num_gpu = gpus,
          .gpu_milli = gpu_milli,
          .creation_seconds = 0,
          .deletion_seconds = 100 + run_seconds,
          .scheduled_seconds = 100};
}

const std::vector<openb_node> six_nodes{
    node("d", "B", 4), node("e", "B", 4), node("a", "A", 2),
    node("b", "A", 2), node("c", "A", 2), node("f", "B", 4, 16'000)};

std::vector<openb_pod> mixed_pods() {
  return {pod(0, 0, 600), pod(1, 500, 600), pod(1, 1000, 1200),
          pod(2, 1000, 900), pod(4, 1000, 300)};
}

departures_workload workload_of(const std::vector<openb_pod>& pods,
                                const departures_options& options,
                                std::uint64_t seed = 1) {
  return make_departures_workload(six_nodes, pods, seed, options).value();
}

std::multiset<std::string> names_of(const departures_workload& workload) {
  std::multiset<std::string> names;
  for (const auto& each : workload.queue.nodes)
    names.insert(each.name);
  return names;
}

} // namespace

TEST_SUITE_BEGIN("simulation/departures_track");

TEST_CASE("the cluster is every n-th node by model, devices and CPU") {
  // Sorted: a b c (A, 2 GPUs), then of B with 4 f with the smaller CPU, d, e.
  departures_options options{.cluster_divisor = 1};
  const auto pods = mixed_pods();
  CHECK(names_of(workload_of(pods, options)).size() == 6);
  options.cluster_divisor = 2;
  CHECK(names_of(workload_of(pods, options))
        == std::multiset<std::string>{"a", "c", "d"});
  options.cluster_divisor = 3;
  CHECK(names_of(workload_of(pods, options))
        == std::multiset<std::string>{"a", "f"});
}

TEST_CASE("run times are at least a second and at most a day") {
  const std::vector pods{pod(1, 1000, 0), pod(1, 1000, 200'000),
                         pod(1, 1000, 60)};
  const auto workload = workload_of(pods, {.offered_load = 10,
                                           .warm_up_seconds = 0,
                                           .measured_seconds = 2'000'000,
                                           .start = departures_start::empty});
  CHECK(workload.pool == 3);
  // (1 + 86 400 + 60) / 3
  CHECK(workload.mean_gpu_seconds == doctest::Approx(28'820.333));
  std::set<std::int64_t> runs;
  for (const auto& arrival : workload.queue.arrivals)
    runs.insert(arrival.run_milliseconds);
  CHECK(runs == std::set<std::int64_t>{1000, 60'000, 86'400'000});
}

TEST_CASE("pods that never ran, or never could here, are left out") {
  auto pods = mixed_pods();
  pods.push_back(pod(8, 1000, 100)); // No node has eight.
  auto never_ran = pod(1, 1000, 100);
  never_ran.scheduled_seconds = -1;
  pods.push_back(never_ran);
  const auto workload = workload_of(pods, {});
  CHECK(workload.pool == 5);
  CHECK(workload.never_fit == 1);
  CHECK(workload.never_ran == 1);
}

TEST_CASE("arrivals offer the load") {
  // GPU-seconds 0, 300, 1200, 1800, 1200: a mean of 900. 18 GPUs at half load
  // are 0.01 arrivals a second: 10 000 in a million seconds, +- 300 (3 sigma).
  const auto workload
      = workload_of(mixed_pods(), {.offered_load = 0.5,
                                   .cluster_divisor = 1,
                                   .warm_up_seconds = 0,
                                   .measured_seconds = 1'000'000,
                                   .start = departures_start::empty});
  CHECK(workload.mean_gpu_seconds == doctest::Approx(900));
  CHECK(workload.residents == 0);
  CHECK(workload.queue.arrivals.size() > 9700);
  CHECK(workload.queue.arrivals.size() < 10'300);
  CHECK(std::ranges::is_sorted(workload.queue.arrivals, {},
                               &queueing_arrival::time_milliseconds));
}

TEST_CASE("residents ask for the offered load and come at once") {
  const auto workload
      = workload_of(mixed_pods(), {.offered_load = 0.5, .cluster_divisor = 1});
  REQUIRE(workload.residents > 0);
  std::int64_t gpu_milli = 0;
  for (std::size_t i = 0; i < workload.residents; ++i) {
    const auto& arrival = workload.queue.arrivals[i];
    CHECK(arrival.time_milliseconds == 0);
    CHECK(arrival.run_milliseconds >= 1);
    CHECK(arrival.run_milliseconds <= 1'200'000);
    gpu_milli += metered_of(workload.queue.profiles[arrival.profile]
                                .profile.shape)[index_of(metered::gpu)];
  }
  // 9 of 18 GPUs; the last asks for at most 4.
  CHECK(gpu_milli >= 9000);
  CHECK(gpu_milli < 13'000);
  CHECK(workload.queue.arrivals[workload.residents].time_milliseconds > 0);
}

TEST_CASE("a seed gives one workload, another gives another") {
  const auto first = workload_of(mixed_pods(), {}, 1);
  const auto again = workload_of(mixed_pods(), {}, 1);
  const auto other = workload_of(mixed_pods(), {}, 2);
  CHECK(first.queue.arrivals == again.queue.arrivals);
  CHECK(first.queue.nodes.front().name == again.queue.nodes.front().name);
  CHECK(first.queue.arrivals != other.queue.arrivals);
}

TEST_CASE("a run is the same twice, to the byte") {
  const departures_options options{.cluster_divisor = 1};
  const auto pods = mixed_pods();
  const auto run = [&](std::string_view policy) {
    return run_departures_track(six_nodes, pods, policy, 3, options,
                                placement_search::index, {})
        .value();
  };
  for (const std::string_view policy : {"random", "fgd"}) {
    const auto first = run(policy);
    const auto again = run(policy);
    CHECK(first.outcomes == again.outcomes);
    CHECK(first.all == again.all);
    CHECK(first.classes == again.classes);
    CHECK(first.allocated_gpu_percent > 50);
    CHECK(first.all.submitted == first.outcomes.size());
    CHECK(first.all.refused == 0);
  }
}

TEST_CASE("the report counts by class and relative to the capacity") {
  // One kind of pod on one node of 2 GPUs, far apart: each takes both GPUs for
  // 100 s. All that is allocated is what started, 100 s each.
  const std::vector nodes{node("a", "A", 2)};
  const std::vector pods{pod(2, 1000, 100)};
  const auto report = run_departures_track(nodes, pods, "first-fit", 1,
                                           {.offered_load = 0.2,
                                            .cluster_divisor = 1,
                                            .warm_up_seconds = 0,
                                            .measured_seconds = 100'000,
                                            .start = departures_start::empty},
                                           placement_search::index, {});
  REQUIRE(report);
  const auto& several
      = report->classes[static_cast<std::size_t>(task_class::several_gpus)];
  CHECK(several.submitted == report->all.submitted);
  CHECK(several.submitted > 100);
  // At most one is cut off by the end: 0.1 % of the time.
  CHECK(report->allocated_gpu_percent
        == doctest::Approx(static_cast<double>(several.started) / 10)
               .epsilon(0.01));
  // Little's law: pending % = 100 * rate * wait, if none is left at the end.
  CHECK(report->pending_gpu_percent
        == doctest::Approx(static_cast<double>(several.submitted) / 1000
                           * several.wait_seconds.mean));
  CHECK(report->gpu_capacity_milli == 2000);
}

TEST_CASE("classes go by GPUs") {
  CHECK(class_of(pod(0, 0, 1)) == task_class::cpu_only);
  CHECK(class_of(pod(1, 999, 1)) == task_class::sharing);
  CHECK(class_of(pod(1, 1000, 1)) == task_class::one_gpu);
  CHECK(class_of(pod(2, 1000, 1)) == task_class::several_gpus);
}

TEST_CASE("every fault of the options is named at once") {
  const auto ok = validate(departures_options{
      .offered_load = std::numeric_limits<double>::quiet_NaN(),
      .cluster_divisor = 0,
      .warm_up_seconds = -1,
      .measured_seconds = 0});
  REQUIRE(!ok);
  CHECK(ok.failure().code == error_code::invalid_argument);
  CHECK(ok.failure().message
        == "the offered load is nan (want above 0, at most 10); the cluster is "
           "every 0th node (want 1 or more); the warm-up takes -1 s (want 0 to "
           "2592000); the time measured is 0 s (want 1 to 2592000)");
  CHECK(validate(departures_options{}));
}

TEST_CASE("without GPUs there is no load to offer") {
  const auto code_of = [](const auto& nodes, const auto& pods,
                          std::string_view policy = "fgd") {
    return run_departures_track(nodes, pods, policy, 1, {},
                                placement_search::index, {})
        .failure()
        .code;
  };
  const std::vector<openb_node> none;
  CHECK(code_of(none, mixed_pods()) == error_code::invalid_argument);
  CHECK(code_of(six_nodes, std::vector<openb_pod>{})
        == error_code::invalid_argument);
  CHECK(code_of(six_nodes, std::vector{pod(0, 0, 10)})
        == error_code::invalid_argument);
  CHECK(code_of(six_nodes, mixed_pods(), "none")
        == error_code::invalid_argument);
}

TEST_CASE("a list without times says so") {
  // As the multi-GPU lists of openb.
  auto untimed = pod(1, 1000, 10);
  untimed.scheduled_seconds = untimed.deletion_seconds = -1;
  const std::vector pods{untimed, pod(8, 1000, 10)};
  CHECK(make_departures_workload(six_nodes, pods, 1, {}).failure().message
        == "no pod to draw: of 2, 1 have no scheduled_time and deletion_time, "
           "and 1 fit no node");
}

TEST_CASE("a load of too many arrivals is refused before it fills memory") {
  const std::vector pods{pod(1, 1, 1)}; // A thousandth of a GPU-second.
  const auto workload = make_departures_workload(
      six_nodes, pods, 1, {.offered_load = 10, .measured_seconds = 2'592'000});
  REQUIRE(!workload);
  CHECK(workload.failure().code == error_code::invalid_argument);
}

TEST_CASE("too many residents are refused before they fill memory") {
  // One in 86 401 asks for a thousandth of a GPU, of 6: 520 million are needed.
  const std::vector pods{pod(0, 0, 86'400), pod(1, 1, 1)};
  const auto workload = make_departures_workload(six_nodes, pods, 1, {});
  REQUIRE(!workload);
  CHECK(workload.failure().code == error_code::invalid_argument);
  CHECK(workload.failure().message.find("residents") != std::string::npos);
}

TEST_SUITE_END();
