#include "simulation/planetlab_reader.hpp"
#include "simulation/resize_objective.hpp"
#include "tests/yardsticks.hpp"

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

using namespace skerry;

TEST_SUITE_BEGIN("simulation/resize_yardstick");

namespace {

const usage_prior nothing_known;

/// Each `apart`-th VM of some days.
std::vector<vm_day> read_days(const std::filesystem::path& root,
                              const std::vector<std::string>& days,
                              std::size_t apart) {
  std::vector<vm_day> out;
  for (const auto& day : days) {
    const auto vms
        = read_planetlab((root / "planetlab" / (day + ".csv.gz")).string());
    REQUIRE(vms);
    for (std::size_t i = 0; i < vms->size(); i += apart)
      out.push_back((*vms)[i]);
  }
  return out;
}

std::vector<resize_case> cases_of(const std::vector<vm_day>& vms) {
  std::vector<resize_case> cases;
  for (const auto& vm : vms)
    cases.push_back({&vm, &nothing_known});
  return cases;
}

} // namespace

// The yardstick does not say which days it judged by. On these the whole files
// give what results.md, section 16, compares; here it is a third of the VMs, at
// equal violation, which adds some percent of spread.
TEST_CASE("tuned rules need about the reserve that the yardstick gives") {
  const auto root = testing::find_yardsticks();
  if (!root)
    return;
  const auto tuning = read_days(*root, {"20110322", "20110325"}, 3);
  const auto judged = read_days(*root, {"20110303", "20110306", "20110309"}, 3);
  const auto known = cases_of(tuning);
  const auto fresh = cases_of(judged);
  struct expected {
    resize_method method;
    double at_5_percent;
    double at_1_percent;
  };
  for (const auto& [method, at_5, at_1] :
       {expected{resize_method::percentile, 36.2, 53.2},
        {resize_method::window_max, 36.3, 53.3},
        {resize_method::window_sigma, 36.1, 53.3},
        {resize_method::ewma, 35.7, 56.0}})
    for (const auto& [violation, given] :
         {std::pair{5.0, at_5}, std::pair{1.0, at_1}}) {
      auto policy = tune_resize_policy({.method = method}, known, violation,
                                       {60, 40, 1});
      const auto run = [&](double safety) {
        policy.safety = safety;
        return run_resize_track(fresh, policy);
      };
      const auto found = calibrate(run, violation, 8);
      CAPTURE(to_string(method));
      CAPTURE(violation);
      CHECK(found.reserve_percent == doctest::Approx(given).epsilon(0.06));
    }
}

TEST_SUITE_END();
