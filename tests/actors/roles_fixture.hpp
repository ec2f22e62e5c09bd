#pragma once

#include "actors/allocator.hpp"
#include "actors/jobs.hpp"

#include <string>
#include <utility>

#include <doctest/doctest.h>

namespace skerry::testing {

inline v1::Job job_of(const std::string& id, std::uint32_t tasks = 1,
                      bool gang = false) {
  v1::Job job;
  job.set_id(id);
  job.set_gang(gang);
  auto* group = job.add_groups();
  group->set_count(tasks);
  group->mutable_profile()->mutable_demand()->set_cpu_millicores(1'000);
  group->mutable_profile()->mutable_demand()->set_memory_bytes(1 << 30);
  group->mutable_work()->mutable_simulated()->set_duration_milliseconds(10);
  return job;
}

/// JOBS alone: what it says is in `out`.
struct jobs_fixture {
  jobs owned{{.server = "s", .epoch = 1}};
  outbox out;

  jobs_fixture() { hear_of_cell(1); }

  void hear_of_cell(std::uint64_t freed) {
    owned.set_peers({});
    auto envelope = from_cell();
    envelope.mutable_cell_freed()->set_cell("s");
    envelope.mutable_cell_freed()->set_freed(freed);
    envelope.mutable_cell_freed()->set_epoch(1);
    take(envelope);
  }

  static mesh::v1::Envelope from_cell(const std::string& cell = "s") {
    mesh::v1::Envelope envelope;
    envelope.set_from(cell);
    return envelope;
  }

  void take(const mesh::v1::Envelope& envelope, std::int64_t now = 0) {
    out = {};
    owned.take(envelope, {now, now}, out);
    check();
  }

  void check() const {
    const auto sound = owned.check_invariants();
    REQUIRE_MESSAGE(sound, (sound ? "" : sound.failure().message));
  }

  error_code submit(const v1::Job& job) {
    v1::SubmitRequest request;
    *request.add_jobs() = job;
    out = {};
    error_code code{};
    owned.submit(
        request, {},
        [&](const result<v1::SubmitReply>& reply) {
          if (!reply)
            code = reply.failure().code;
        },
        out);
    for (auto& reply : out.replies)
      reply();
    check();
    return code;
  }

  const mesh::v1::AwardBatch* award() const {
    for (const auto& envelope : out.envelopes)
      if (envelope.has_award_batch())
        return &envelope.award_batch();
    return nullptr;
  }

  void answer(bool placed, error_code code = error_code::insufficient) {
    REQUIRE(award() != nullptr);
    const auto batch = *award();
    auto envelope = from_cell();
    auto& reply = *envelope.mutable_award_reply();
    reply.set_cell("s");
    reply.set_number(batch.number());
    reply.set_freed(1);
    for (const auto& each : batch.awards()) {
      auto* one = reply.add_results();
      one->set_task(each.task());
      one->set_attempt(each.attempt());
      one->set_placed(placed);
      if (!placed)
        one->set_error_code(static_cast<int>(code));
    }
    take(envelope);
  }

  void report(mesh::v1::Report::Kind kind, std::uint32_t attempt = 1,
              bool succeeded = false, const std::string& cell = "s",
              std::uint64_t session = 1) {
    auto envelope = from_cell(cell);
    envelope.mutable_report_batch()->set_cell(cell);
    auto* one = envelope.mutable_report_batch()->add_reports();
    one->set_task("j.task.0");
    one->set_attempt(attempt);
    one->set_kind(kind);
    one->set_session(session);
    one->mutable_outcome()->set_succeeded(succeeded);
    take(envelope);
  }

  v1::TaskStatus task(int index = 0) const {
    return owned.status("j")->tasks(index);
  }
};

/// A cell with one node of 4 cores, whose agent is attached.
struct cell_fixture {
  std::unique_ptr<allocator> cell
      = std::move(*allocator::make({.server = "s", .epoch = 1}));
  outbox out;
  std::int64_t now = 0;
  std::uint64_t next_batch = 1;

  cell_fixture() { hello(); }

  void hello(std::uint64_t last_session = 0,
             const std::vector<v1::HeldTask>& tasks = {}) {
    v1::AgentMessage message;
    auto* hello = message.add_hellos();
    hello->mutable_node()->set_name("n");
    hello->mutable_node()->mutable_capacity()->set_cpu_millicores(4'000);
    hello->mutable_node()->mutable_capacity()->set_memory_bytes(std::int64_t{8}
                                                                << 30);
    hello->set_agent_id(7);
    hello->set_schema(1);
    hello->set_last_session(last_session);
    for (const auto& task : tasks)
      *hello->add_tasks() = task;
    take(message);
  }

  void take(const v1::AgentMessage& message) {
    out = {};
    cell->take(message, link_id{1}, {now, now}, out);
    check();
  }

  void take(const mesh::v1::Envelope& envelope) {
    out = {};
    cell->take(envelope, {now, now}, out);
    check();
  }

  void tick(std::int64_t later) {
    now += later;
    out = {};
    cell->tick({now, now}, out);
    check();
  }

  void check() const {
    const auto sound = cell->check_invariants();
    REQUIRE_MESSAGE(sound, (sound ? "" : sound.failure().message));
  }

  mesh::v1::AwardReply award(const v1::Job& job, std::uint32_t attempt = 1) {
    mesh::v1::Envelope envelope;
    envelope.set_from("s");
    auto& batch = *envelope.mutable_award_batch();
    batch.set_owner("s");
    batch.set_epoch(1);
    batch.set_cell_epoch(1);
    batch.set_number(next_batch++);
    batch.set_gang(job.gang());
    for (std::uint32_t i = 0; i < job.groups(0).count(); ++i) {
      auto* one = batch.add_awards();
      one->set_task(job.id() + ".task." + std::to_string(i));
      one->set_attempt(attempt);
      *one->mutable_profile() = job.groups(0).profile();
      *one->mutable_work() = job.groups(0).work();
    }
    take(envelope);
    for (const auto& each : out.envelopes)
      if (each.has_award_reply())
        return each.award_reply();
    return {};
  }

  v1::ServerMessage orders() const {
    auto found = out.to_agents.find(link_id{1});
    return found == out.to_agents.end() ? v1::ServerMessage{} : found->second;
  }

  v1::TaskReport on(const std::string& task, std::uint64_t session = 1) const {
    v1::TaskReport report;
    report.set_node("n");
    report.set_session(session);
    report.set_task(task);
    report.set_attempt(1);
    return report;
  }

  void report(v1::TaskReport report) {
    v1::AgentMessage message;
    *message.add_reports() = std::move(report);
    take(message);
  }

  void start(const std::string& task) {
    auto started = on(task);
    started.mutable_started()->set_unix_milliseconds(1);
    report(started);
  }

  std::int64_t free_cpu() const {
    return cell->state().nodes().free(node_index{0}, resource_kind::cpu);
  }
};

} // namespace skerry::testing
