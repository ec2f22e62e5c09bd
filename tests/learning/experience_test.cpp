#include "learning/experience.hpp"

#include <functional>
#include <limits>
#include <set>
#include <string_view>

#include <doctest/doctest.h>

using namespace skerry;

TEST_SUITE_BEGIN("learning/experience");

namespace {

experience sound() {
  experience out;
  out.candidates.resize(3);
  out.chosen = 2;
  out.outcome = task_ending{.wait_seconds = 1, .run_seconds = 60};
  return out;
}

} // namespace

TEST_CASE("a sound experience passes") {
  CHECK(validate(sound()));
}

TEST_CASE("whatever a network must not see is refused") {
  constexpr auto nan = std::numeric_limits<float>::quiet_NaN();
  constexpr auto infinity = std::numeric_limits<float>::infinity();
  const std::function<void(experience&)> faults[]{
      [](auto& of) { of.candidates.clear(); },
      [](auto& of) { of.candidates.resize(max_candidates + 1); },
      [](auto& of) { of.chosen = 3; },
      [=](auto& of) { of.state[5] = nan; },
      [=](auto& of) { of.next_state[0] = infinity; },
      [](auto& of) { of.candidates[1][30] = -4.5F; },
      [](auto& of) { of.propensity = 0; },
      [](auto& of) { of.propensity = 1.5; },
      [](auto& of) { of.of = static_cast<task_class>(4); },
      [=](auto& of) { of.terms[7] = nan; },
      [](auto& of) { of.terms[0] = 1.01F; },
      [=](auto& of) { of.reward = -infinity; },
      [](auto& of) { of.steps = 0; },
      [](auto& of) { of.discount = -0.1F; },
      [=](auto& of) { of.outcome->run_seconds = nan; },
  };
  for (const auto& fault : faults) {
    auto damaged = sound();
    fault(damaged);
    const auto checked = validate(damaged);
    REQUIRE_FALSE(checked);
    CHECK(checked.failure().code == error_code::invalid_argument);
  }
}

TEST_CASE("every feature and every term has a name of its own") {
  std::set<std::string_view> names;
  for (const auto& row : state_feature_table())
    names.insert(row.name);
  CHECK(names.size() == state_features);
  names.clear();
  for (const auto& row : reward_term_table())
    names.insert(row.name);
  CHECK(names.size() == reward_terms);
}

TEST_SUITE_END();
