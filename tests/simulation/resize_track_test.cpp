#include "simulation/resize_track.hpp"

#include <vector>

#include <doctest/doctest.h>

using namespace skerry;

namespace {

/// Idle but for the given scored intervals, from the first one on.
vm_day day_with(const std::vector<int>& demands) {
  vm_day vm{"a_root", {}};
  for (std::size_t i = 0; i < demands.size(); ++i)
    vm.demand_percent[warm_up_intervals + i]
        = static_cast<std::uint8_t>(demands[i]);
  return vm;
}

constexpr std::int64_t scored = intervals_per_day - warm_up_intervals;

} // namespace

TEST_SUITE_BEGIN("simulation/resize_track");

TEST_CASE("stretch is that of processor sharing, by the protocol's formula") {
  CHECK(stretch_of(20, 0, 100) == doctest::Approx(1));
  CHECK(stretch_of(20, 0, 25) == doctest::Approx(0.8 / 0.2));
  CHECK(stretch_of(20, 2, 25) == doctest::Approx(0.8 / 0.12));
  CHECK(stretch_of(20, 0, 20) == doctest::Approx(0.8 / 0.01));
  CHECK(stretch_of(100, 0, 100) == doctest::Approx(1)); // 0.01 / 0.01
}

TEST_CASE("what does not fit is backlog, and shows as use one interval later") {
  const auto vm = day_with({30, 10, 10});
  std::vector<usage_seen> seen;
  std::vector<stretched_work> stretches;
  const auto totals = run_vm_day(
      vm,
      [&seen](std::size_t t, const usage_seen& last) {
        if (t > warm_up_intervals)
          seen.push_back(last);
        return t < warm_up_intervals ? 50 : 25;
      },
      &stretches);
  // 30 into 25 leaves 5; 10 + 5 fit; 10 remain. Demand never shows.
  CHECK(seen[0].used_percent == 25);
  CHECK(seen[0].throttled);
  CHECK(seen[1].used_percent == 15);
  CHECK(!seen[1].throttled);
  CHECK(seen[2].used_percent == 10);
  CHECK(totals.work == 50);
  CHECK(totals.throttled_work == 30);
  // 0.9 / (1 - 15 / 25) = 2.25 and 0.9 / (1 - 10 / 25) = 1.5 are tolerable.
  CHECK(totals.violating_work == 30);
  CHECK(stretches[0].stretch == worst_stretch);
  CHECK(stretches[1].stretch == doctest::Approx(2.25));
  CHECK(totals.used == 50);
  CHECK(totals.vm_intervals == scored);
  // The warm-up's choices have no effect: 100 -> 25 is the only resize.
  CHECK(totals.resizes == 1);
  CHECK(totals.limits == 25 * scored);
  CHECK(totals.charged_reserve_percent()
        == doctest::Approx(25 + 1.0 / static_cast<double>(scored)));
  CHECK(totals.violation_percent() == doctest::Approx(60));
  CHECK(totals.resizes_per_vm_day() == doctest::Approx(1));
}

TEST_CASE("too much stretch is a violation without any throttling") {
  // 24 of 25: 0.76 / 0.04 = 19.
  const auto totals = run_vm_day(
      day_with({24}), [](std::size_t, const usage_seen&) { return 25; });
  CHECK(totals.throttled_work == 0);
  CHECK(totals.violating_work == 24);
}

TEST_CASE("work weighs the quantiles of stretch") {
  const std::vector<stretched_work> work{{4, 10}, {1, 89}, {100, 1}, {9, 0}};
  CHECK(stretch_quantile(work, 0.5) == 1);
  CHECK(stretch_quantile(work, 0.95) == 4);
  CHECK(stretch_quantile(work, 0.995) == 100);
  CHECK(stretch_quantile({}, 0.5) == 1);
}

TEST_CASE("hindsight: the peak all day, or each demand to the point") {
  const auto vm = day_with({20, 40});
  const usage_prior nothing;
  const std::vector<resize_case> cases{{&vm, &nothing}};
  // 40 / (1 - 0.6 / 5) = 45.5
  const auto peak = run_hindsight(cases, hindsight::peak, 1);
  CHECK(peak.limits == 46 * scored);
  CHECK(peak.violating_work == 0);
  const auto seer = run_hindsight(cases, hindsight::clairvoyant, 1);
  CHECK(seer.limits == 24 + 46 + 3 * (scored - 2));
  CHECK(seer.resizes == 3);
  CHECK(seer.violating_work == 0);
}

TEST_CASE("a policy meets each VM afresh") {
  const auto vm = day_with({20, 40});
  const usage_prior nothing;
  const std::vector<resize_case> once{{&vm, &nothing}};
  const std::vector<resize_case> twice{{&vm, &nothing}, {&vm, &nothing}};
  const resize_policy policy{.method = resize_method::window_max,
                             .parameters = {12, 0.1, 1.5}};
  const auto one = run_resize_track(once, policy);
  const auto two = run_resize_track(twice, policy);
  CHECK(two.limits == 2 * one.limits);
  CHECK(two.violating_work == 2 * one.violating_work);
  CHECK(one.violating_work == 60); // Both came as a surprise.
}

TEST_SUITE_END();
