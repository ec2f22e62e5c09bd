#include "scheduling/cluster.hpp"

#include <string>

#include <doctest/doctest.h>

using namespace skerry;
using namespace skerry::literals;

TEST_SUITE_BEGIN("scheduling/cluster");

namespace {

node_spec gpu_node(std::string name, std::string model = "A100") {
  return {.name = std::move(name),
          .capacity = {8_cores, 64_GiB},
          .devices
          = {{.kind = "gpu", .model = model}, {.kind = "gpu", .model = model}}};
}

task_shape share(std::int32_t milli, std::vector<std::string> models = {}) {
  return {.demand = {1_cores, 1_GiB},
          .devices = {{.share_milli = milli, .models = std::move(models)}}};
}

refusal_reason why(cluster& nodes, const task_shape& shape, node_index node) {
  return nodes.why_not(nodes.shape(*nodes.intern(shape)), node).reason;
}

} // namespace

TEST_CASE("taking and giving back a share leaves the node as it was") {
  cluster nodes;
  const auto a = *nodes.add_node(gpu_node("a"));
  const auto shape = *nodes.intern(share(400));
  REQUIRE(nodes.take(a, shape, 0b10));
  CHECK(nodes.free(a, resource_kind::cpu) == 7000);
  CHECK(nodes.devices(a)[1].free_milli == 600);
  CHECK(nodes.idle_devices(a) == 0b01);
  CHECK(nodes.free_gpu_milli(a) == 1600);
  nodes.give_back(a, shape, 0b10);
  CHECK(nodes.free(a) == resources{8_cores, 64_GiB});
  CHECK(nodes.idle_devices(a) == 0b11);
}

TEST_CASE("a whole device is not shared and remembers how many were taken") {
  cluster nodes;
  const auto a = *nodes.add_node(gpu_node("a"));
  const auto both
      = *nodes.intern({.demand = {1_cores, 1_GiB}, .devices = {{.count = 2}}});
  REQUIRE(nodes.take(a, both, 0b11));
  CHECK(nodes.devices(a)[0].held_by_whole == 2);
  CHECK(why(nodes, share(1), a) == refusal_reason::device_share);
  nodes.give_back(a, both, 0b11);
  CHECK(why(nodes, share(1), a) == refusal_reason::none);
}

TEST_CASE("a take of the wrong devices changes nothing") {
  cluster nodes;
  const auto a = *nodes.add_node(gpu_node("a"));
  const auto shape = *nodes.intern(share(600));
  REQUIRE(nodes.take(a, shape, 0b01));
  const auto version = nodes.version();
  // Device 0 has 400 left, there is no device 2, and two are one too many.
  for (const device_mask wrong : {0b01, 0b100, 0b11, 0b00, 0b110})
    CHECK_FALSE(nodes.take(a, shape, wrong));
  CHECK(nodes.version() == version);
}

TEST_CASE("every filter says why it refused") {
  cluster nodes;
  auto spec = gpu_node("a");
  spec.labels = {{"zone", "x"}};
  spec.max_tasks = 1;
  const auto a = *nodes.add_node(spec);
  using enum refusal_reason;
  CHECK(why(nodes, {.demand = {9_cores, 1_GiB}}, a) == resource);
  CHECK(why(nodes, share(1, {"T4"}), a) == device_model);
  CHECK(why(nodes, share(1001), a) == device_size);
  CHECK(why(nodes, {.devices = {{.count = 3}}}, a) == device_size);
  CHECK(why(nodes, {.devices = {{.kind = "fpga"}}}, a) == device_kind);
  CHECK(why(nodes, {.constraints = {{.key = "zone", .values = {"y"}}}}, a)
        == label);
  CHECK(why(nodes, {.constraints = {{.key = "zone", .values = {"x"}}}}, a)
        == none);
  CHECK(why(nodes, {.affinity = {"db"}}, a) == affinity);
  REQUIRE(nodes.take(a, *nodes.intern({.groups = {"db"}}), 0));
  CHECK(why(nodes, {}, a) == task_limit);
  nodes.set_condition(a, node_condition::cordoned);
  CHECK(why(nodes, {}, a) == not_ready);
}

TEST_CASE("affinity and anti-affinity look at the groups on the node") {
  cluster nodes;
  const auto a = *nodes.add_node(gpu_node("a"));
  const auto db = *nodes.intern({.groups = {"db"}});
  REQUIRE(nodes.take(a, db, 0));
  CHECK(why(nodes, {.affinity = {"db"}}, a) == refusal_reason::none);
  CHECK(why(nodes, {.anti_affinity = {"db"}}, a)
        == refusal_reason::anti_affinity);
  nodes.give_back(a, db, 0);
  CHECK(why(nodes, {.anti_affinity = {"db"}}, a) == refusal_reason::none);
}

TEST_CASE("a shape no node could hold even when empty is known at once") {
  cluster nodes;
  (void)nodes.add_node(gpu_node("a")); // The test needs no index.
  const auto fits = [&nodes](const task_shape& shape) {
    return nodes.can_ever_fit(nodes.shape(*nodes.intern(shape)));
  };
  CHECK(fits({.devices = {{.count = 2}}}));
  CHECK_FALSE(fits({.devices = {{.count = 3}}}));
  CHECK_FALSE(fits({.named = {{"licences", 1}}}));
  // A node that comes later is seen by shapes known before.
  auto larger = gpu_node("b");
  larger.devices.push_back({});
  larger.named = {{"licences", 5}};
  REQUIRE(nodes.add_node(larger));
  CHECK(fits({.devices = {{.count = 3}}}));
  CHECK(fits({.named = {{"licences", 1}}}));
}

TEST_CASE("tasks cannot use up the kinds of resources that nodes may name") {
  cluster nodes;
  for (int n = 0; n < 20; ++n)
    REQUIRE(nodes.intern({.named = {{"r" + std::to_string(n), 1}}}));
  CHECK(nodes.resource_names().size() == 4); // The built-in ones.
  REQUIRE(nodes.add_node({.name = "a", .named = {{"r7", 1}}}));
  const auto a = *nodes.find("a");
  CHECK(why(nodes, {.named = {{"r7", 1}}}, a) == refusal_reason::none);
  CHECK(why(nodes, {.named = {{"r7", 2}}}, a) == refusal_reason::resource);
  CHECK(why(nodes, {.named = {{"r8", 1}}}, a)
        == refusal_reason::resource_unknown);
  CHECK(why(nodes, {.named = {{"r8", 0}}}, a) == refusal_reason::none);
}

TEST_CASE("an update keeps what is in use or is refused") {
  cluster nodes;
  const auto a = *nodes.add_node(gpu_node("a"));
  const auto shape = *nodes.intern(share(400));
  REQUIRE(nodes.take(a, shape, 0b01));
  auto smaller = gpu_node("a");
  smaller.capacity = {500_mcores, 64_GiB};
  CHECK(nodes.update_node(a, smaller).failure().code == error_code::conflict);
  auto other = gpu_node("a", "T4");
  CHECK(nodes.update_node(a, other).failure().code == error_code::conflict);
  auto larger = gpu_node("a");
  larger.capacity = {16_cores, 64_GiB};
  larger.devices.push_back({.model = "T4"});
  REQUIRE(nodes.update_node(a, larger));
  CHECK(nodes.free(a, resource_kind::cpu) == 15000);
  CHECK(nodes.devices(a)[0].free_milli == 600);
  CHECK(nodes.idle_devices(a) == 0b110);
  CHECK(nodes.capacity() == resources{16_cores, 64_GiB});
}

TEST_CASE("names are unique, and the index of a removed node is used again") {
  cluster nodes;
  const auto a = *nodes.add_node(gpu_node("a"));
  (void)nodes.add_node(gpu_node("b")); // Only its name matters.
  CHECK(nodes.add_node(gpu_node("a")).failure().code
        == error_code::already_exists);
  REQUIRE(nodes.remove_node(a));
  CHECK_FALSE(nodes.find("a"));
  CHECK(*nodes.add_node(gpu_node("c")) == a);
}

TEST_CASE("capacity that leaves int64 is refused with the node that did it") {
  cluster nodes;
  // 2^63 is 92.2 times the limit of a node.
  result<node_index> last = node_index{};
  for (int n = 1; n <= 93; ++n) {
    REQUIRE(last);
    node_spec huge{.name = "n" + std::to_string(n)};
    huge.capacity.set(resource_kind::disk, max_amount);
    last = nodes.add_node(huge);
  }
  CHECK(last.failure().code == error_code::limit_exceeded);
  CHECK(last.failure().message
        == "node n93: capacity of the cluster: the sum of disk leaves the "
           "range of int64");
}

TEST_CASE("the log names every node changed since a version") {
  cluster nodes;
  const auto a = *nodes.add_node(gpu_node("a"));
  const auto b = *nodes.add_node(gpu_node("b"));
  const auto before = nodes.version();
  const auto shape = *nodes.intern({});
  REQUIRE(nodes.take(b, shape, 0));
  REQUIRE(nodes.take(a, shape, 0));
  REQUIRE(nodes.version() == before + 2);
  CHECK(nodes.changed_at(before + 1) == b);
  CHECK(nodes.changed_at(before + 2) == a);
  CHECK(nodes.version(a) == before + 2);
  for (int i = 0; i < 100; ++i) {
    nodes.give_back(a, shape, 0);
    REQUIRE(nodes.take(a, shape, 0));
  }
  CHECK(nodes.log_begin() == nodes.version() - 64); // The shortest log.
}

TEST_CASE("a node that names too many resources leaves no name behind") {
  cluster nodes;
  node_spec first{.name = "a", .capacity = {1_cores, 1_GiB}};
  for (std::size_t n = 0; n + 1 < max_resource_kinds - 4; ++n)
    first.named.push_back({"r" + std::to_string(n), 1000});
  REQUIRE(nodes.add_node(first));
  // One more name has room, two have not.
  const auto refused = nodes.add_node({.name = "b",
                                       .capacity = {1_cores, 1_GiB},
                                       .named = {{"x", 1000}, {"y", 1000}}});
  REQUIRE_FALSE(refused);
  CHECK(refused.failure().code == error_code::limit_exceeded);
  CHECK(nodes.resource_names().size() == max_resource_kinds - 1);
  // What is left goes to the next, with a column of its own.
  const auto c = nodes.add_node(
      {.name = "c", .capacity = {1_cores, 1_GiB}, .named = {{"x", 2000}}});
  REQUIRE(c);
  CHECK(nodes.free(*c, static_cast<resource_kind>(max_resource_kinds - 1))
        == 2000);
  const auto shape = *nodes.intern({.named = {{"x", 1500}}});
  CHECK(nodes.take(*c, shape, 0));
  CHECK_FALSE(nodes.take(*c, shape, 0));
}

TEST_CASE("a refused node leaves no resource name behind") {
  cluster nodes;
  const auto a = *nodes.add_node(gpu_node("a"));
  REQUIRE(nodes.take(a, *nodes.intern(share(400)), 0b1));
  // The GPU in use would be gone.
  const node_spec without{
      .name = "a", .capacity = {8_cores, 64_GiB}, .named = {{"licences", 1}}};
  CHECK_FALSE(nodes.update_node(a, without));
  CHECK_FALSE(nodes.add_node({.name = "a", .named = {{"licences", 1}}}));
  CHECK(nodes.resource_names().size() == 4); // The built-in ones.
}

TEST_CASE("a shape used again and again does not push out an idle one") {
  cluster nodes;
  const auto kept = *nodes.intern(share(100));
  const auto serial = nodes.shape(kept).serial;
  nodes.release(kept);
  for (auto i = 0; i < 2000; ++i) // More than idle shapes are kept.
    nodes.release(*nodes.intern(share(200)));
  CHECK(nodes.shape(kept).serial == serial);
}

TEST_SUITE_END();

TEST_CASE("an exchange asks only for what is more than before") {
  cluster nodes;
  const auto a = *nodes.add_node(gpu_node("a"));
  const auto small = *nodes.intern({.demand = {1_cores, 1_GiB}});
  const auto large = *nodes.intern({.demand = {8_cores, 1_GiB}});
  const auto larger = *nodes.intern({.demand = {9_cores, 1_GiB}});
  REQUIRE(nodes.take(a, small, 0));
  nodes.set_condition(a, node_condition::draining);
  const auto version = nodes.version();
  REQUIRE(nodes.exchange(a, small, 0, large, 0));
  CHECK(nodes.free(a, resource_kind::cpu) == 0);
  CHECK(nodes.version() == version + 1);
  CHECK_FALSE(nodes.exchange(a, large, 0, larger, 0));
  CHECK(nodes.version() == version + 1);
}
