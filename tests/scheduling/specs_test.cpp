#include "scheduling/specs.hpp"

#include <doctest/doctest.h>

using namespace skerry;
using namespace skerry::literals;

TEST_SUITE_BEGIN("scheduling/specs");

namespace {

std::string why(const result<>& checked) {
  return checked ? "ok" : checked.failure().message;
}

} // namespace

TEST_CASE("an id that could leave a directory is refused") {
  CHECK(why(validate_id("web-1.a_b", "task id")) == "ok");
  CHECK(why(validate_id("", "task id")) == "task id is empty");
  CHECK(why(validate_id("a/b", "task id"))
        == "task id a/b has /; allowed are letters, digits, '-', '_' and '.'");
  CHECK(why(validate_id("a..b", "task id"))
        == "task id a..b must not contain \"..\"");
  CHECK(why(validate_id("..", "task id"))
        == "task id .. must start with a letter or digit");
  CHECK_FALSE(validate_id(std::string(129, 'x'), "task id"));
}

TEST_CASE("a node with a negative amount is refused") {
  node_spec node{.name = "a", .capacity = {1_cores, 1_GiB}};
  CHECK(validate(node));
  node.capacity.set(resource_kind::disk, -1);
  CHECK(why(validate(node)) == "node a: amount -1 of disk is negative");
}

TEST_CASE("an amount so large that scores could overflow is refused") {
  node_spec node{.name = "a", .capacity = {100'000_cores, 1_GiB}};
  CHECK(validate(node));
  node.capacity = {100'001_cores, 1_GiB};
  CHECK(why(validate(node))
        == "node a: amount 100001000 of cpu is above the limit of 100000000");
  node.capacity = {};
  node.devices = {{.capacity_milli = 100'001}};
  CHECK(why(validate(node))
        == "node a: devices[0]: capacity_milli is 100001, must be 1 to 100000");
}

TEST_CASE("a share of several devices is refused") {
  const task_shape shape{.demand = {1_cores, 1_GiB},
                         .devices = {{.count = 2, .share_milli = 500}}};
  CHECK(why(validate(shape))
        == "task: devices[0]: a share is of one device, but count is 2");
}

TEST_CASE("an elastic task starts between its minimum and maximum") {
  task_profile profile{.shape = {.demand = {2_cores, 1_GiB}}};
  CHECK(validate(profile));
  profile.minimum = resources{1_cores, 1_GiB};
  CHECK(why(validate(profile))
        == "task: minimum and maximum are given together or not at all");
  profile.maximum = resources{1_cores, 1_GiB};
  CHECK(why(validate(profile)) == "task: demand is above maximum");
}

TEST_CASE("a value to compare a label with is no longer than a label's") {
  task_shape shape{.constraints = {{"zone", label_operator::in, {"a"}}}};
  CHECK(validate(shape));
  shape.constraints[0].values = {std::string(129, 'x')};
  CHECK(why(validate(shape))
        == "task: constraints[0]: a value is 129 characters long, at most 128 "
           "are allowed");
}

TEST_CASE("a group given twice is refused, for it would count twice") {
  const task_shape shape{.groups = {"web", "web"}};
  CHECK(why(validate(shape)) == "task: groups: web is given twice");
}

TEST_SUITE_END();
