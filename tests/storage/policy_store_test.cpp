#include "messages/policy_file.hpp"
#include "storage/policy_store.hpp"
#include "tests/fresh_directory.hpp"

#include <fmt/format.h>

#include <bit>
#include <map>

#include <doctest/doctest.h>

using namespace skerry;
using skerry::testing::fresh_directory;

TEST_SUITE_BEGIN("storage/policy_store");

namespace {

mesh::v1::PolicyRecord record_of(const char* name) {
  mesh::v1::PolicyRecord out;
  *out.mutable_policy() = to_proto(name, fgd_weights());
  out.set_standing(2);
  out.set_reason("better");
  return out;
}

policy_store recovered(const std::vector<store_write>& writes,
                       policy_store_options options = {}) {
  policy_store out{options};
  for (const auto& [key, value] : writes)
    if (value)
      CHECK(out.recover(key, *value));
  return out;
}

v1::PolicyEvent event_of(int number) {
  v1::PolicyEvent out;
  out.set_policy("a@1");
  out.set_unix_milliseconds(number);
  return out;
}

} // namespace

TEST_CASE("policies, state and events survive a restart of the store") {
  const fresh_directory folder;
  const store_options options{.directory = folder.path() / "control",
                              .kind = "control"};
  {
    auto kept = store::open(options);
    REQUIRE(kept);
    policy_store policies;
    mesh::v1::LeagueRecord state;
    state.set_active("a@1");
    std::vector<store_write> writes{policy_store::keep(record_of("a@1")),
                                    policy_store::keep(record_of("b@1")),
                                    policy_store::keep(state),
                                    policy_store::forget("b@1")};
    policies.append(event_of(7), writes);
    REQUIRE((*kept)->commit(writes));
  }
  auto kept = store::open(options);
  REQUIRE(kept);
  policy_store policies;
  REQUIRE((*kept)->for_each({}, [&](auto key, auto value) {
    CHECK(policies.recover(key, value));
    return result<>{done{}};
  }));
  REQUIRE(policies.policies().size() == 1);
  CHECK(policies.policies()[0].policy().name() == "a@1");
  CHECK(policies.policies()[0].reason() == "better");
  CHECK(*weights_from(policies.policies()[0].policy()) == fgd_weights());
  CHECK(policies.state().active() == "a@1");
  REQUIRE(policies.last(10).size() == 1);
  CHECK(policies.last(10)[0].unix_milliseconds() == 7);
  CHECK(policies.damaged().empty());
}

TEST_CASE("damaged, foreign and mistaken records are refused, each by itself") {
  auto flipped = record_of("flipped@1");
  auto& weight
      = *flipped.mutable_policy()->mutable_placement(0)->mutable_weights(0);
  weight.set_weight(std::bit_cast<double>(
      std::bit_cast<std::uint64_t>(weight.weight()) ^ 1)); // The lowest bit.
  auto foreign = record_of("foreign@1");
  foreign.mutable_policy()->set_feature_schema("0123456789abcdef");
  seal(*foreign.mutable_policy());
  auto mistaken = policy_store::keep(record_of("other@1"));
  mistaken.key = "policy/mistaken@1";
  const auto policies = recovered({policy_store::keep(flipped),
                                   policy_store::keep(foreign),
                                   mistaken,
                                   {"policy/cut@1", "\x0a\x7f"},
                                   policy_store::keep(record_of("good@1"))});
  REQUIRE(policies.policies().size() == 1);
  CHECK(policies.policies()[0].policy().name() == "good@1");
  std::string told;
  for (const auto& [key, reason] : policies.damaged())
    told += fmt::format("{}: {}\n", key, reason);
  CHECK(told.find("policy/flipped@1: ") != std::string::npos);
  CHECK(told.find("checksum") != std::string::npos);
  CHECK(told.find("policy/foreign@1: ") != std::string::npos);
  CHECK(told.find("policy/mistaken@1: holds the policy other@1")
        != std::string::npos);
  CHECK(told.find("policy/cut@1: cannot be read") != std::string::npos);
}

TEST_CASE("the log keeps the newest, and says what is to be deleted") {
  policy_store policies{{.max_events = 3}};
  std::vector<store_write> writes;
  for (int i = 1; i <= 5; ++i)
    policies.append(event_of(i), writes);
  std::map<std::string, std::string> disk;
  for (const auto& [key, value] : writes)
    if (value)
      disk[key] = *value;
    else
      CHECK(disk.erase(key) == 1);
  CHECK(disk.size() == 3);
  CHECK(policies.last(2).size() == 2);
  CHECK(policies.last(9).front().unix_milliseconds() == 5);
  CHECK(policies.last(9).back().unix_milliseconds() == 3);
  policy_store again{{.max_events = 3}};
  for (const auto& [key, value] : disk)
    CHECK(again.recover(key, value));
  CHECK(again.last(9).back().unix_milliseconds() == 3);
  writes.clear();
  again.append(event_of(6), writes);
  CHECK(writes[0].key == "league/event/00000000000000000006");
  CHECK(writes[1].key == "league/event/00000000000000000003");
}

TEST_CASE("records of others are not touched") {
  policy_store policies;
  CHECK_FALSE(policies.recover("node/n1", "anything"));
  CHECK_FALSE(policies.recover("league", "anything"));
}

TEST_SUITE_END();
