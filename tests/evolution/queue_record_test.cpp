#include "evolution/queue_record.hpp"

#include <vector>

#include <doctest/doctest.h>

using namespace skerry;

namespace {

constexpr std::int64_t hour = 3'600;

/// A job each hour; all but the last `running` have ended, after 60 s.
queue_record hourly(std::int64_t jobs, std::int64_t running) {
  queue_record record;
  for (std::int64_t number = 0; number < jobs; ++number)
    record.submitted({number, number * hour, 100, 1 + number % 24});
  for (std::int64_t number = 0; number < jobs - running; ++number)
    record.ended({number, number * hour, 100, 1 + number % 24}, 60);
  return record;
}

} // namespace

TEST_SUITE_BEGIN("evolution/queue_record");

TEST_CASE("a future is a piece of the past at the same hour of the day") {
  const auto record = hourly(240, 0);
  const auto now = 240 * hour;
  rng random{1};
  for (int i = 0; i < 50; ++i) {
    std::vector<machine_job> jobs;
    record.cut_future(now, 5, jobs, random);
    REQUIRE(jobs.size() == 5);
    for (std::size_t job = 0; job < jobs.size(); ++job) {
      CHECK(jobs[job].submit_seconds >= now);
      CHECK(jobs[job].run_seconds == 60);
      if (job > 0)
        CHECK(jobs[job].submit_seconds - jobs[job - 1].submit_seconds == hour);
    }
    // Processors tell the hour: 0 or 1 after now, which is hour 0.
    CHECK(jobs.front().processors <= 3);
    CHECK(jobs.front().submit_seconds - now <= 2 * hour);
  }
}

TEST_CASE("a future ends with the record") {
  const auto record = hourly(10, 0);
  rng random{2};
  std::vector<machine_job> jobs{{0, 1, 1, 1}}; // Is kept.
  record.cut_future(10 * hour, 100, jobs, random);
  CHECK(jobs.size() <= 11);
  CHECK(jobs.front().requested_seconds == 1);
  std::vector<machine_job> none;
  queue_record{}.cut_future(10 * hour, 100, none, random);
  CHECK(none.empty());
}

TEST_CASE("jobs that have not ended get a run time drawn") {
  const auto record = hourly(48, 48 - 24);
  rng random{3};
  for (int i = 0; i < 20; ++i) {
    std::vector<machine_job> jobs;
    record.cut_future(30 * hour, 30, jobs, random);
    for (const auto& job : jobs)
      CHECK(job.run_seconds == 60); // As all that have ended.
  }
}

TEST_CASE("what is played again has nearly all ended") {
  const auto all = hourly(200, 0).latest_ended(50);
  CHECK(all.size() == 50);
  const auto record = hourly(200, 20);
  const auto jobs = record.latest_ended(50);
  REQUIRE(jobs.size() == 50);
  std::size_t running = 0;
  for (const auto& job : jobs)
    running += job.run_seconds == 0 ? 1 : 0;
  CHECK(running * 20 <= jobs.size());
  CHECK(record.latest_ended(1'000).size() <= 190);
  CHECK(record.ends() == 180);
}

TEST_SUITE_END();
