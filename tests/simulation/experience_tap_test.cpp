#include "simulation/openb_track.hpp"
#include "simulation/synthetic_track.hpp"

#include <cmath>
#include <vector>

#include <doctest/doctest.h>

using namespace skerry;

TEST_SUITE_BEGIN("simulation/experience_tap");

namespace {

const synthetic_options small{.nodes = 20, .hours = 2, .warm_up_hours = 0};

std::vector<experience> experience_of(const policy_choice& policy,
                                      synthetic_report* report = nullptr) {
  std::vector<experience> out;
  experience_tap tap{{},
                     [&out](const experience& each) { out.push_back(each); }};
  const auto workload = generate_synthetic(small, 3);
  REQUIRE(workload);
  auto run = run_synthetic_track(*workload, policy, 3, placement_search::index,
                                 {}, &tap);
  REQUIRE(run);
  if (report != nullptr)
    *report = *std::move(run);
  return out;
}

} // namespace

TEST_CASE("every start becomes a sound experience, and with it its end") {
  synthetic_report report;
  const auto made = experience_of("fgd", &report);
  std::size_t started = 0;
  for (const auto& outcome : report.outcomes)
    started += outcome.start_milliseconds >= 0 ? 1 : 0;
  CHECK(made.size() == started);
  std::size_t ended = 0;
  std::size_t several = 0;
  std::size_t terminal = 0;
  for (const auto& each : made) {
    REQUIRE(validate(each));
    CHECK(each.policy_version == version_of("fgd"));
    ended += each.outcome ? 1 : 0;
    several += each.candidates.size() > 1 ? 1 : 0;
    terminal += each.terminal ? 1 : 0;
  }
  CHECK(ended > started / 2);
  CHECK(several > started / 2);
  CHECK(terminal > 0);
  CHECK(terminal <= 16); // The last window.
}

TEST_CASE("recording changes no decision") {
  const auto workload = generate_synthetic(small, 3);
  REQUIRE(workload);
  const auto plain
      = run_synthetic_track(*workload, "fgd", 3, placement_search::index, {});
  REQUIRE(plain);
  synthetic_report recorded;
  (void)experience_of("fgd", &recorded);
  CHECK(recorded.outcomes == plain->outcomes);
}

TEST_CASE("the same run makes the same experience") {
  CHECK(experience_of("best-fit") == experience_of("best-fit"));
}

TEST_CASE("openb: what is allocated grows until pods are dropped") {
  openb_workload workload{.nodes = {{.name = "n",
                                     .cpu_milli = 8000,
                                     .memory_mib = 65'536,
                                     .gpus = 2,
                                     .model = "T4"}},
                          .pods = {{.name = "p",
                                    .cpu_milli = 1000,
                                    .memory_mib = 1024,
                                    .num_gpu = 1,
                                    .gpu_milli = 500}},
                          .arrivals = {0, 0, 0, 0, 0},
                          .tie_order = {0}};
  std::vector<experience> made;
  experience_tap tap{{.weights =
                          [] {
                            reward_weights out;
                            out.of = {1, 0, 0, 0, 0, -1, 0, 0};
                            return out;
                          }()},
                     [&made](const experience& each) { made.push_back(each); }};
  const auto report = run_openb_track(workload, "first-fit", 1,
                                      placement_search::index, {}, &tap);
  REQUIRE(report);
  REQUIRE(made.size() == 4);
  // Shares 1/4 to 1 and then one refused, full: 1 - 1.
  const double rewards[]{0.25, 0.5, 0.75, 1, 0};
  double expected = 0;
  for (std::size_t k = 0; k < 5; ++k)
    expected += std::pow(0.99, k) * rewards[k];
  CHECK(made[0].reward == doctest::Approx(expected));
  CHECK(made[0].terminal);
  CHECK(made[0].steps == 5);
}

TEST_SUITE_END();
