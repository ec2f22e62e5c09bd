#include "tests/actors/roles_fixture.hpp"

#include <map>
#include <optional>

using namespace skerry;
using namespace skerry::testing;
using mesh::v1::Report;

TEST_SUITE_BEGIN("actors/jobs_after");

namespace {

/// JOBS with a disk, beside a cell that takes all it is given.
struct stages_fixture {
  std::map<std::string, std::string> disk;
  std::unique_ptr<jobs> owned
      = std::make_unique<jobs>(jobs_options{.server = "s", .epoch = 1});
  std::int64_t now = 1'000'000;
  std::uint64_t epoch = 1;

  stages_fixture() { hear_of_cell(); }

  void hear_of_cell() {
    owned->set_peers({});
    mesh::v1::Envelope envelope;
    envelope.mutable_cell_freed()->set_cell("s");
    envelope.mutable_cell_freed()->set_epoch(epoch);
    take(envelope);
  }

  void restart() {
    ++epoch;
    owned = std::make_unique<jobs>(jobs_options{.server = "s", .epoch = epoch});
    for (const auto& [key, value] : disk)
      REQUIRE(owned->recover(key, value));
    REQUIRE(owned->finish_recovery());
    hear_of_cell();
  }

  /// On disk, and taken by the cell.
  void settle(outbox out) {
    while (!out.empty()) {
      for (const auto& [key, value] : out.writes)
        if (value)
          disk[key] = *value;
        else
          disk.erase(key);
      for (auto& reply : out.replies)
        reply();
      outbox next;
      for (const auto& envelope : out.envelopes) {
        if (!envelope.has_award_batch())
          continue;
        mesh::v1::Envelope answer;
        auto& reply = *answer.mutable_award_reply();
        reply.set_cell("s");
        reply.set_number(envelope.award_batch().number());
        for (const auto& one : envelope.award_batch().awards()) {
          auto* result = reply.add_results();
          result->set_task(one.task());
          result->set_attempt(one.attempt());
          result->set_placed(true);
        }
        owned->take(answer, {now, now}, next);
      }
      out = std::move(next);
    }
    const auto sound = owned->check_invariants();
    REQUIRE_MESSAGE(sound, (sound ? "" : sound.failure().message));
  }

  void take(const mesh::v1::Envelope& envelope) {
    outbox out;
    owned->take(envelope, {now, now}, out);
    settle(std::move(out));
  }

  void wait(std::int64_t milliseconds) {
    now += milliseconds;
    outbox out;
    owned->tick({now, now}, out);
    settle(std::move(out));
  }

  std::optional<error> submit(const std::vector<v1::Job>& jobs) {
    v1::SubmitRequest request;
    for (const auto& job : jobs)
      *request.add_jobs() = job;
    outbox out;
    std::optional<error> refused;
    owned->submit(
        request, {now, now},
        [&](const auto& reply) {
          if (!reply)
            refused = reply.failure();
        },
        out);
    settle(std::move(out));
    return refused;
  }

  void ended(const std::string& task, bool succeeded,
             std::uint32_t attempt = 1) {
    mesh::v1::Envelope envelope;
    envelope.mutable_report_batch()->set_cell("s");
    auto* one = envelope.mutable_report_batch()->add_reports();
    one->set_task(task);
    one->set_attempt(attempt);
    one->set_kind(Report::ENDED);
    one->set_session(1);
    one->mutable_outcome()->set_succeeded(succeeded);
    take(envelope);
  }

  v1::TaskStatus task(const std::string& id) const {
    return owned->task_status(id)->tasks(0);
  }
  v1::TaskState state(const std::string& id) const { return task(id).state(); }
};

v1::Job after(std::string id, const std::vector<std::string>& parents) {
  auto job = job_of(id);
  job.mutable_after()->Assign(parents.begin(), parents.end());
  return job;
}

/// Stages of a task each: NAME, and those that it is after.
v1::Job staged(
    const std::vector<std::pair<std::string, std::vector<std::string>>>& all) {
  auto job = job_of("j");
  const auto work = job.groups(0);
  job.clear_groups();
  for (const auto& [name, parents] : all) {
    auto* group = job.add_groups();
    *group = work;
    group->set_name(name);
    group->mutable_after()->Assign(parents.begin(), parents.end());
  }
  return job;
}

} // namespace

TEST_CASE_FIXTURE(stages_fixture, "a stage starts when all before it finish") {
  REQUIRE_FALSE(submit({staged({{"a", {}}, {"b", {}}, {"c", {"a", "b"}}})}));
  CHECK(state("j.a.0") == v1::PLACED);
  CHECK(state("j.c.0") == v1::QUEUED);
  CHECK(task("j.c.0").waits_for() == "group a has not finished");
  ended("j.a.0", true);
  CHECK(state("j.c.0") == v1::QUEUED);
  ended("j.b.0", true);
  CHECK(state("j.c.0") == v1::PLACED);
}

TEST_CASE_FIXTURE(stages_fixture, "a failed stage cancels all after it") {
  REQUIRE_FALSE(
      submit({staged({{"a", {}}, {"b", {"a"}}, {"c", {"b"}}, {"other", {}}})}));
  ended("j.a.0", false);
  CHECK(state("j.b.0") == v1::CANCELLED);
  CHECK(state("j.c.0") == v1::CANCELLED);
  CHECK(task("j.c.0").outcome().reason() == "group a has failed");
  CHECK(state("j.other.0") == v1::PLACED);
  ended("j.other.0", true);
  CHECK(owned->status("j")->state() == v1::FAILED);
}

TEST_CASE_FIXTURE(stages_fixture, "a restart knows the stages as they were") {
  REQUIRE_FALSE(submit({staged(
      {{"a", {}}, {"b", {"a"}}, {"c", {"b"}}, {"bad", {}}, {"d", {"bad"}}})}));
  ended("j.a.0", true);
  ended("j.bad.0", false);
  restart();
  CHECK(state("j.c.0") == v1::QUEUED);
  CHECK(state("j.d.0") == v1::CANCELLED);
  // The award of b to the own cell was not on disk: it is made again.
  CHECK(state("j.b.0") == v1::PLACED);
  ended("j.b.0", true);
  CHECK(state("j.c.0") == v1::PLACED);
}

TEST_CASE_FIXTURE(stages_fixture, "a job waits for the jobs before it") {
  REQUIRE_FALSE(submit({after("c", {"a", "b"}), job_of("a"), job_of("b")}));
  CHECK(task("c.task.0").waits_for() == "job a has not finished");
  ended("a.task.0", true);
  restart();
  CHECK(state("c.task.0") == v1::QUEUED);
  ended("b.task.0", true);
  CHECK(state("c.task.0") == v1::PLACED);
}

TEST_CASE_FIXTURE(stages_fixture, "a failed job cancels all jobs after it") {
  REQUIRE_FALSE(submit({job_of("a"), after("b", {"a"}), after("c", {"b"})}));
  ended("a.task.0", false);
  CHECK(state("b.task.0") == v1::CANCELLED);
  CHECK(task("b.task.0").outcome().reason() == "job a has failed");
  CHECK(task("c.task.0").outcome().reason() == "job b was cancelled");
  // Whoever is late with it hears the same.
  REQUIRE_FALSE(submit({after("d", {"a"})}));
  CHECK(state("d.task.0") == v1::CANCELLED);
  restart();
  CHECK(state("c.task.0") == v1::CANCELLED);
}

TEST_CASE_FIXTURE(stages_fixture, "unknown parents and cycles are refused") {
  const auto unknown = submit({after("b", {"a"})});
  REQUIRE(unknown);
  CHECK(unknown->code == error_code::invalid_argument);
  CHECK(unknown->message.starts_with("job b is after job a, which server s "));
  const auto cycle = submit({after("a", {"b"}), after("b", {"a"})});
  REQUIRE(cycle);
  CHECK(cycle->message.ends_with(" is after itself, through its `after`"));
  CHECK(submit({staged({{"a", {"b"}}, {"b", {"a"}}})}));
  CHECK_FALSE(owned->status("a"));
}

TEST_CASE_FIXTURE(stages_fixture, "failures are tried again ever later") {
  auto job = job_of("j");
  job.mutable_groups(0)->set_retry_delay_milliseconds(1'000);
  job.mutable_groups(0)->mutable_profile()->set_max_attempts(20);
  REQUIRE_FALSE(submit({job}));
  // 1, 2, 4 s ..., and no more than five minutes.
  std::int64_t delay = 1'000;
  for (std::uint32_t attempt = 1; attempt < 12; ++attempt) {
    ended("j.task.0", false, attempt);
    CHECK(state("j.task.0") == v1::QUEUED);
    wait(delay / 2);
    restart(); // It goes on waiting.
    wait(delay / 2 - 1);
    CHECK(state("j.task.0") == v1::QUEUED);
    wait(1);
    CHECK(state("j.task.0") == v1::PLACED);
    delay = std::min<std::int64_t>(2 * delay, 300'000);
  }
}

TEST_CASE_FIXTURE(stages_fixture, "what waits for a time can be cancelled") {
  auto job = job_of("j");
  job.set_hold_milliseconds(1'000);
  REQUIRE_FALSE(submit({job}));
  CHECK(task("j.task.0").waits_for() == "its job is held for a time");
  v1::CancelJobRequest request;
  request.set_id("j");
  request.set_reason("changed my mind");
  outbox out;
  REQUIRE(owned->cancel(request, {now, now}, out));
  settle(std::move(out));
  wait(2'000);
  CHECK(state("j.task.0") == v1::CANCELLED);
  CHECK(task("j.task.0").outcome().reason() == "changed my mind");
}

TEST_CASE_FIXTURE(stages_fixture, "a held job starts in time") {
  auto job = job_of("j");
  job.set_hold_milliseconds(1'000);
  REQUIRE_FALSE(submit({job}));
  wait(999);
  restart();
  CHECK(state("j.task.0") == v1::QUEUED);
  wait(1);
  CHECK(state("j.task.0") == v1::PLACED);
}
