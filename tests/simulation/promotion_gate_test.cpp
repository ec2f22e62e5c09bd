#include "simulation/promotion_gate.hpp"

#include <limits>

#include <doctest/doctest.h>

using namespace skerry;

TEST_SUITE_BEGIN("simulation/promotion_gate");

namespace {

constexpr std::size_t large = task_groups - 1;

/// Twenty episodes that differ by a point from each other, as loads do.
shadow_series series(const char* name, double allocated,
                     double wait_of_large = 10) {
  shadow_series out{.name = name, .episodes = {}, .trouble = {}};
  for (int i = 0; i < 20; ++i) {
    auto& at = out.episodes.emplace_back();
    at.allocated_percent = allocated + i % 2;
    at.group_wait_p99_percent[large] = wait_of_large;
    at.wait_p99_percent = 5;
  }
  return out;
}

const auto ruling = series("ruling", 80);
const auto heuristic = series("best-fit", 79);

} // namespace

TEST_CASE("better for sure and nobody worse: passes") {
  const auto verdict = judge(series("new", 80.5), ruling, heuristic, {});
  CHECK(verdict.passes);
  CHECK(verdict.gain.mean == doctest::Approx(0.5));
  CHECK(verdict.reason == "better: +0.50 +- 0.00 points of ruling");
}

TEST_CASE("an obviously bad policy is refused") {
  const auto verdict = judge(series("bad", 60), ruling, heuristic, {});
  CHECK_FALSE(verdict.passes);
  CHECK(verdict.reason.starts_with("not better for sure: -20.00"));
}

TEST_CASE("better on the mean but perhaps by chance is refused") {
  auto lucky = series("lucky", 80);
  lucky.episodes.front().allocated_percent += 40; // One episode of twenty.
  const auto verdict = judge(lucky, ruling, heuristic, {});
  CHECK(verdict.gain.mean == doctest::Approx(2));
  CHECK_FALSE(verdict.passes);
}

TEST_CASE("a better mean on the back of large tasks is refused") {
  // 10 % longer and one point are allowed: 12 of 10.
  CHECK(judge(series("new", 85, 12), ruling, heuristic, {}).passes);
  const auto verdict = judge(series("sly", 85, 12.1), ruling, heuristic, {});
  CHECK_FALSE(verdict.passes);
  CHECK(verdict.reason
        == "large tasks wait longer: p99 12.1 % of an episode against 10.0 % "
           "(+5.00 +- 0.00 points of ruling)");
}

TEST_CASE("tasks that never start, slow decisions, a heuristic ahead") {
  auto starving = series("starving", 85);
  auto slow = series("slow", 85);
  for (auto& at : starving.episodes)
    at.unstarted_percent = 0.6;
  for (auto& at : slow.episodes)
    at.decision_p99_us = 2'001;
  CHECK(judge(starving, ruling, heuristic, {})
            .reason.starts_with("0.60 % of the tasks do not start"));
  CHECK(judge(slow, ruling, heuristic, {})
            .reason.starts_with("a decision takes 2001 us"));
  CHECK(judge(series("new", 81), ruling, series("fgd", 82), {})
            .reason.starts_with("-1.00 points of fgd"));
}

TEST_CASE("figures that are none, too few episodes, trouble: refused") {
  auto nan = series("nan", 85);
  nan.episodes[3].allocated_percent = std::numeric_limits<double>::quiet_NaN();
  CHECK(judge(nan, ruling, heuristic, {}).reason
        == "its figure allocated is not finite");
  auto brief = series("brief", 85);
  brief.episodes.pop_back();
  CHECK(judge(brief, ruling, heuristic, {}).reason
        == "19 episodes in common, 20 are needed");
  auto broken = series("broken", 85);
  broken.trouble = "weight 3 is nan";
  CHECK(judge(broken, ruling, heuristic, {}).reason
        == "broken cannot be run: weight 3 is nan");
}

TEST_CASE("large tasks wait no longer on the mean, either") {
  auto sly = series("sly", 85);
  for (auto& at : sly.episodes)
    at.group_wait_percent[large] = 1.1;
  CHECK(judge(sly, ruling, heuristic, {})
            .reason.starts_with("large tasks wait longer: mean 1.1 %"));
}

TEST_CASE("who rules is behind when another is ahead for sure") {
  CHECK(behind(ruling, series("fgd", 80.4), {}) == "");
  CHECK(behind(ruling, series("fgd", 80.6), {})
        == "worse than fgd: -0.60 +- 0.00 points");
  auto noisy = series("fgd", 80);
  noisy.episodes.front().allocated_percent += 40;
  CHECK(behind(ruling, noisy, {}) == "");
}

TEST_SUITE_END();
