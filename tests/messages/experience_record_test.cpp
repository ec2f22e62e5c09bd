#include "learning/packed_rows.hpp"
#include "messages/experience_record.hpp"
#include "scheduling/rng.hpp"

#include <functional>
#include <limits>

#include <doctest/doctest.h>

using namespace skerry;

TEST_SUITE_BEGIN("messages/experience_record");

namespace {

/// Of values that packed rows hold exactly.
experience some() {
  experience out;
  out.state[3] = 0.25F;
  out.next_state[3] = 0.5F;
  out.candidates.resize(5);
  out.candidates[1][0] = -0.125F;
  out.candidates[4][30] = 1;
  out.chosen = 4;
  out.propensity = 0.9F;
  out.of = task_class::sharing;
  out.terms = {0.5F, -0.25F};
  out.reward = 3.75F;
  out.steps = 8;
  out.discount = 0.92F;
  out.policy_version = 0xfeedfacecafebeef;
  out.decided_at_ms = 1'790'000'000'000;
  out.outcome
      = task_ending{.wait_seconds = 2.5F, .run_seconds = 61, .finished = true};
  return out;
}

error_code code_of(const v1::Experience& from) {
  const auto read = experience_from(from);
  REQUIRE_FALSE(read);
  return read.failure().code;
}

} // namespace

TEST_CASE("an experience comes back as it was") {
  const auto read = experience_from(to_proto(some()).SerializeAsString());
  REQUIRE(read);
  CHECK(*read == some());
}

TEST_CASE("one that ended has no next state on disk, nor an outcome") {
  auto ended = some();
  ended.terminal = true;
  ended.next_state = {};
  ended.outcome.reset();
  const auto wire = to_proto(ended);
  CHECK(wire.states().size() < to_proto(some()).states().size());
  const auto read = experience_from(wire);
  REQUIRE(read);
  CHECK(*read == ended);
}

TEST_CASE("experience of another schema is told from damage") {
  auto wire = to_proto(some());
  wire.set_schema(wire.schema() + 1);
  CHECK(code_of(wire) == error_code::conflict);
}

TEST_CASE("what a stranger may send is refused") {
  const std::function<void(v1::Experience&)> faults[]{
      [](auto& of) { of.set_chosen(5); },
      [](auto& of) { of.set_task_class(4); },
      [](auto& of) { of.set_task_class(260); }, // 4 in a byte.
      [](auto& of) { of.set_propensity(-1); },
      [](auto& of) { of.set_reward(std::numeric_limits<float>::quiet_NaN()); },
      [](auto& of) {
        of.mutable_outcome()->set_run_seconds(
            std::numeric_limits<float>::infinity());
      },
      [](auto& of) { of.clear_candidates(); },
      [](auto& of) { of.mutable_candidates()->append(13 * 4, '\0'); },
      [](auto& of) { of.mutable_candidates()->pop_back(); },
      [](auto& of) { of.mutable_states()->push_back('\1'); },
      [](auto& of) { of.set_terminal(true); }, // But there is a next state.
      [](auto& of) { of.clear_terms(); },
      [](auto& of) { of.set_rows_version(2); },
  };
  for (const auto& fault : faults) {
    auto wire = to_proto(some());
    fault(wire);
    const auto code = code_of(wire);
    CHECK((code == error_code::malformed
           || code == error_code::invalid_argument));
  }
}

TEST_CASE("damaged bytes never become an experience that is unsound") {
  const auto bytes = to_proto(some()).SerializeAsString();
  rng random{3};
  for (int trial = 0; trial < 20'000; ++trial) {
    auto damaged = bytes;
    for (auto flips = 1 + random.below(4); flips > 0; --flips) {
      auto& byte = damaged[random.below(damaged.size())];
      byte = static_cast<char>(byte ^ (1 << random.below(8)));
    }
    damaged.resize(damaged.size() - random.below(3));
    if (const auto read = experience_from(damaged))
      CHECK(validate(*read));
  }
}

TEST_SUITE_END();
