// JOBS and ALLOCATOR as actors of one server, in virtual time: what one says to
// the other is lost, doubled and out of order, as a seed has it.
#include "actors/allocator.hpp"
#include "actors/jobs.hpp"
#include "actors/role_actor.hpp"
#include "scheduling/rng.hpp"
#include "tests/actors/roles_fixture.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scheduler/test_coordinator.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

#include <doctest/doctest.h>

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(skerry::role_call<skerry::jobs>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(skerry::role_call<skerry::allocator>)

using namespace skerry;
using namespace skerry::testing;

TEST_SUITE_BEGIN("actors/role_actor");

namespace {

struct deterministic_system {
  struct config : caf::actor_system_config {
    config() {
      set("scheduler.policy", caf::atom("testing"));
      add_message_type<mesh::v1::Envelope>("skerry.mesh.v1.Envelope");
    }
  };

  config settings;
  caf::actor_system system{settings};
  caf::scheduler::test_coordinator& scheduler
      = dynamic_cast<caf::scheduler::test_coordinator&>(system.scheduler());
};

/// One server whose agent runs every task it is given for no time at all.
struct one_server : deterministic_system {
  rng random;
  std::int64_t time = 0;
  role_actor<jobs> owned;
  role_actor<allocator> cell;
  std::vector<mesh::v1::Envelope> on_wire;
  std::map<std::pair<std::string, std::uint32_t>, int> starts;
  std::uint64_t session = 0;
  v1::JobStatus status;

  explicit one_server(std::uint64_t seed) : random{seed} {
    const role_clock clock = [this] { return instant{time, time}; };
    const std::function<void(outbox)> hand_on
        = [this](outbox out) { take(std::move(out)); };
    using std::chrono::milliseconds;
    owned = system.spawn(
        role_behavior<jobs>,
        std::make_shared<shared_role<jobs>>(
            std::make_unique<jobs>(jobs_options{.server = "s", .epoch = 1})),
        hand_on, milliseconds{100}, clock);
    cell = system.spawn(role_behavior<allocator>,
                        std::make_shared<shared_role<allocator>>(std::move(
                            *allocator::make({.server = "s", .epoch = 1}))),
                        hand_on, milliseconds{100}, clock);
    call<jobs>(owned, [](jobs& role, instant, outbox&) { role.set_peers({}); });
    hello();
  }

  ~one_server() {
    caf::anon_send_exit(owned, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(cell, caf::exit_reason::user_shutdown);
    scheduler.run();
  }

  template <class Role>
  void call(const role_actor<Role>& to,
            std::function<void(Role&, instant, outbox&)> what) {
    caf::anon_send(to, role_call<Role>{std::move(what)});
  }

  void say(v1::AgentMessage message) {
    call<allocator>(cell, [message = std::move(message)](
                              allocator& role, instant now, outbox& out) {
      role.take(message, link_id{1}, now, out);
    });
  }

  void hello() {
    v1::AgentMessage message;
    auto* hello = message.add_hellos();
    hello->mutable_node()->set_name("n");
    hello->mutable_node()->mutable_capacity()->set_cpu_millicores(4'000);
    hello->mutable_node()->mutable_capacity()->set_memory_bytes(std::int64_t{8}
                                                                << 30);
    hello->set_agent_id(7);
    hello->set_schema(1);
    say(message);
  }

  void take(outbox out) {
    for (auto& envelope : out.envelopes) {
      envelope.set_from("s");
      const auto fate = random.below(10);
      if (fate == 0)
        continue; // Lost.
      if (fate == 1)
        on_wire.push_back(envelope);
      on_wire.push_back(std::move(envelope));
    }
    for (auto& [link, message] : out.to_agents)
      obey(message);
    for (auto& reply : out.replies)
      reply();
  }

  void obey(const v1::ServerMessage& message) {
    for (const auto& welcome : message.welcomes())
      session = welcome.session();
    for (const auto& order : message.starts()) {
      ++starts[{order.task(), order.attempt()}];
      v1::AgentMessage ended;
      auto* report = ended.add_reports();
      report->set_node("n");
      report->set_session(session);
      report->set_task(order.task());
      report->set_attempt(order.attempt());
      report->mutable_ended()->set_succeeded(true);
      say(ended);
    }
  }

  void pass(std::int64_t milliseconds) {
    time += milliseconds;
    scheduler.advance_time(std::chrono::milliseconds{milliseconds});
    v1::AgentMessage alive;
    alive.add_keep_alives()->set_sent_milliseconds(time);
    say(alive);
    scheduler.run();
    for (auto& envelope : std::exchange(on_wire, {})) {
      if (random.below(3) == 0) { // Late, and so out of order.
        on_wire.push_back(std::move(envelope));
        continue;
      }
      if (envelope.role() == mesh::v1::Envelope::JOBS)
        caf::anon_send(owned, std::move(envelope));
      else
        caf::anon_send(cell, std::move(envelope));
      scheduler.run();
    }
    call<jobs>(owned, [this](jobs& role, instant, outbox&) {
      if (auto now = role.status("j"))
        status = *now;
    });
    scheduler.run();
  }
};

} // namespace

TEST_CASE("over a bad wire every task starts once and all finish") {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    CAPTURE(seed);
    one_server server{seed};
    v1::SubmitRequest request;
    *request.add_jobs() = job_of("j", 9);
    server.call<jobs>(
        server.owned, [request](jobs& role, instant now, outbox& out) {
          role.submit(
              request, now,
              [](const result<v1::SubmitReply>& reply) { CHECK(reply); }, out);
        });
    for (int i = 0; i < 600 && server.status.finished() < 9; ++i)
      server.pass(100);
    CHECK(server.status.finished() == 9);
    for (const auto& [task, times] : server.starts)
      CHECK(times == 1);
  }
}
