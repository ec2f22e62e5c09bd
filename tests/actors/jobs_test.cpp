#include "actors/offer_value.hpp"
#include "tests/actors/roles_fixture.hpp"

using namespace skerry;
using namespace skerry::testing;
using mesh::v1::Report;

TEST_SUITE_BEGIN("actors/jobs");

TEST_CASE_FIXTURE(jobs_fixture, "an acknowledged job is in the same outbox") {
  CHECK(submit(job_of("j")) == error_code{});
  REQUIRE(out.writes.size() == 1);
  CHECK(out.writes.front().key == "job/j");
  CHECK(out.replies.size() == 1);
}

TEST_CASE_FIXTURE(jobs_fixture, "the same job again is known, another is not") {
  (void)submit(job_of("j"));
  CHECK(submit(job_of("j")) == error_code{});
  CHECK(out.writes.empty());
  CHECK(submit(job_of("j", 2)) == error_code::already_exists);
}

TEST_CASE_FIXTURE(jobs_fixture, "the job that is at fault is named") {
  const auto refusal_of = [&](const v1::Job& second) {
    v1::SubmitRequest request;
    *request.add_jobs() = job_of("first");
    *request.add_jobs() = second;
    std::string why;
    out = {};
    owned.submit(
        request, {}, [&](const auto& reply) { why = reply.failure().message; },
        out);
    for (auto& reply : out.replies)
      reply();
    return why;
  };
  CHECK(refusal_of(job_of("second", 100'001)).starts_with("job second: "));
  CHECK(refusal_of(job_of("")).starts_with("jobs[1]: job.id "));
}

TEST_CASE_FIXTURE(jobs_fixture, "jobs that nobody could name are refused") {
  auto job = job_of("j");
  job.mutable_groups(0)->set_name("a.b");
  CHECK(submit(job) == error_code::invalid_argument);
  CHECK(submit(job_of("j", 100'001)) == error_code::limit_exceeded);
  job = job_of("j");
  job.mutable_groups(0)->mutable_profile()->set_max_attempts(65'536);
  CHECK(submit(job) == error_code::invalid_argument);
  CHECK_FALSE(owned.status("j"));
}

TEST_CASE_FIXTURE(jobs_fixture, "a placed task runs and finishes") {
  (void)submit(job_of("j"));
  answer(true);
  CHECK(task().state() == v1::PLACED);
  report(Report::STARTED);
  CHECK(task().state() == v1::RUNNING);
  report(Report::ENDED, 1, true);
  CHECK(task().state() == v1::FINISHED);
  CHECK(owned.status("j")->state() == v1::FINISHED);
}

TEST_CASE_FIXTURE(jobs_fixture, "what was refused waits for room") {
  (void)submit(job_of("j"));
  answer(false);
  CHECK(award() == nullptr);
  CHECK(task().state() == v1::QUEUED);
  hear_of_cell(2);
  REQUIRE(award() != nullptr);
  // Whatever still travels of the first is void.
  CHECK(award()->awards(0).attempt() == 2);
}

TEST_CASE_FIXTURE(jobs_fixture, "a lost task has as many attempts as it may") {
  auto job = job_of("j");
  job.mutable_groups(0)->mutable_profile()->set_max_attempts(2);
  (void)submit(job);
  answer(true);
  report(Report::LOST);
  CHECK(task().attempt() == 2);
  answer(true);
  report(Report::LOST, 2);
  CHECK(task().state() == v1::FAILED);
}

TEST_CASE_FIXTURE(jobs_fixture, "to be evicted is no failure") {
  (void)submit(job_of("j"));
  answer(true);
  report(Report::EVICTED);
  CHECK(task().failures() == 0);
  CHECK(task().attempt() == 2);
}

TEST_CASE_FIXTURE(jobs_fixture, "a loss counts from the last cell only") {
  (void)submit(job_of("j"));
  answer(true);
  report(Report::STARTED, 1, false, "other", 5);
  CHECK(task().cell() == "other");
  report(Report::LOST, 1, false, "s", 4);
  CHECK(task().state() == v1::RUNNING);
  report(Report::LOST, 1, false, "other", 5);
  CHECK(task().attempt() == 1);
  CHECK(task().state() == v1::FAILED); // One attempt was all it had.
}

TEST_CASE_FIXTURE(jobs_fixture, "an older session's cell is told to forget") {
  (void)submit(job_of("j"));
  answer(true);
  report(Report::STARTED, 1, false, "other", 5);
  report(Report::STARTED, 1, false, "s", 4);
  REQUIRE(out.envelopes.front().has_report_reply());
  CHECK(out.envelopes.front().report_reply().forget_size() == 1);
}

TEST_CASE_FIXTURE(jobs_fixture, "a finished task stays so") {
  (void)submit(job_of("j"));
  answer(true);
  report(Report::ENDED, 1, true);
  report(Report::LOST);
  report(Report::STARTED);
  CHECK(task().state() == v1::FINISHED);
  CHECK(out.envelopes.front().report_reply().stop_size() == 1);
}

TEST_CASE_FIXTURE(jobs_fixture, "a cancelled job ends with its tasks") {
  (void)submit(job_of("j"));
  answer(true);
  v1::CancelJobRequest request;
  request.set_id("j");
  out = {};
  CHECK(owned.cancel(request, {5'000, 5'000}, out));
  REQUIRE(out.envelopes.size() == 1);
  CHECK(out.envelopes.front().stop_batch().tasks(0).task() == "j.task.0");
  report(Report::ENDED);
  CHECK(task().state() == v1::CANCELLED);
}

TEST_CASE_FIXTURE(jobs_fixture, "another server's question is answered") {
  (void)submit(job_of("j"));
  answer(true);
  mesh::v1::Question question;
  question.set_number(3);
  question.mutable_job()->set_id("j");
  CHECK(owned.answer(question, {}, out).job().placed() == 1);
  question.mutable_logs()->set_task("j.task.0");
  const auto one = owned.answer(question, {}, out).job();
  REQUIRE(one.tasks_size() == 1);
  CHECK(one.tasks(0).id() == "j.task.0");
  question.mutable_cancel()->set_id("k");
  CHECK(owned.answer(question, {}, out).failure().code()
        == static_cast<int>(error_code::not_found));
}

TEST_CASE("an award to another server is on disk before it leaves") {
  jobs owned{{.server = "s", .epoch = 1}};
  owned.set_peers({"t"});
  outbox out;
  mesh::v1::Envelope news;
  news.mutable_cell_freed()->set_cell("t");
  news.mutable_cell_freed()->set_epoch(4);
  owned.take(news, {}, out);
  v1::SubmitRequest request;
  *request.add_jobs() = job_of("j");
  owned.submit(
      request, {}, [](const result<v1::SubmitReply>&) {}, out);
  std::uint64_t number = 0;
  for (const auto& envelope : out.envelopes)
    number = envelope.bid_request().number();
  for (const std::string cell : {"s", "t"}) {
    mesh::v1::Envelope reply;
    reply.mutable_bid_reply()->set_cell(cell);
    reply.mutable_bid_reply()->set_number(number);
    auto* bid = reply.mutable_bid_reply()->add_bids();
    bid->set_placed(true);
    bid->set_score(cell == "t" ? 2 : 1);
    out = {};
    owned.take(reply, {}, out);
  }
  REQUIRE(out.envelopes.size() == 1);
  CHECK(out.envelopes.front().to() == "t");
  CHECK(out.envelopes.front().award_batch().cell_epoch() == 4);
  REQUIRE(out.writes.size() == 1);
  CHECK(out.writes.front().key == "task/j.task.0");
}

TEST_CASE("offers of one policy compare by score, of several by fit") {
  const auto offer = [](const char* policy, double score, double fit) {
    v1::Decision out;
    out.set_policy(policy);
    out.set_score(score);
    out.set_fit(fit);
    return out;
  };
  const auto better = [](const v1::Decision& a, const v1::Decision& b) {
    return value_of(a).better_than(value_of(b));
  };
  CHECK(better(offer("fgd", 2, 1), offer("fgd", 1, 9)));
  CHECK_FALSE(better(offer("fgd", 1, 9), offer("fgd", 1, 1)));
  CHECK(better(offer("fgd", -100, 2), offer("first-fit", 0, 1)));
  auto gang = value_of(offer("fgd", 1, 1));
  gang.add(offer("fgd", 1, 1));
  CHECK(gang.better_than(value_of(offer("fgd", 1.5, 9))));
}
