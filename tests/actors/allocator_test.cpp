#include "tests/actors/roles_fixture.hpp"

using namespace skerry;
using namespace skerry::testing;

TEST_SUITE_BEGIN("actors/allocator");

namespace {

v1::HeldTask held_by_agent(const v1::StartOrder& order) {
  v1::HeldTask held;
  *held.mutable_order() = order;
  held.set_started(true);
  return held;
}

v1::Job elastic_job() {
  auto job = job_of("j");
  auto& profile = *job.mutable_groups(0)->mutable_profile();
  *profile.mutable_minimum() = profile.demand();
  *profile.mutable_maximum() = profile.demand();
  profile.mutable_minimum()->set_cpu_millicores(500);
  profile.mutable_maximum()->set_cpu_millicores(8'000);
  return job;
}

struct resized : cell_fixture {
  std::optional<result<v1::ResizeReply>> answer;

  resized() {
    (void)award(elastic_job());
    start("j.task.0");
  }

  void resize(std::int64_t cpu) {
    v1::ResizeRequest request;
    request.set_task("j.task.0");
    request.mutable_demand()->set_cpu_millicores(cpu);
    out = {};
    cell->resize(
        request, {now, now}, [this](auto reply) { answer = std::move(reply); },
        out);
    hear();
  }
  /// What a hello says of it.
  static v1::HeldTask held_with(std::int64_t cpu) {
    v1::StartOrder order;
    order.set_task("j.task.0");
    order.set_attempt(1);
    order.mutable_demand()->set_cpu_millicores(cpu);
    order.mutable_demand()->set_memory_bytes(1 << 30);
    return held_by_agent(order);
  }
  void hear() {
    for (auto& reply : out.replies)
      reply();
    check();
  }
  void agent_has(std::int64_t cpu) {
    auto report_of = on("j.task.0");
    report_of.mutable_resized()->set_cpu_millicores(cpu);
    report_of.mutable_resized()->set_memory_bytes(1 << 30);
    report(report_of);
    hear();
  }
};

} // namespace

TEST_CASE_FIXTURE(cell_fixture, "an order goes out with its record") {
  const auto reply = award(job_of("j"));
  CHECK(reply.results(0).placed());
  REQUIRE(out.writes.size() == 1);
  CHECK(out.writes.front().key == "allocation/j.task.0");
  REQUIRE(orders().starts_size() == 1);
  CHECK(orders().starts(0).session() == 1);
  CHECK(free_cpu() == 3'000);
}

TEST_CASE_FIXTURE(cell_fixture, "a gang is placed whole or not at all") {
  const auto reply = award(job_of("j", 5, true)); // Of 4 cores.
  for (const auto& each : reply.results())
    CHECK_FALSE(each.placed());
  CHECK(out.writes.empty());
  CHECK(orders().starts().empty());
  CHECK(free_cpu() == 4'000);
  CHECK(award(job_of("j", 4, true)).results(3).placed());
}

TEST_CASE_FIXTURE(cell_fixture, "a gang awarded again is not taken back") {
  (void)award(job_of("j", 4, true));
  start("j.task.0");
  auto ended = on("j.task.1");
  ended.mutable_ended()->set_succeeded(true);
  report(ended);
  const auto reply = award(job_of("j", 4, true));
  for (const auto& each : reply.results())
    CHECK(each.placed());
  CHECK(free_cpu() == 1'000);
}

TEST_CASE_FIXTURE(cell_fixture, "awards of another reign are ignored") {
  mesh::v1::Envelope envelope;
  envelope.set_from("s");
  envelope.mutable_award_batch()->set_owner("s");
  envelope.mutable_award_batch()->set_cell_epoch(9);
  envelope.mutable_award_batch()->set_number(1);
  take(envelope);
  CHECK(out.envelopes.empty());
}

TEST_CASE_FIXTURE(cell_fixture, "a bid holds nothing") {
  mesh::v1::Envelope envelope;
  envelope.set_from("s");
  for (int i = 0; i < 5; ++i)
    *envelope.mutable_bid_request()->add_tasks()
        = job_of("j").groups(0).profile();
  take(envelope);
  const auto& bids = out.envelopes.front().bid_reply();
  CHECK(bids.bids(3).placed());
  CHECK_FALSE(bids.bids(4).placed()); // Of what the four before have left.
  CHECK(free_cpu() == 4'000);
}

TEST_CASE_FIXTURE(cell_fixture, "reports of an earlier session are ignored") {
  (void)award(job_of("j"));
  hello(1, {held_by_agent(orders().starts(0))});
  auto ended = on("j.task.0", 1);
  ended.mutable_ended()->set_succeeded(true);
  report(ended);
  CHECK(free_cpu() == 3'000);
}

TEST_CASE_FIXTURE(cell_fixture, "a session is given once") {
  hello(1);
  CHECK(orders().welcomes(0).session() == 2);
  hello(0);
  CHECK(orders().welcomes().empty());
  CHECK(orders().refused(0).last_session() == 2);
}

TEST_CASE_FIXTURE(cell_fixture, "what an agent brings along is adopted") {
  (void)award(job_of("j"));
  const auto order = orders().starts(0);
  cell_fixture other;
  other.hello(1, {held_by_agent(order)});
  CHECK(other.free_cpu() == 3'000);
  other.tick(0);
  CHECK(other.out.envelopes.front().report_batch().reports(0).kind()
        == mesh::v1::Report::STARTED);
}

TEST_CASE_FIXTURE(cell_fixture, "a silent node is lost when no server has it") {
  out = {};
  cell->set_peers({"t"}, {"t"}, out);
  CHECK(out.writes.front().key == "peer/t");
  (void)award(job_of("j"));
  tick(6'000); // Five heartbeats: its stream is closed.
  CHECK(out.links_to_close.size() == 1);
  tick(18'000); // Lease and margin.
  CHECK(free_cpu() == 3'000);
  mesh::v1::Envelope answer;
  answer.set_from("t");
  for (const auto& envelope : out.envelopes)
    if (envelope.has_where_is())
      answer.mutable_where_is_reply()->set_number(envelope.where_is().number());
  answer.mutable_where_is_reply()->add_not_here("n");
  take(answer);
  tick(100);
  CHECK(cell->state().size() == 0);
  CHECK(cell->state().nodes().live_nodes() == 0);
}

TEST_CASE_FIXTURE(cell_fixture, "a drained node's tasks go elsewhere") {
  (void)award(job_of("j"));
  start("j.task.0");
  mesh::v1::Question question;
  auto& wanted = *question.mutable_command()->mutable_condition();
  wanted.set_name("n");
  wanted.set_condition(v1::DRAINING);
  out = {};
  (void)cell->answer(question, {}, out);
  CHECK(orders().stops_size() == 1);
  auto ended = on("j.task.0");
  ended.mutable_ended()->set_reason("stopped");
  report(ended);
  tick(0);
  CHECK(out.envelopes.front().report_batch().reports(0).kind()
        == mesh::v1::Report::EVICTED);
  CHECK_FALSE(award(job_of("k")).results(0).placed());
}

TEST_CASE_FIXTURE(cell_fixture, "who refuses an order is left alone a while") {
  const auto refuse = [&](const std::string& task) {
    auto refused = on(task);
    refused.mutable_refused()->set_code(
        static_cast<int>(error_code::insufficient));
    report(refused);
  };
  const auto is_placed = [&](const std::string& job) {
    return award(job_of(job)).results(0).placed();
  };
  REQUIRE(is_placed("a"));
  refuse("a.task.0");
  CHECK_FALSE(is_placed("b"));
  tick(249); // Of 250, the first pause.
  CHECK_FALSE(is_placed("b"));
  tick(1);
  CHECK(out.envelopes.front().cell_freed().freed() > 0); // JOBS tries again.
  REQUIRE(is_placed("b"));
  refuse("b.task.0");
  tick(499); // It doubles.
  CHECK_FALSE(is_placed("c"));
  tick(1);
  REQUIRE(is_placed("c"));
  start("c.task.0"); // All is well again.
  REQUIRE(is_placed("d"));
  refuse("d.task.0");
  tick(250);
  CHECK(is_placed("e"));
}

TEST_CASE_FIXTURE(cell_fixture, "an agent that is back is trusted again") {
  (void)award(job_of("a"));
  auto refused = on("a.task.0");
  refused.mutable_refused()->set_code(
      static_cast<int>(error_code::insufficient));
  refused.mutable_refused()->set_message("no memory");
  report(refused);
  mesh::v1::Question question;
  question.mutable_nodes()->set_name("n");
  CHECK(cell->answer(question, {now, now}, out).nodes().nodes(0).trouble()
        == "it takes no tasks for 250 ms more, for its agent has refused one: "
           "no memory");
  hello(1);
  CHECK(cell->answer(question, {now, now}, out)
            .nodes()
            .nodes(0)
            .trouble()
            .empty());
  CHECK(award(job_of("b")).results(0).placed());
}

TEST_CASE_FIXTURE(cell_fixture, "a reservation runs out, or is kept") {
  v1::DecideRequest request;
  request.set_request_id("r");
  request.set_reserve_milliseconds(100);
  *request.add_tasks() = job_of("j").groups(0).profile();
  *request.add_tasks() = job_of("j").groups(0).profile();
  const auto first = cell->decide(request, {now, now}, out);
  REQUIRE(first);
  CHECK(free_cpu() == 2'000);
  // Again is the same.
  const auto again = cell->decide(request, {now, now}, out);
  CHECK(again->decisions(1).reservation() == first->decisions(1).reservation());
  CHECK(first->decisions(0).score() != 0);
  CHECK(again->decisions(0).score() == first->decisions(0).score());
  mesh::v1::Question confirm;
  confirm.mutable_reservations()->set_kind(
      mesh::v1::ReservationCommand::CONFIRM);
  confirm.mutable_reservations()->add_reservations(
      first->decisions(0).reservation());
  CHECK(cell->answer(confirm, {}, out).decide().changed() == 1);
  tick(100);
  CHECK(free_cpu() == 3'000);
  // Half of the request still lives.
  CHECK(cell->decide(request, {now, now}, out)->decisions(0).placed());
  CHECK(free_cpu() == 3'000);
}

TEST_CASE_FIXTURE(resized, "what a task gains is taken before the order") {
  resize(3'000);
  CHECK(free_cpu() == 1'000);
  CHECK(out.writes.size() == 1);
  CHECK(orders().resizes(0).demand().cpu_millicores() == 3'000);
  CHECK(orders().resizes(0).demand().memory_bytes() == 1 << 30);
  CHECK_FALSE(answer);
  agent_has(3'000);
  REQUIRE(answer);
  CHECK((*answer)->demand().cpu_millicores() == 3'000);
}

TEST_CASE_FIXTURE(resized, "what a task gives back is free when it is done") {
  resize(500);
  CHECK(free_cpu() == 3'000);
  agent_has(500);
  CHECK(free_cpu() == 3'500);
}

TEST_CASE_FIXTURE(resized, "a resize that the agent refuses is taken back") {
  resize(3'000);
  auto refused = on("j.task.0");
  refused.mutable_refused()->set_was_resize(true);
  refused.mutable_refused()->set_code(
      static_cast<int>(error_code::insufficient));
  report(refused);
  hear();
  CHECK(free_cpu() == 3'000);
  REQUIRE(answer);
  CHECK(answer->failure().code == error_code::insufficient);
}

TEST_CASE_FIXTURE(resized, "a resize is refused for what does not fit") {
  resize(5'000);
  CHECK(answer->failure().code == error_code::insufficient);
  resize(9'000);
  CHECK(answer->failure().code == error_code::invalid_argument);
  CHECK(free_cpu() == 3'000);
}

TEST_CASE_FIXTURE(resized, "an open resize is settled by the next hello") {
  resize(3'000);
  tick(5'000);
  hear();
  CHECK(answer->failure().code == error_code::unreachable);
  hello(1, {held_with(1'000)});
  CHECK(free_cpu() == 3'000);
}

TEST_CASE_FIXTURE(resized, "what has grown elsewhere counts as it is") {
  (void)award(job_of("k", 3)); // Awarded meanwhile, unknown to the agent.
  CHECK(free_cpu() == 0);
  hello(2, {held_with(3'000)});
  CHECK(free_cpu() == 1'000);
  CHECK(orders().stops().empty());
}

TEST_CASE_FIXTURE(resized,
                  "reservations give way to what has grown elsewhere") {
  v1::DecideRequest request;
  request.set_request_id("r");
  request.set_reserve_milliseconds(100);
  for (int i = 0; i < 3; ++i)
    *request.add_tasks() = job_of("k").groups(0).profile();
  REQUIRE(cell->decide(request, {now, now}, out));
  CHECK(free_cpu() == 0);
  hello(2, {held_with(3'000)});
  CHECK(free_cpu() == 0); // One of the three is left.
  CHECK(orders().stops().empty());
}

TEST_CASE_FIXTURE(resized, "what has grown beyond its node goes elsewhere") {
  hello(2, {held_with(5'000)});
  REQUIRE(orders().stops_size() == 1);
  CHECK(orders().stops(0).task() == "j.task.0");
}

TEST_CASE_FIXTURE(resized, "another server's resize is answered to it") {
  mesh::v1::Envelope envelope;
  envelope.set_from("t");
  envelope.mutable_question()->set_number(8);
  auto& request = *envelope.mutable_question()->mutable_resize();
  request.set_task("j.task.0");
  request.mutable_demand()->set_cpu_millicores(2'000);
  take(envelope);
  CHECK(out.envelopes.empty());
  agent_has(2'000);
  REQUIRE(out.envelopes.size() == 1);
  CHECK(out.envelopes.front().to() == "t");
  CHECK(out.envelopes.front().answer().number() == 8);
  CHECK(out.envelopes.front().answer().resize().node() == "n");
}

// -- who decides --------------------------------------------------------------

TEST_CASE_FIXTURE(cell_fixture, "another policy rules from the next task on") {
  const auto decided = [&] { return out.decisions.back().decision().policy(); };
  CHECK(award(job_of("a")).results(0).placed());
  CHECK(decided() == "best-fit-all");
  REQUIRE(cell->rule({policy_choice{"first-fit"}}));
  CHECK(award(job_of("b")).results(0).placed());
  CHECK(decided() == "first-fit");
  auto bad = fgd_weights();
  bad.of[0][0] = max_placement_weight * 2;
  CHECK(cell->rule({{"bad", bad}}).failure().code
        == error_code::invalid_argument);
  // A canary has its share of awards, and is named as who decided.
  REQUIRE(cell->rule({policy_choice{"first-fit"}, policy_choice{"fgd"}, 0.5}));
  CHECK(award(job_of("c")).results(0).placed());
  CHECK(decided() == "first-fit");
  CHECK(award(job_of("d")).results(0).placed());
  CHECK(decided() == "fgd");
}

TEST_CASE("what comes to the cell is recorded, placed or not") {
  cell_fixture f;
  f.cell = std::move(
      *allocator::make({.server = "s", .epoch = 1, .record_workload = true}));
  f.hello();
  f.tick(1'000);
  CHECK(f.award(job_of("a")).results(0).placed());
  f.start("a.task.0");
  f.tick(500);
  auto ended = f.on("a.task.0");
  ended.mutable_ended()->set_succeeded(true);
  f.report(ended);
  CHECK(f.award(job_of("c")).results(0).placed());
  auto large = job_of("b"); // No room beside c, whoever asks.
  large.mutable_groups(0)
      ->mutable_profile()
      ->mutable_demand()
      ->set_cpu_millicores(3'500);
  CHECK_FALSE(f.award(large).results(0).placed());
  mesh::v1::Envelope asked;
  asked.set_from("s");
  *asked.mutable_bid_request()->add_tasks() = large.groups(0).profile();
  f.take(asked);
  f.tick(300);
  const auto record = record_of(f.cell->history());
  REQUIRE(record.nodes.size() == 1);
  REQUIRE(record.tasks.size() == 3);
  CHECK(record.tasks[0].ended);
  CHECK(record.tasks[0].run_milliseconds == 500);
  CHECK(record.tasks[0].arrival_milliseconds == 1'000);
  CHECK_FALSE(record.tasks[1].ended);
  CHECK(record.tasks[1].run_milliseconds == 300);
  CHECK(record.tasks[2].shape.demand[resource_kind::cpu] == 3'500);
  CHECK(record.tasks[2].run_milliseconds == 0);
}
