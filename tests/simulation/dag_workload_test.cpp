#include "simulation/dag_workload.hpp"

#include <algorithm>
#include <cstdlib>
#include <numeric>
#include <set>
#include <vector>

#include <doctest/doctest.h>

using namespace skerry;

namespace {

bool same(const dag_job& a, const dag_job& b) {
  return a.query == b.query && a.scale == b.scale && a.work_ms() == b.work_ms()
         && a.stages.size() == b.stages.size();
}

std::size_t scans_of(const dag_job& job) {
  return static_cast<std::size_t>(
      std::ranges::count_if(job.stages, [](const dag_stage& stage) {
        return stage.parents.empty();
      }));
}

} // namespace

TEST_SUITE_BEGIN("simulation/dag_workload");

TEST_CASE("the seed decides, and a longer run begins like a shorter one") {
  const auto some = make_dag_jobs({.jobs = 30, .seed = 7});
  const auto again = make_dag_jobs({.jobs = 30, .seed = 7});
  const auto more = make_dag_jobs({.jobs = 60, .seed = 7});
  const auto others = make_dag_jobs({.jobs = 30, .seed = 8});
  std::size_t differ = 0;
  for (std::size_t i = 0; i < some.size(); ++i) {
    CHECK(same(some[i], again[i]));
    CHECK(some[i].arrival_ms == again[i].arrival_ms);
    CHECK(same(some[i], more[i]));
    differ += same(some[i], others[i]) ? 0 : 1;
  }
  CHECK(differ > 20);
}

TEST_CASE("graphs are those of the queries") {
  std::set<std::uint32_t> seen;
  for (const auto& job : make_dag_jobs({.jobs = 600})) {
    seen.insert(job.query);
    REQUIRE(job.stages.size() <= max_dag_stages);
    std::vector<int> children(job.stages.size());
    for (std::size_t i = 0; i < job.stages.size(); ++i) {
      CHECK(job.stages[i].tasks >= 1);
      CHECK(job.stages[i].task_ms > 0);
      CHECK(std::ranges::is_sorted(job.stages[i].parents));
      for (const auto parent : job.stages[i].parents) {
        REQUIRE(parent < i);
        ++children[parent];
      }
    }
    // The last is the result: all else leads there.
    CHECK(std::ranges::count(children, 0) == 1);
    CHECK(children.back() == 0);
    if (job.query == 6) // Lineitem and a sum.
      CHECK(job.stages.size() == 2);
    if (job.query == 5) // Six tables, five joins, an aggregation, a sort.
      CHECK((scans_of(job) == 6 && job.stages.size() == 13));
    if (job.query == 21) { // Lineitem is read once and used twice.
      CHECK(scans_of(job) == 4);
      CHECK(children[0] == 2);
    }
    if (job.query == 1) // 725 MB of lineitem at 1 GB, in splits of 128 MB.
      CHECK(job.stages[0].tasks == (job.scale * 725 + 127) / 128);
  }
  CHECK(seen.size() == 22);
}

TEST_CASE("most of the work is in few jobs") {
  std::vector<double> work;
  for (const auto& job : make_dag_jobs({.jobs = 1000, .seed = 3}))
    work.push_back(job.work_ms());
  std::ranges::sort(work, std::greater{});
  const auto all = std::reduce(work.begin(), work.end());
  // In the source, 23 % of the jobs have 82 % of the work.
  const auto share = std::reduce(work.begin(), work.begin() + 230) / all;
  CHECK(share > 0.65);
  CHECK(share < 0.9);
}

TEST_CASE("arrivals follow the load, or come at once") {
  const auto half = make_dag_jobs({.jobs = 50, .load = 0.4});
  const auto full = make_dag_jobs({.jobs = 50, .load = 0.8});
  for (std::size_t i = 0; i < full.size(); ++i)
    CHECK(std::abs(half[i].arrival_ms - 2 * full[i].arrival_ms) <= 2);
  CHECK(std::ranges::is_sorted(full, {}, &dag_job::arrival_ms));
  // Work over slots and load; the gap after the last job counts, too.
  double work_ms = 0;
  for (const auto& job : full)
    work_ms += job.work_ms();
  const auto span_ms = static_cast<double>(full.back().arrival_ms);
  CHECK(span_ms <= work_ms / 50 / 0.8);
  CHECK(span_ms > 0.8 * work_ms / 50 / 0.8);
  for (const auto& job : make_dag_jobs({.jobs = 50, .load = 0}))
    CHECK(job.arrival_ms == 0);
}

TEST_CASE("times of tasks scatter around what is expected") {
  rng random{1};
  std::vector<std::int64_t> exact(3);
  draw_task_times({3, 1234, 0, {}}, 0, exact, random);
  CHECK(exact == std::vector<std::int64_t>{1234, 1234, 1234});
  double sum = 0;
  std::vector<std::int64_t> few(10);
  for (int i = 0; i < 10'000; ++i) {
    draw_task_times({10, 1000, 0.4, {}}, 0.3, few, random);
    sum += static_cast<double>(std::reduce(few.begin(), few.end()));
  }
  // The standard error is 0.3 %.
  CHECK(sum / 1e5 == doctest::Approx(1000).epsilon(0.012));
  std::vector<std::int64_t> least(1);
  draw_task_times({1, 0.01, 0, {}}, 0, least, random);
  CHECK(least.front() == 1);
}

TEST_CASE("options out of bounds are refused, all at once") {
  const auto faults
      = validate({.jobs = 0, .slots = 0, .load = -1, .estimate_error = 3});
  REQUIRE(!faults);
  for (const auto* word : {"0 jobs", "0 slots", "load of -1", "err by 3"})
    CHECK(faults.failure().message.find(word) != std::string::npos);
}
