#include "tests/actors/server_pair.hpp"

#include <memory>
#include <string>

#include <doctest/doctest.h>

using namespace skerry;
using namespace skerry::testing;
using namespace std::chrono_literals;

namespace {

v1::ServerStatus row_of(server& at, const std::string& name) {
  const auto reply = call(at, &cluster_gateway::servers, v1::ServersRequest{});
  REQUIRE(reply);
  for (const auto& status : reply->servers())
    if (status.name() == name)
      return status;
  return {};
}

result<v1::ForgetServerReply> forget(server& at, const std::string& name) {
  v1::ForgetServerRequest request;
  request.set_name(name);
  return call(at, &cluster_gateway::forget_server, request);
}

} // namespace

TEST_SUITE_BEGIN("actors/server");

TEST_CASE("a job of one server runs on a node of another") {
  const fresh_directory place;
  const auto a_at = free_address();
  const auto b_at = free_address();
  auto a = start("a", place, a_at, {b_at});
  auto b = start("b", place, b_at, {a_at});
  wait_for_servers(*a, 2);
  wait_for_servers(*b, 2);
  auto agent = eager_agent::attach(*b, "n1");
  const auto reply = call(*a, &cluster_gateway::submit, job_of("j", 20));
  REQUIRE(reply);
  CHECK(reply->accepted() == 1);
  CHECK(reply->server() == "a");
  // An acknowledgement means that JOBS at `a` has the outcome on disk.
  CHECK(agent->wait_for_acknowledged(20));
  CHECK(agent->starts() == 20);
}

TEST_CASE("a restarted server knows its jobs and is known by its peers") {
  const fresh_directory place;
  const auto a_at = free_address();
  const auto b_at = free_address();
  auto a = start("a", place, a_at, {b_at});
  auto b = start("b", place, b_at, {a_at});
  wait_for_servers(*b, 2);
  REQUIRE(call(*a, &cluster_gateway::submit, job_of("j", 3)));
  const auto epoch = a->epoch();
  a->stop();
  a.reset();
  wait_for_servers(*b, 1);
  a = start("a", place, a_at, {}); // It remembers where `b` is.
  CHECK(a->epoch() == epoch + 1);
  wait_for_servers(*a, 2);
  wait_for_servers(*b, 2);
  const auto again = call(*a, &cluster_gateway::submit, job_of("j", 3));
  REQUIRE(again);
  CHECK(again->known() == 1);
  auto agent = eager_agent::attach(*b, "n1");
  CHECK(agent->wait_for_acknowledged(3));
}

TEST_CASE("an address that is not loopback needs certificates") {
  const fresh_directory place;
  server_options options;
  options.name = "a";
  options.data_directory = place.path();
  options.mesh.listen = "0.0.0.0:7071";
  options.min_free_bytes = 0;
  const auto refused = server::start(std::move(options));
  REQUIRE_FALSE(refused);
  CHECK(refused.failure().message.find("skerry certs init")
        != std::string::npos);
}

TEST_CASE("a real process waits rather than run on a node that pretends") {
  const fresh_directory place;
  auto a = start("a", place, free_address(), {});
  auto agent = eager_agent::attach(*a, "n1", true);
  auto real = job_of("real", 1);
  real.mutable_jobs(0)
      ->mutable_groups(0)
      ->mutable_work()
      ->mutable_exec()
      ->add_argv("true");
  REQUIRE(call(*a, &cluster_gateway::submit, real));
  REQUIRE(call(*a, &cluster_gateway::submit, job_of("pretended", 1)));
  CHECK(agent->wait_for_acknowledged(1));
  const auto again = call(*a, &cluster_gateway::submit, real);
  REQUIRE(again);
  CHECK(again->known() == 1);
  CHECK(agent->starts() == 1);
}

TEST_CASE("what is only asked is decided on the caller's thread") {
  const fresh_directory place;
  auto a = start("a", place, free_address(), {});
  auto agent = eager_agent::attach(*a, "n1");
  v1::DecideRequest request;
  request.add_tasks()->mutable_demand()->set_cpu_millicores(100);
  request.mutable_tasks(0)->mutable_demand()->set_memory_bytes(1 << 20);
  wait_until([&] {
    const auto reply = call(*a, &cluster_gateway::decide, request);
    REQUIRE(reply);
    return reply->decisions(0).placed();
  });
  const auto here = std::this_thread::get_id();
  wait_until([&] { // Not while its ALLOCATOR happens to be at work.
    bool at_once = false;
    auto answered = std::make_shared<std::promise<void>>();
    a->decide(request, [&, answered](const result<v1::DecideReply>&) {
      at_once = std::this_thread::get_id() == here;
      answered->set_value();
    });
    answered->get_future().wait();
    return at_once;
  });
  // A reservation is on disk first.
  request.set_request_id("r");
  request.set_reserve_milliseconds(60'000);
  bool held_at_once = true;
  std::promise<void> held;
  a->decide(request, [&](const result<v1::DecideReply>& reply) {
    CHECK(reply->decisions(0).placed());
    held_at_once = std::this_thread::get_id() == here;
    held.set_value();
  });
  held.get_future().wait();
  CHECK_FALSE(held_at_once);
  wait_until([&] {
    const auto reply
        = call(*a, &cluster_gateway::decisions, v1::ListDecisionsRequest{});
    return reply && reply->decisions_size() >= 3;
  });
}

TEST_CASE("a stopped server answers what was asked") {
  const fresh_directory place;
  auto a = start("a", place, free_address(), {});
  a->stop();
  const auto reply = call(*a, &cluster_gateway::submit, job_of("j", 1));
  REQUIRE_FALSE(reply);
  CHECK(reply.failure().code == error_code::unreachable);
  const auto asked = call(*a, &cluster_gateway::decide, v1::DecideRequest{});
  REQUIRE_FALSE(asked);
  CHECK(asked.failure().code == error_code::unreachable);
}

TEST_CASE("servers find each other through the one that they know") {
  const fresh_directory place;
  const auto a_at = free_address();
  auto a = start("a", place, a_at, {});
  auto b = start("b", place, free_address(), {a_at});
  auto c = start("c", place, free_address(), {a_at});
  wait_for_servers(*b, 3);
  wait_for_servers(*c, 3);
}

TEST_CASE_FIXTURE(server_pair, "the row of another server is as of now") {
  REQUIRE(call(*a, &cluster_gateway::submit, job_of("j", 3)));
  const auto row = row_of(*b, "a");
  CHECK(row.jobs() == 1);
  CHECK(row.silent_milliseconds() == 0);
  // Before that the cells are being asked, and nothing waits.
  wait_until([&] { return row_of(*b, "a").tasks_queued() == 3; });
}

TEST_CASE("a server that is gone is forgotten by all, at once or later") {
  const fresh_directory place;
  const auto a_at = free_address();
  const auto b_at = free_address();
  const auto c_at = free_address();
  auto a = start("a", place, a_at, {});
  auto b = start("b", place, b_at, {a_at});
  auto c = start("c", place, c_at, {a_at});
  auto d = start("d", place, free_address(), {a_at});
  wait_for_servers(*a, 4);
  wait_for_servers(*b, 4);
  wait_for_servers(*d, 4);
  CHECK(forget(*a, "c").failure().code == error_code::conflict);
  CHECK(forget(*a, "a").failure().code == error_code::conflict);
  CHECK(forget(*a, "z").failure().code == error_code::not_found);
  c.reset();
  b.reset();
  wait_for_servers(*a, 2);
  wait_for_servers(*d, 2);
  const auto reply = forget(*a, "c");
  REQUIRE(reply);
  REQUIRE(reply->told_size() == 2);
  CHECK(reply->told(1) == "d");
  REQUIRE(reply->not_told_size() == 1);
  CHECK(reply->not_told(0) == "b");
  CHECK(forget(*d, "c")); // Once more is no fault.
  CHECK(row_of(*d, "c").name().empty());
  a.reset();
  a = start("a", place, a_at, {}); // It has been written down.
  CHECK(row_of(*a, "c").name().empty());
  b = start("b", place, b_at, {a_at});
  wait_until([&] { return row_of(*b, "c").name().empty(); });
  // When it comes after all, it is a server like others.
  c = start("c", place, c_at, {a_at});
  wait_for_servers(*b, 4);
}

TEST_CASE("an empty disk under a forgotten name joins after a second start") {
  const fresh_directory place;
  const fresh_directory other_disk;
  const auto a_at = free_address();
  const auto b_at = free_address();
  auto a = start("a", place, a_at, {});
  for (int i = 0; i < 3; ++i)
    (void)start("b", place, b_at, {});
  auto b = start("b", place, b_at, {a_at});
  wait_for_servers(*a, 2);
  CHECK(b->epoch() == 4);
  b.reset();
  wait_for_servers(*a, 1);
  REQUIRE(forget(*a, "b"));
  std::promise<error> failed;
  b = start("b", other_disk, b_at, {a_at},
            [&](const error& why) { failed.set_value(why); });
  CHECK(b->epoch() == 1);
  auto failure = failed.get_future();
  REQUIRE(failure.wait_for(patience) == std::future_status::ready);
  CHECK(failure.get().message.find("start it again") != std::string::npos);
  b.reset();
  b = start("b", other_disk, b_at, {a_at});
  CHECK(b->epoch() == 5);
  wait_for_servers(*a, 2);
}

TEST_CASE_FIXTURE(
    server_pair,
    "what nobody knows while a server is away may be with that one") {
  v1::GetJobRequest request;
  request.set_id("j");
  CHECK(call(*a, &cluster_gateway::job, request).failure().code
        == error_code::not_found);
  b.reset();
  wait_for_servers(*a, 1);
  const auto gone = call(*a, &cluster_gateway::job, request);
  CHECK(gone.failure().code == error_code::unreachable);
  CHECK(gone.failure().message.ends_with(
      "and b may have it but does not answer"));
}

TEST_CASE("islands of several servers exchange migrants and survive a loss") {
  placement_picture picture;
  for (const auto* name : {"n1", "n2", "n3"})
    picture.nodes.push_back({name, {millicores{10'000}, bytes{1LL << 36}}});
  for (const std::int64_t cores : {2, 3, 4, 6})
    picture.tasks.push_back(
        {.demand = {millicores{cores * 1000}, bytes{1 << 20}}});
  const server_islands_options islands{.count = 2,
                                       .cpu_share = 0.2,
                                       .when_idle = false, // Tests fill cores.
                                       .migration = {.every = 1, .count = 2},
                                       .scenarios = 1,
                                       .base = {picture},
                                       .checkpoint_milliseconds = 1'000};
  const fresh_directory place;
  const auto a_at = free_address();
  const auto b_at = free_address();
  auto a = start("a", place, a_at, {b_at}, {}, islands);
  auto b = start("b", place, b_at, {a_at}, {}, islands);
  const auto at_a = [&] {
    const auto reply
        = call(*a, &cluster_gateway::islands, v1::IslandsRequest{});
    REQUIRE(reply);
    std::map<std::string, v1::IslandStatus> by_name;
    for (const auto& island : reply->islands())
      by_name[island.server() + std::to_string(island.island())] = island;
    return by_name;
  };
  for (const auto* each : {"a0", "a1", "b0", "b1"})
    wait_until([&] { return at_a()[each].migrants_accepted() > 2; });
  // A ring over both servers: a/0 -> a/1 -> b/0 -> b/1 -> a/0.
  CHECK(at_a()["a1"].neighbours(0) == "b/0");

  b.reset();
  const auto before = at_a();
  wait_until([&] {
    auto now = at_a();
    return now["a0"].generation() > before.at("a0").generation() + 2
           && now["a1"].generation() > before.at("a1").generation() + 2;
  });
  wait_until([&] { return at_a()["a1"].neighbours(0) == "a/0"; });
  const auto reply = call(*a, &cluster_gateway::islands, v1::IslandsRequest{});
  REQUIRE(reply);
  CHECK(reply->islands_size() == 2);
  REQUIRE(reply->unreachable_servers_size() == 1);
  CHECK(reply->unreachable_servers(0) == "b");

  b = start("b", place, b_at, {}, {}, islands);
  wait_until([&] { return at_a()["b0"].resumed_generation() > 0; });
  const auto then = at_a()["b0"].migrants_accepted();
  wait_until([&] { return at_a()["b0"].migrants_accepted() > then; });
}

TEST_CASE("experience is on disk over a restart, and gathered by who asks") {
  const fresh_directory place;
  const auto a_at = free_address();
  const auto recording = [&](const std::string& name, const std::string& at,
                             std::int64_t gather) {
    server_options options;
    options.name = name;
    options.data_directory = place.path() / name;
    options.mesh.listen = at;
    options.mesh.seeds = {a_at};
    options.min_free_bytes = 0;
    options.replay.emplace().gather_milliseconds = gather;
    options.replay->recorder.steps = 2;
    options.replay->role.store.min_free_bytes = 1;
    return server::start(std::move(options)).value();
  };
  auto a = recording("a", a_at, 0);
  const auto b = recording("b", free_address(), 10);
  wait_for_servers(*a, 2);
  wait_for_servers(*b, 2);
  const auto agent = eager_agent::attach(*a, "n", true);
  REQUIRE(call(*a, &cluster_gateway::submit, job_of("j", 40)));
  // All but those that have no next state yet.
  wait_until([&] { return row_of(*a, "a").replay().recorded() >= 38; });
  wait_until([&] { return row_of(*b, "b").replay().gathered() >= 38; });
  a.reset(); // The last ones are cut short, and written.
  a = recording("a", a_at, 0);
  wait_until([&] { return row_of(*a, "a").replay().rebuilt() >= 39; });
}
