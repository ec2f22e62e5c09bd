#include "simulation/resize_objective.hpp"

#include <cmath>
#include <cstddef>
#include <vector>

#include <doctest/doctest.h>

using namespace skerry;

namespace {

/// VMs that alternate between two uses, and jump now and then.
std::vector<vm_day> jumping_vms(std::size_t count) {
  std::vector<vm_day> vms;
  for (std::size_t v = 0; v < count; ++v) {
    auto& vm = vms.emplace_back(vm_day{"vm", {}});
    for (std::size_t t = 0; t < intervals_per_day; ++t)
      vm.demand_percent[t] = static_cast<std::uint8_t>(
          5 + v + t % 2 * 4 + (t * (v + 3) % 41 == 0 ? 30 : 0));
  }
  return vms;
}

std::vector<resize_case> cases_of(const std::vector<vm_day>& vms,
                                  const usage_prior& prior) {
  std::vector<resize_case> cases;
  for (const auto& vm : vms)
    cases.push_back({&vm, &prior});
  return cases;
}

} // namespace

TEST_SUITE_BEGIN("simulation/resize_objective");

TEST_CASE("calibration finds the least safety that keeps the violation") {
  // Violation 100 exp(-s) %, reserve 10 s %: at 5 %, s = ln 20 = 2.9957.
  const auto run = [](double safety) {
    resize_totals totals;
    totals.vm_intervals = 1'000'000;
    totals.limits = static_cast<std::int64_t>(10'000'000 * safety);
    totals.work = 1'000'000'000;
    totals.violating_work
        = static_cast<std::int64_t>(1'000'000'000 * std::exp(-safety));
    return totals;
  };
  for (const auto violation : {5.0, 1.0, 60.0}) {
    CAPTURE(violation);
    const auto found = calibrate(run, violation, 12);
    CHECK(found.safety == doctest::Approx(-std::log(violation / 100)));
    CHECK(found.reserve_percent
          == doctest::Approx(-10 * std::log(violation / 100)));
    CHECK(found.totals.violation_percent() <= violation);
  }
}

TEST_CASE("a violation that jumps is found as well") {
  const auto run = [](double safety) {
    resize_totals totals;
    totals.work = 100;
    totals.violating_work = safety < 0.7 ? 20 : 0;
    return totals;
  };
  const auto found = calibrate(run, 5, 14);
  CHECK(found.safety >= 0.7);
  CHECK(found.safety == doctest::Approx(0.7).epsilon(0.01));
  CHECK(found.totals.violating_work == 0);
}

TEST_CASE("who violates under every safety can only have the full flavour") {
  const auto found = calibrate(
      [](double) {
        resize_totals totals;
        totals.vm_intervals = 10;
        totals.limits = 30;
        totals.work = 100;
        totals.violating_work = 96;
        return totals;
      },
      5, 3);
  CHECK(found.reserve_percent == 100);
}

TEST_CASE("a search is repeatable and never worse than its starts") {
  const auto vms = jumping_vms(12);
  const usage_prior nothing;
  const auto cases = cases_of(vms, nothing);
  const resize_policy method{.method = resize_method::ewma};
  const auto reserve = [&](const resize_policy& tuned) {
    return run_resize_track(cases, tuned).charged_reserve_percent();
  };
  const auto start = tune_resize_policy(method, cases, 5, {0, 6, 1});
  const auto tuned = tune_resize_policy(method, cases, 5, {60, 6, 1});
  CHECK(run_resize_track(cases, tuned).violation_percent() <= 5);
  CHECK(reserve(tuned) < reserve(start));
  CHECK(tune_resize_policy(method, cases, 5, {60, 6, 1}).parameters
        == tuned.parameters);
}

TEST_CASE("full flavour has nothing to tune and never violates") {
  const auto vms = jumping_vms(3);
  const usage_prior nothing;
  const auto cases = cases_of(vms, nothing);
  const auto full = tune_resize_policy({.method = resize_method::full}, cases,
                                       1, {20, 3, 1});
  const auto totals = run_resize_track(cases, full);
  CHECK(totals.charged_reserve_percent() == 100);
  CHECK(totals.violation_percent() == 0);
}

TEST_SUITE_END();
