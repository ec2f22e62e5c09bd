#include "simulation/synthetic.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <string>

#include <doctest/doctest.h>

using namespace skerry;

namespace {

std::map<std::string, int> kinds_of(const synthetic_workload& workload) {
  std::map<std::string, int> counts;
  for (const auto& node : workload.queue.nodes)
    ++counts[node.labels.front().value];
  return counts;
}

constexpr arrival_options steady{.diurnal = 0, .burst = 1, .drift = 0};

/// Only tasks of one class, on nodes of one kind.
synthetic_options only(node_kind kind, workload_class of) {
  synthetic_options out{.nodes = 10, .arrivals = steady, .impossible_share = 0};
  out.node_shares.fill(0);
  out.node_shares[static_cast<std::size_t>(kind)] = 1;
  out.task_shares.fill(0);
  out.task_shares[static_cast<std::size_t>(of)] = 1;
  return out;
}

} // namespace

TEST_SUITE_BEGIN("simulation/synthetic");

TEST_CASE("nodes come in the shares asked for") {
  const auto workload = generate_synthetic({}, 1);
  REQUIRE(workload);
  CHECK(kinds_of(*workload)
        == std::map<std::string, int>{{"cpu", 70},
                                      {"memory", 16},
                                      {"gpu-large", 30},
                                      {"gpu-small", 30},
                                      {"fpga", 14},
                                      {"edge", 40}});
}

TEST_CASE("shares are relative, and rounded to all the nodes there are") {
  synthetic_options options{.nodes = 5};
  options.node_shares = {2, 1, 0, 0, 0, 1};
  // 2.5, 1.25 and 1.25: the first has the largest remainder.
  CHECK(kinds_of(generate_synthetic(options, 1).value())
        == std::map<std::string, int>{{"cpu", 3}, {"memory", 1}, {"edge", 1}});
}

TEST_CASE("a seed gives one workload, another gives another") {
  const synthetic_options options{.nodes = 50, .hours = 4};
  const auto first = generate_synthetic(options, 1).value();
  const auto again = generate_synthetic(options, 1).value();
  const auto other = generate_synthetic(options, 2).value();
  CHECK(first.queue.arrivals == again.queue.arrivals);
  CHECK(first.queue.nodes.front().name == again.queue.nodes.front().name);
  CHECK(first.queue.arrivals != other.queue.arrivals);
  CHECK(std::ranges::is_sorted(first.queue.arrivals, {},
                               &queueing_arrival::time_milliseconds));
}

TEST_CASE("the load is offered where it is tightest") {
  // Edge nodes have 4 cores, of which an iot task takes 0.05 + 0.075 + 0.1 =
  // 0.225; memory is far from short: 96 MiB or so of 8 GiB. It runs for
  // 600 e^(0.32) = 826.3 s (the cut at 2 h takes less than 1 s): 10 nodes at
  // load 0.9 carry 36 / 0.225 = 160 at a time, 697 an hour.
  const auto workload
      = generate_synthetic(only(node_kind::edge, workload_class::iot), 1);
  REQUIRE(workload);
  CHECK((workload->tightest.kinds & 1U << 5) != 0);
  CHECK(workload->tightest.resource == metered::cpu);
  CHECK(workload->tightest.load == 0.9);
  CHECK(workload->tasks_per_hour == doctest::Approx(697).epsilon(0.005));
  // In 24 h 16 730, +- 390 (3 sigma).
  CHECK(workload->queue.arrivals.size() > 16'340);
  CHECK(workload->queue.arrivals.size() < 17'120);
}

TEST_CASE("tasks that only some nodes can run are weighed against those") {
  // iot tasks only go to the one edge node, whatever else there is.
  auto options = only(node_kind::edge, workload_class::iot);
  options.nodes = 10;
  options.node_shares[0] = 9;
  const auto workload = generate_synthetic(options, 1);
  REQUIRE(workload);
  CHECK(workload->tasks_per_hour == doctest::Approx(69.7).epsilon(0.005));
}

TEST_CASE("classes come in the shares asked for") {
  const auto workload = generate_synthetic({.arrivals = steady}, 3);
  REQUIRE(workload);
  const auto& queue = workload->queue;
  std::array<double, workload_classes> counts{};
  for (const auto& arrival : queue.arrivals)
    counts[queue.profiles[arrival.profile].task_class] += 1;
  const auto share = [&](workload_class of) {
    return counts[static_cast<std::size_t>(of)]
           / static_cast<double>(queue.arrivals.size());
  };
  // 80 000 and more arrivals: 3 sigma are 0.005.
  CHECK(share(workload_class::service) == doctest::Approx(0.17).epsilon(0.03));
  CHECK(share(workload_class::batch) == doctest::Approx(0.27).epsilon(0.02));
  CHECK(share(workload_class::iot) == doctest::Approx(0.442).epsilon(0.02));
}

TEST_CASE("under drift the rising classes come late") {
  auto options = only(node_kind::gpu_small, workload_class::inference);
  options.arrivals.drift = 1;
  const auto workload = generate_synthetic(options, 1);
  REQUIRE(workload);
  const auto& arrivals = workload->queue.arrivals;
  const auto in_first_half
      = std::ranges::count_if(arrivals, [](const queueing_arrival& arrival) {
          return arrival.time_milliseconds < 12 * 3'600'000;
        });
  // The rate rises from 0 to 2: the first half has a quarter.
  CHECK(static_cast<double>(in_first_half)
            / static_cast<double>(arrivals.size())
        == doctest::Approx(0.25).epsilon(0.1));
}

TEST_CASE("a policy is told shapes as often as they come") {
  const auto workload = generate_synthetic({}, 1);
  REQUIRE(workload);
  const auto size = workload->queue.history.size();
  CHECK(size > 9900);
  CHECK(size < 10'100);
}

TEST_CASE("every fault of the options is named at once") {
  synthetic_options options{.nodes = 0,
                            .hours = 2,
                            .warm_up_hours = 2,
                            .load = std::numeric_limits<double>::quiet_NaN(),
                            .impossible_share = 2};
  options.node_shares.fill(0);
  options.task_shares[6] = -1;
  options.arrivals = {.diurnal = 1.5,
                      .burst = 20,
                      .burst_share = 0.1,
                      .burst_seconds = 0,
                      .drift = -1};
  const auto ok = validate(options);
  REQUIRE(!ok);
  CHECK(ok.failure().code == error_code::invalid_argument);
  CHECK(ok.failure().message
        == "the number of nodes is 0 (want 1 to 100000); the warm-up in hours "
           "is 2 (want 0 to less than the time); the load is nan (want above "
           "0, at most 10); the sum of node shares is 0 (want above 0); the "
           "share of iot tasks is -1 (want 0 to 1e6); the sum of task shares "
           "is -0.442 (want above 0); the diurnal amplitude is 1.5 (want 0 to "
           "1); the share of time in bursts is 0.1 (want 0.0001 to less than 1 "
           "/ burst factor); the mean burst in seconds is 0 (want 1 to 86400); "
           "the drift is -1 (want 0 to 1); the share of impossible tasks is 2 "
           "(want 0 to 1)");
  CHECK(validate(synthetic_options{}));
  CHECK(generate_synthetic(options, 1).failure().message
        == ok.failure().message);
}

TEST_CASE("a mix of which nothing fits is refused") {
  const auto workload
      = generate_synthetic(only(node_kind::edge, workload_class::fpga), 1);
  REQUIRE(!workload);
  CHECK(workload.failure().message
        == "no task of the mix fits any of the 10 nodes");
}

TEST_CASE("more tasks than memory holds are refused") {
  CHECK(generate_synthetic(
            {.nodes = 100'000, .hours = 744, .warm_up_hours = 0, .load = 10}, 1)
            .failure()
            .code
        == error_code::invalid_argument);
}

TEST_SUITE_END();
