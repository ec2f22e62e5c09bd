#include "simulation/resize_history.hpp"

#include <numeric>

#include <doctest/doctest.h>

using namespace skerry;

namespace {

vm_day always(const std::string& name, std::uint8_t percent) {
  vm_day vm{name, {}};
  vm.demand_percent.fill(percent);
  return vm;
}

} // namespace

TEST_SUITE_BEGIN("simulation/resize_history");

TEST_CASE("a name is host and slice") {
  CHECK(slice_of("pl1_cs_yale_edu_tsinghua_xyz") == "tsinghua_xyz");
  CHECK(host_of("pl1_cs_yale_edu_tsinghua_xyz") == "pl1_cs_yale_edu");
  CHECK(slice_of("pl1_cs_yale_edu_root") == "root");
  CHECK(host_of("pl1_cs_yale_edu_root") == "pl1_cs_yale_edu");
  CHECK(slice_of("odd") == "odd");
  CHECK(host_of("odd").empty());
  CHECK(host_of("a_b").empty());
}

TEST_CASE("the same VM tells more than its slice, and that more than others") {
  const std::vector<resize_day> past{
      {"monday",
       {always("h1_edu_x_y", 50), always("h2_edu_x_y", 20),
        always("h3_edu_z_z", 5)}}};
  const std::vector<resize_day> today{
      {"tuesday",
       {always("h1_edu_x_y", 0), always("h9_edu_x_y", 0),
        always("h9_edu_n_n", 0)}}};
  const auto cases = with_history(today, past);
  const auto& priors = cases.priors.front();
  // All VMs: a third each, of 144. Host h1: 288 of 50 beside them, then 144
  // in all. Slice: 288 of 50 and 288 of 20 beside. VM: 288 of 50 beside.
  const auto host = (48.0 + 288) / 432;
  const auto slice = (144 * host + 288) / 720;
  CHECK(priors[0].weights[50] == doctest::Approx((144 * slice + 288) / 432));
  // An unknown host of a known slice: (48 + 288) / 720.
  CHECK(priors[1].weights[50] == doctest::Approx(336.0 / 720));
  CHECK(priors[2].weights[50] == doctest::Approx(1.0 / 3));
  for (const auto& prior : priors)
    CHECK(std::reduce(prior.weights.begin(), prior.weights.end())
          == doctest::Approx(1));
}

TEST_CASE("a day is never its own history") {
  const std::vector<resize_day> days{{"monday", {always("h1_edu_x_y", 50)}},
                                     {"tuesday", {always("h1_edu_x_y", 10)}}};
  const auto cases = with_history(days, days);
  CHECK(cases.priors[0][0].weights[10] == doctest::Approx(1));
  CHECK(cases.priors[1][0].weights[50] == doctest::Approx(1));
  CHECK(cases.all().size() == 2);
}

TEST_CASE("without history nothing is known") {
  const std::vector<resize_day> days{{"monday", {always("h1_edu_x_y", 50)}}};
  CHECK(with_history(days, {}).priors[0][0].weights == usage_weights{});
}

TEST_SUITE_END();
