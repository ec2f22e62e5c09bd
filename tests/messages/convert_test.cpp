#include "messages/convert.hpp"

#include <doctest/doctest.h>

using namespace skerry;
using namespace skerry::literals;

TEST_SUITE_BEGIN("messages/convert");

TEST_CASE("a node comes back from the wire as it was") {
  const node_spec node{.name = "n1",
                       .capacity = {8_cores, 32_GiB, 100_GiB, 1000_Mbps},
                       .named = {{"licences", 2000}},
                       .devices = {{.model = "A100", .memory_bytes = 80}},
                       .labels = {{"rack", "r1"}, {"zone", "a"}},
                       .max_tasks = 7};
  const auto back = from_proto(to_proto(node));
  REQUIRE(back);
  CHECK(back->name == node.name);
  CHECK(back->capacity == node.capacity);
  CHECK(back->named == node.named);
  CHECK(back->devices == node.devices);
  CHECK(back->labels == node.labels);
  CHECK(back->max_tasks == 7);
}

TEST_CASE("a profile comes back from the wire as it was") {
  task_profile profile;
  profile.shape = {.demand = {500_mcores, 1_GiB},
                   .named = {{"licences", 1000}},
                   .devices = {{.share_milli = 250, .models = {"A100", "T4"}}},
                   .constraints = {{"zone", label_operator::not_in, {"a", "b"}},
                                   {"ssd", label_operator::exists, {}}},
                   .groups = {"web"},
                   .affinity = {"cache"},
                   .anti_affinity = {"batch"},
                   .spread = spread_constraint{"web", "zone", 2}};
  profile.minimum = resources{100_mcores, 1_GiB};
  profile.maximum = resources{4_cores, 2_GiB};
  profile.priority = -3;
  profile.tenant = "shop";
  profile.expected_duration = duration_estimate{1, 2, 3};
  profile.max_attempts = 4;
  const auto back = from_proto(to_proto(profile));
  REQUIRE(back);
  CHECK(*back == profile);
}

TEST_CASE("zeros on the wire are the defaults of the schema") {
  v1::TaskProfile wire;
  wire.mutable_demand()->set_cpu_millicores(100);
  wire.add_devices();
  const auto profile = from_proto(wire);
  REQUIRE(profile);
  CHECK(profile->tenant == "default");
  CHECK(profile->max_attempts == 1);
  CHECK(profile->shape.devices.front()
        == device_request{.kind = "gpu", .count = 1});
}

TEST_CASE("what the core would not take is refused by field") {
  v1::TaskProfile wire;
  wire.mutable_demand()->set_cpu_millicores(-1);
  CHECK(from_proto(wire).failure().code == error_code::invalid_argument);
  wire.mutable_demand()->set_cpu_millicores(1);
  wire.set_priority(40000);
  CHECK(from_proto(wire).failure().message.starts_with("priority 40000"));
}

TEST_CASE("work without a driver or program is refused") {
  v1::Work work;
  CHECK(validate(work).failure().message.starts_with("work has no driver"));
  work.mutable_exec();
  CHECK(validate(work).failure().message.starts_with("work.exec.argv"));
  work.mutable_exec()->add_argv("true");
  CHECK(validate(work));
  work.mutable_probe()->set_kind(v1::Probe::TCP);
  CHECK(validate(work).failure().message.starts_with("work.probe.port"));
}

TEST_CASE("of a failed connection only the reason is shown") {
  CHECK(short_reason("failed to connect to all addresses; last error: UNKNOWN: "
                     "ipv4:127.0.0.1:7070: Failed to connect to remote host: "
                     "Connection refused")
        == "Connection refused");
  CHECK(short_reason("UNAVAILABLE: ipv4:127.0.0.1:7070: Socket closed")
        == "Socket closed");
  CHECK(short_reason("anything else") == "anything else");
}

TEST_SUITE_END();

TEST_CASE("a real process is kept from nodes that only pretend") {
  v1::Job job;
  job.add_groups()->mutable_work()->mutable_exec()->add_argv("true");
  job.add_groups()->mutable_work()->mutable_simulated();
  add_implied_constraints(job);
  const auto once = job.SerializeAsString();
  add_implied_constraints(job);
  CHECK(job.SerializeAsString() == once);
  REQUIRE(job.groups(0).profile().constraints_size() == 1);
  CHECK(job.groups(0).profile().constraints(0).key() == simulated_label);
  CHECK(job.groups(1).profile().constraints().empty());
}
