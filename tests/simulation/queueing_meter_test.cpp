#include "simulation/queueing_meter.hpp"

#include <doctest/doctest.h>

using namespace skerry;
using namespace skerry::literals;

namespace {

constexpr metered_amounts two_cores{2000, 0, 0, 0};

} // namespace

TEST_SUITE_BEGIN("simulation/queueing_meter");

TEST_CASE("shapes are metered in millicores, MiB and milli of devices") {
  task_shape shape{.demand = {4_cores, bytes{(std::int64_t{3} << 20) + 1}}};
  shape.devices.push_back({.kind = "gpu", .count = 2});
  shape.devices.push_back({.kind = "fpga", .share_milli = 250});
  shape.devices.push_back({.kind = "tape"});
  CHECK(metered_of(shape) == metered_amounts{4000, 4, 2000, 250});
}

TEST_CASE("nodes are metered with all their devices") {
  node_spec node{.name = "a", .capacity = {8_cores, 16_MiB}};
  node.devices.assign(2, {.kind = "gpu", .model = "A", .capacity_milli = 500});
  node.devices.push_back({.kind = "fpga", .model = "F"});
  CHECK(metered_of(node) == metered_amounts{8000, 16, 1000, 1000});
}

TEST_CASE("amounts are averaged over the time measured") {
  queueing_meter meter{1, 1000, 5000};
  meter.arrived(0, two_cores, 0);
  meter.started(0, two_cores, 0, 1500, 500);
  meter.finished(0, two_cores, 2000);
  meter.arrived(0, two_cores, 3000);
  meter.started(0, two_cores, 3000, 9000, 4000);
  const auto all = meter.of_class(0);
  // Allocated 1000..2000 and 4000..5000, pending 3000..4000, of 4000 ms.
  CHECK(all.mean_allocated[0] == 1000);
  CHECK(all.mean_pending[0] == 500);
  CHECK(all.submitted == 2);
  CHECK(all.started == 2);
  CHECK(all.finished == 1);
}

TEST_CASE("waits are those of tasks that came in the time measured") {
  queueing_meter meter{2, 1000, 100'000};
  meter.arrived(0, two_cores, 999);
  meter.arrived(0, two_cores, 1000);
  meter.arrived(1, two_cores, 2000);
  meter.started(0, two_cores, 999, 20'000, 11'000);
  meter.started(0, two_cores, 1000, 20'000, 11'000);
  meter.still_pending(1, 2000, 49'000);
  meter.refused(1);
  const auto first = meter.of_class(0);
  CHECK(first.wait_seconds == distribution{1, 10, 10, 10, 10});
  CHECK(first.bounded_slowdown.mean == doctest::Approx(1.5)); // 30 / 20
  const auto second = meter.of_class(1);
  CHECK(second.refused == 1);
  CHECK(second.pending_at_end == 1);
  // It has waited 98 s so far: (98 + 49) / 49.
  CHECK(second.wait_seconds == distribution{1, 98, 98, 98, 98});
  CHECK(second.wait_seconds_started == distribution{});
  CHECK(second.bounded_slowdown.mean == doctest::Approx(3));
  const auto all = meter.of_all();
  CHECK(all.submitted == 4);
  CHECK(all.wait_seconds.count == 2);
  CHECK(all.wait_seconds.mean == 54);
  CHECK(all.wait_seconds_started.count == 1);
}

TEST_CASE("runs below ten seconds count as ten in a slowdown") {
  queueing_meter meter{1, 0, 100'000};
  meter.arrived(0, two_cores, 0);
  meter.started(0, two_cores, 0, 1000, 19'000);
  CHECK(meter.of_all().bounded_slowdown.mean == 2); // (19 + 1) / 10
}

TEST_CASE("integrals beyond 64 bits are exact") {
  // 10^15 milli over 10^12 ms are 10^27, far above 9.2 * 10^18.
  constexpr std::int64_t large = 1'000'000'000'000'000;
  constexpr std::int64_t long_time = 1'000'000'000'000;
  queueing_meter meter{1, 0, long_time};
  meter.arrived(0, {large, 0, 0, 0}, 0);
  CHECK(meter.of_all().mean_pending[0] == static_cast<double>(large));
}

TEST_SUITE_END();
