#include "scheduling/cell_policies.hpp"

#include <fmt/format.h>

#include <limits>
#include <map>

#include <doctest/doctest.h>

using namespace skerry;
using namespace skerry::literals;

TEST_SUITE_BEGIN("scheduling/cell_policies");

namespace {

struct fixture {
  cluster nodes;
  shape_id shape{};

  fixture() {
    for (int n = 0; n < 3; ++n) {
      node_spec node{fmt::format("n{}", n), {8_cores, 32_GiB}};
      node.devices.assign(2, {});
      REQUIRE(nodes.add_node(node));
    }
    task_shape task{.demand = {1_cores, 1_GiB}};
    task.devices = {{.count = 1}};
    shape = *nodes.intern(task);
  }
};

placement_weights poisoned() {
  auto out = fgd_weights();
  out.of[0][0] = std::numeric_limits<double>::infinity();
  return out;
}

/// Proposes a node that is not there.
class broken_policy final : public placement_policy {
public:
  std::string_view name() const override { return "broken"; }
  std::optional<placement> choose(shape_id) override {
    return placement{node_index{99}, 1, 0};
  }
  std::size_t cache_bytes() const override { return 0; }
};

result<std::unique_ptr<placement_policy>>
with_broken(const policy_choice& which, const cluster& on,
            const policy_context& context) {
  if (which.name == "broken")
    return std::unique_ptr<placement_policy>{new broken_policy};
  return make_policy(which, on, context);
}

} // namespace

TEST_CASE_FIXTURE(fixture, "the canary decides its share, evenly spread") {
  auto policies = cell_policies::make(
      {policy_choice{"best-fit"}, policy_choice{"first-fit"}, 0.25}, nodes, 1);
  REQUIRE(policies);
  std::string by;
  for (int i = 0; i < 12; ++i)
    by += (*policies)->choose(shape, true)->by == "first-fit" ? 'c' : '-';
  CHECK(by == "---c---c---c");
  for (int i = 0; i < 12; ++i) // What is only asked is not its business.
    CHECK((*policies)->choose(shape, false)->by == "best-fit");
}

TEST_CASE_FIXTURE(fixture, "rulers change between two decisions") {
  auto made = cell_policies::make({policy_choice{"best-fit"}}, nodes, 1);
  REQUIRE(made);
  auto& policies = **made;
  CHECK(policies.choose(shape, true)->by == "best-fit");
  REQUIRE(policies.rule({policy_choice{"fgd"}}, {}));
  CHECK(policies.choose(shape, true)->by == "fgd");
  CHECK(policies.wants_workload());
  // What cannot be made changes nothing, be it ruler or canary.
  CHECK(policies.rule({{"bad", poisoned()}}, {}).failure().code
        == error_code::invalid_argument);
  CHECK_FALSE(policies.rule(
      {policy_choice{"best-fit"}, policy_choice{"bad", poisoned()}, 0.1}, {}));
  CHECK(policies.choose(shape, true)->by == "fgd");
  CHECK(policies.ruling().active.name == "fgd");
  // A canary comes to rule.
  REQUIRE(policies.rule(
      {policy_choice{"fgd"}, policy_choice{"a@1", first_fit_weights()}, 0.5},
      {}));
  REQUIRE(policies.rule({{"a@1", first_fit_weights()}}, {}));
  CHECK(policies.choose(shape, true)->by == "a@1");
  CHECK_FALSE(policies.take_fault());
}

TEST_CASE_FIXTURE(fixture, "what cannot be placed is no proposal") {
  const auto& of = nodes.shape(shape);
  CHECK(fault_of({node_index{1}, 0b01, 0}, of, nodes) == "");
  CHECK(fault_of({node_index{9}, 0b01, 0}, of, nodes) == "there is no node 9");
  CHECK(fault_of({node_index{1}, 0b11, 0}, of, nodes)
        == "not the devices of n1 that the task needs");
  CHECK(fault_of({node_index{1}, 0b100, 0}, of, nodes)
        == "not the devices of n1 that the task needs");
  REQUIRE(nodes.take(node_index{1}, shape, 0b01));
  CHECK(fault_of({node_index{1}, 0b01, 0}, of, nodes)
        == "not the devices of n1 that the task needs");
  REQUIRE(nodes.take(node_index{1}, shape, 0b10));
  CHECK(fault_of({node_index{1}, 0b10, 0}, of, nodes)
        == "the task does not fit on n1");
}

TEST_CASE_FIXTURE(fixture, "a policy that proposes nonsense is out at once") {
  auto made = cell_policies::make({policy_choice{"broken"}}, nodes, 1, {},
                                  with_broken);
  REQUIRE(made);
  const auto chosen = (*made)->choose(shape, true);
  REQUIRE(chosen);
  CHECK(chosen->by == "best-fit-all");
  CHECK(fault_of(chosen->place, nodes.shape(shape), nodes) == "");
  const auto fault = (*made)->take_fault();
  REQUIRE(fault);
  CHECK(fault->policy == "broken");
  CHECK(fault->reason == "an invalid proposal: there is no node 99");
  CHECK((*made)->ruling().active.name == "best-fit-all");
  CHECK_FALSE((*made)->take_fault());

  auto canary = cell_policies::make(
      {policy_choice{"fgd"}, policy_choice{"broken"}, 0.5}, nodes, 1, {},
      with_broken);
  REQUIRE(canary);
  for (int i = 0; i < 4; ++i)
    CHECK((*canary)->choose(shape, true)->by == "fgd");
  CHECK((*canary)->take_fault()->policy == "broken");
  CHECK_FALSE((*canary)->ruling().canary);
}

TEST_CASE_FIXTURE(fixture, "when nothing fits, nothing is chosen") {
  auto policies = cell_policies::make({policy_choice{"best-fit"}}, nodes, 1);
  for (std::uint32_t n = 0; n < 3; ++n)
    for (const auto device : {0b01, 0b10})
      REQUIRE(
          nodes.take(node_index{n}, shape, static_cast<device_mask>(device)));
  CHECK_FALSE((*policies)->choose(shape, true));
  CHECK_FALSE((*policies)->take_fault());
}

TEST_SUITE_END();
