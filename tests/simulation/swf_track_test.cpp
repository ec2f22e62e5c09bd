#include "evolution/queue_replay.hpp"
#include "simulation/swf_track.hpp"

#include <map>
#include <numeric>
#include <random>
#include <vector>

#include <doctest/doctest.h>

using namespace skerry;

namespace {

/// On a machine of 10. number, submit, run, processors, requested.
const std::vector<swf_job> four_jobs{
    {1, 0, 100, 6, 100},
    {2, 10, 50, 8, 50},  // Waits for job 1: only 4 are free.
    {3, 20, 30, 4, 30},  // Fits beside job 1 and ends at 50, before 100.
    {4, 30, 200, 2, 200} // Would fit when job 3 has ended, but ends too late.
};

std::map<std::int64_t, std::int64_t> starts_of(const swf_report& report) {
  std::map<std::int64_t, std::int64_t> starts;
  for (const auto& start : report.schedule)
    starts[start.job] = start.start_seconds;
  return starts;
}

using starts = std::map<std::int64_t, std::int64_t>;

} // namespace

TEST_SUITE_BEGIN("simulation/swf_track");

TEST_CASE("without backfilling everything waits for the head") {
  const auto report = run_swf_track(four_jobs, {10, queue_order::fcfs});
  REQUIRE(report);
  // Job 2 takes 8 at 100, when job 1 ends; job 3 needs 4 and waits for it until
  // 150; job 4 goes beside job 3.
  CHECK(starts_of(*report) == starts{{1, 0}, {2, 100}, {3, 150}, {4, 150}});
  // Slowdowns 1, (90 + 50) / 50, (130 + 30) / 30, (120 + 200) / 200.
  CHECK(report->average_bounded_slowdown
        == doctest::Approx((1 + 2.8 + 16.0 / 3 + 1.6) / 4));
  // 600 + 400 + 120 + 400 processor-seconds of 10 * 350.
  CHECK(report->utilisation == doctest::Approx(1520.0 / 3500));
}

TEST_CASE("EASY starts what ends before the head is to start") {
  const auto report
      = run_swf_track(four_jobs, {10, queue_order::fcfs, backfilling::easy});
  REQUIRE(report);
  // Job 3 starts at once. Job 4 could only end at 230, so it waits: at 100 it
  // takes the 2 that job 2 leaves.
  CHECK(starts_of(*report) == starts{{1, 0}, {2, 100}, {3, 20}, {4, 100}});
}

TEST_CASE("a backfilled job must end strictly before the head starts") {
  auto jobs = four_jobs;
  jobs[2].requested_seconds = 79; // 20 + 79 < 100
  const swf_options easy{10, queue_order::fcfs, backfilling::easy};
  CHECK(starts_of(*run_swf_track(jobs, easy))[3] == 20);
  jobs[2].requested_seconds = 80;
  CHECK(starts_of(*run_swf_track(jobs, easy))[3] == 150);
}

TEST_CASE("a head once chosen is not chosen anew") {
  // Job 2 is the shortest when it is chosen; the shorter job 3 comes later and
  // would fit, but waits.
  const std::vector<swf_job> jobs{
      {1, 0, 100, 6, 100}, {2, 10, 50, 8, 50}, {3, 20, 5, 4, 5}};
  const auto report = run_swf_track(jobs, {10, queue_order::sjf});
  REQUIRE(report);
  CHECK(starts_of(*report) == starts{{1, 0}, {2, 100}, {3, 150}});
}

TEST_CASE("orders are asked at the time of the choice") {
  // At 100 job 2 has waited 90 s for 1000 s on 9: wfp3 = -(0.09^3) * 9; job 3
  // 80 s for 10 s on 10: -(8^3) * 10, which is first although fcfs has job 2.
  const std::vector<swf_job> jobs{{1, 0, 100, 10, 100},
                                  {4, 1, 10, 10, 10}, // The head until 100.
                                  {2, 10, 1000, 9, 1000},
                                  {3, 20, 10, 10, 10}};
  CHECK(starts_of(*run_swf_track(jobs, {10, queue_order::wfp3}))
        == starts{{1, 0}, {4, 100}, {3, 110}, {2, 120}});
  CHECK(starts_of(*run_swf_track(jobs, {10, queue_order::fcfs}))
        == starts{{1, 0}, {4, 100}, {2, 110}, {3, 1110}});
}

TEST_CASE("each window starts on an empty machine at its first submission") {
  const auto report = run_swf_track(
      four_jobs, {10, queue_order::fcfs, backfilling::none, {{0, 2}, {1, 2}}});
  REQUIRE(report);
  CHECK(report->schedule
        == std::vector<swf_start>{
            {0, 1, 0}, {0, 2, 100}, {1, 2, 10}, {1, 3, 60}});
  REQUIRE(report->per_window.size() == 2);
  CHECK(report->per_window[0] == doctest::Approx((1 + 2.8) / 2));
  // Job 3 waits from 20 to 60: (40 + 30) / 30.
  CHECK(report->per_window[1] == doctest::Approx((1 + 7.0 / 3) / 2));
  CHECK(
      report->average_bounded_slowdown
      == doctest::Approx((report->per_window[0] + report->per_window[1]) / 2));
  CHECK(schedule_csv(*report)
        == "window,job,start\n0,1,0\n0,2,100\n1,2,10\n1,3,60\n");
}

TEST_CASE("short jobs count as ten seconds long") {
  CHECK(bounded_slowdown(0, 1) == 1); // 1 / 10, but never below 1
  CHECK(bounded_slowdown(19, 1) == 2);
  CHECK(bounded_slowdown(100, 50) == 3);
}

TEST_CASE(
    "random logs: never too many processors, every job once, same twice") {
  constexpr std::int64_t processors = 16;
  for (std::uint32_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    std::mt19937 random{seed};
    const auto below = [&random](std::int64_t limit) {
      return static_cast<std::int64_t>(random()) % limit;
    };
    std::vector<swf_job> jobs;
    std::int64_t submit = 0;
    for (std::int64_t number = 0; number < 200; ++number) {
      submit += below(20);
      const auto run = 1 + below(100);
      const auto requested = run * 3 / (2 + below(3)); // A third overrun it.
      jobs.push_back({number, submit, run, 1 + below(processors), requested});
    }
    for (const auto order : all_queue_orders())
      for (const auto backfill : {backfilling::none, backfilling::easy}) {
        const swf_options options{processors, order, backfill};
        const auto report = run_swf_track(jobs, options);
        REQUIRE(report);
        CHECK(report->schedule == run_swf_track(jobs, options)->schedule);
        const auto started = starts_of(*report);
        CHECK(report->schedule.size() == jobs.size());
        // Plans are played out on a machine of their own: the same one.
        std::vector<recorded_job> record;
        for (const auto& job : jobs)
          record.push_back({{job.number, job.submit_seconds,
                             job.requested_seconds, job.processors},
                            job.run_seconds});
        const auto slowdowns
            = replay(record, processors, backfill, *policy_of(order));
        REQUIRE(slowdowns.size() == jobs.size());
        CHECK(std::reduce(slowdowns.begin(), slowdowns.end())
              == doctest::Approx(report->average_bounded_slowdown
                                 * static_cast<double>(jobs.size())));
        REQUIRE(started.size() == jobs.size());
        std::map<std::int64_t, std::int64_t> change; // Of processors in use.
        for (const auto& job : jobs) {
          const auto at = started.at(job.number);
          CHECK(at >= job.submit_seconds);
          change[at] += job.processors;
          change[at + job.run_seconds] -= job.processors;
        }
        std::int64_t in_use = 0;
        for (const auto& [time, amount] : change) {
          in_use += amount;
          CHECK(in_use <= processors);
        }
      }
  }
}

TEST_CASE("options that do not go with the log are refused, all at once") {
  const auto wrong = run_swf_track(
      four_jobs,
      {0, queue_order::fcfs, backfilling::none, {{3, 2}, {1, 0}, {9, 1}}});
  REQUIRE(!wrong);
  CHECK(wrong.failure()
        == error{error_code::invalid_argument,
                 "the machine has 0 processors (want 1 to 1000000000); the "
                 "window 3:2 ends behind the last of 4 jobs; the window 1:0 "
                 "has no job; the window 9:1 ends behind the last of 4 jobs"});
  const auto wide = run_swf_track(four_jobs, {7, queue_order::fcfs});
  REQUIRE(!wide);
  CHECK(wide.failure()
        == error{error_code::infeasible,
                 "job 2 wants 8 processors, the machine has 7"});
}

TEST_CASE("windows are read from text") {
  CHECK(*parse_windows("1981:1024,0:3")
        == std::vector<swf_window>{{1981, 1024}, {0, 3}});
  for (const auto* bad :
       {"", "5", "5:", ":5", "5:6,", "a:b", "-1:5", "5:6:7"}) {
    CAPTURE(bad);
    REQUIRE(!parse_windows(bad));
    CHECK(parse_windows(bad).failure().code == error_code::invalid_argument);
  }
  CHECK(parse_windows("1:2,x").failure().message
        == "the window \"x\" is not START:LEN, as in 1981:1024");
}

TEST_SUITE_END();
