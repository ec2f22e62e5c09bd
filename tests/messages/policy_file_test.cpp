#include "learning/trainer.hpp"
#include "messages/policy_file.hpp"
#include "messages/weights_file.hpp"
#include "tests/fresh_directory.hpp"

#include <limits>
#include <string>

#include <doctest/doctest.h>

using namespace skerry;
using namespace skerry::testing;

TEST_SUITE_BEGIN("messages/policy_file");

namespace {

placement_weights some_weights() {
  auto out = fgd_weights();
  out.of[1][5] = -0.1;
  out.of[3][2] = 1.0 / 3;
  return out;
}

std::string replaced(std::string text, std::string_view what,
                     std::string_view by) {
  const auto at = text.find(what);
  REQUIRE(at != text.npos);
  return text.replace(at, what.size(), by);
}

std::string why_refused(const v1::Policy& policy) {
  const auto read = weights_from(policy);
  REQUIRE(!read);
  CHECK(read.failure().code == error_code::malformed);
  return read.failure().message;
}

bool says(const std::string& text, std::string_view what) {
  return text.find(what) != text.npos;
}

} // namespace

TEST_CASE("weights come back from text to the last bit") {
  const auto written = to_proto("mine", some_weights());
  const auto read = read_policy(policy_text(written), "mine.policy");
  REQUIRE(read);
  CHECK(read->name() == "mine");
  CHECK(*weights_from(*read) == some_weights());
}

TEST_CASE("damage is refused, wherever it is") {
  const auto text = policy_text(to_proto("mine", some_weights()));
  std::size_t refused = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == ' ' || text[i] == '\n')
      continue;
    auto damaged = text;
    damaged[i] = static_cast<char>(damaged[i] ^ 1);
    const auto read = read_policy(damaged, "x");
    // What reads the same is no damage, for example 'e' and 'E' in a number.
    if (!read)
      ++refused;
    else
      CHECK(*weights_from(*read) == some_weights());
  }
  CHECK(refused > 300);
}

TEST_CASE("an error in the text is told by its place") {
  const auto text = policy_text(to_proto("mine", some_weights()));
  const auto read
      = read_policy(replaced(text, "task_class", "task_kind"), "x.policy");
  REQUIRE(!read);
  CHECK(says(read.failure().message, "x.policy:"));
  CHECK(says(read.failure().message, "task_kind"));
  CHECK(!read_policy("", "x"));
  CHECK(!read_policy("no policy at all", "x"));
}

TEST_CASE(
    "a sealed policy of another version or kind is refused all the same") {
  auto policy = to_proto("mine", some_weights());
  policy.set_feature_schema("0123456789abcdef");
  CHECK(says(why_refused(policy), "checksum"));
  seal(policy);
  CHECK(says(why_refused(policy), "other features"));

  policy = to_proto("mine", some_weights());
  policy.mutable_placement(0)->mutable_weights(0)->set_feature("luck");
  seal(policy);
  CHECK(says(why_refused(policy), "unknown feature, luck"));

  policy = to_proto("mine", some_weights());
  policy.mutable_placement(0)->set_task_class("large");
  seal(policy);
  CHECK(says(why_refused(policy), "large"));

  policy = to_proto("mine", some_weights());
  policy.mutable_placement(0)->mutable_weights(0)->set_weight(
      std::numeric_limits<double>::quiet_NaN());
  seal(policy);
  CHECK(says(why_refused(policy), "weight of fgd"));
}

TEST_CASE("a policy may place, order queues, or do both, and says which") {
  queue_weights order{};
  order[0] = 1;
  order[19] = -1.0 / 3;
  const auto queues = to_proto("batch", order);
  const auto read = read_policy(policy_text(queues), "batch.policy");
  REQUIRE(read);
  CHECK(*queue_weights_from(*read) == order);
  const auto absent = weights_from(*read);
  REQUIRE(!absent);
  CHECK(absent.failure().code == error_code::not_found);
  CHECK(says(absent.failure().message, "places no tasks"));

  auto both = to_proto("mine", some_weights());
  CHECK(queue_weights_from(both).failure().code == error_code::not_found);
  both.set_queue_schema(queues.queue_schema());
  *both.mutable_queue() = queues.queue();
  seal(both);
  CHECK(read_policy(policy_text(both), "x"));
  CHECK(*queue_weights_from(both) == order);
  CHECK(*weights_from(both) == some_weights());

  both.mutable_queue(0)->set_feature("luck");
  seal(both);
  CHECK(says(read_policy(policy_text(both), "x").failure().message,
             "unknown feature, luck"));
  v1::Policy neither;
  seal(neither);
  CHECK_FALSE(read_policy(policy_text(neither), "x"));

  const fresh_directory directory;
  const auto path = directory.write("batch.policy", policy_text(queues));
  CHECK(*find_queue_policy(path) == order);
  const auto refused = find_policy(path);
  REQUIRE(!refused);
  CHECK(refused.failure().code == error_code::invalid_argument);
  CHECK(says(refused.failure().message, path + ": "));
}

TEST_CASE("policies are found by name and by file") {
  CHECK(find_policy("skerry")->weights);
  CHECK_FALSE(find_policy("fgd")->weights);
  const auto unknown = find_policy("sherry");
  REQUIRE(!unknown);
  CHECK(says(unknown.failure().message, "skerry"));
  CHECK(says(unknown.failure().message, "best-fit-all"));

  const fresh_directory directory;
  const std::string path = directory.path() / "mine.policy";
  const auto missing = find_policy(path);
  REQUIRE(!missing);
  CHECK(missing.failure().code == error_code::not_found);
  CHECK(says(missing.failure().message, path));
  directory.write("mine.policy", policy_text(to_proto("any", some_weights())));
  const auto found = find_policy(path);
  REQUIRE(found);
  CHECK(found->name == path);
  CHECK(*found->weights == some_weights());
}

TEST_CASE("a network is asked beside an evolved policy, and no other") {
  const fresh_directory directory;
  rng random{1};
  const auto file = directory.write(
      "net.weights", weights_bytes(first_weights(experience_network(),
                                                 experience_schema(), random)));
  for (const auto* how : {"+policy:", "+value:0.5:", "+value:-2:"}) {
    const auto found = find_policy("skerry" + (how + file));
    REQUIRE(found);
    CHECK(found->name == "skerry" + (how + file));
    cluster nodes;
    REQUIRE(nodes.add_node(
        {.name = "n", .capacity = {millicores{1000}, bytes{1 << 20}}}));
    const auto made = make_policy(*found, nodes, {});
    REQUIRE(made);
    const auto shape
        = nodes.intern({.demand = {millicores{100}, bytes{1 << 10}}});
    REQUIRE(shape);
    CHECK((*made)->choose(*shape).has_value());
  }
  const auto refusal = [](const std::string& name) {
    const auto found = find_policy(name);
    REQUIRE_FALSE(found);
    return found.failure().message;
  };
  CHECK(says(refusal("fgd+policy:" + file), "of an evolved policy"));
  CHECK(says(refusal("skerry+value:" + file), "+value:WEIGHT:FILE"));
  CHECK(says(refusal("skerry+luck"), "+policy:FILE"));
  CHECK(says(refusal("skerry+policy:/nowhere.weights"), "/nowhere.weights"));
  CHECK(says(
      refusal("skerry+policy:" + directory.write("bad.weights", "damaged")),
      "bad.weights"));
}

TEST_SUITE_END();
