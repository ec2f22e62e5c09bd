#include "learning/learner.hpp"

#include <limits>

#include <doctest/doctest.h>

using namespace skerry;

TEST_SUITE_BEGIN("learning/learner");

namespace {

constexpr replay_options small_ring{
    .capacity = 512, .fewest = 64, .samples_per_insert = 0};

/// Two candidates; the second is worth 1, the first nothing.
experience choice(std::uint32_t chosen) {
  experience out;
  out.candidates.resize(2);
  out.candidates[1][0] = 1;
  out.chosen = chosen;
  out.reward = chosen == 1 ? 1.0F : 0.0F;
  out.terminal = true;
  return out;
}

learner made(const learner_options& options,
             std::optional<network_weights> start = {}) {
  auto out = learner::make(options, std::move(start), SKERRY_TRAINER);
  REQUIRE_MESSAGE(out, out.failure().message);
  return *std::move(out);
}

} // namespace

TEST_CASE(
    "a learner waits for experience, learns, and publishes now and then") {
  experience_ring ring{small_ring, 1};
  auto learning = made({.batch = 32, .publish_steps = 100, .reward_scale = 1});
  CHECK(learning.step(ring).failure().code == error_code::insufficient);
  CHECK(learning.figures().steps == 0);

  for (std::uint32_t i = 0; i < 200; ++i)
    REQUIRE(ring.insert(choice(i % 2)));
  std::uint64_t published = 0;
  for (int i = 0; i < 400; ++i) {
    const auto due = learning.step(ring);
    REQUIRE(due);
    published += *due ? 1 : 0;
  }
  CHECK(published == 4);
  CHECK(learning.figures().published == 4);
  CHECK(learning.figures().value_loss < 0.1);

  const auto net = candidate_network::from(
      experience_network(), learning.weights(), experience_schema());
  REQUIRE(net);
  const auto known = choice(1);
  std::vector<float> candidates(2 * placement_features);
  candidates[placement_features] = 1;
  std::vector<float> logits(2);
  std::vector<float> values(2);
  net->evaluate(known.state, candidates, logits, values);
  CHECK(logits[1] > logits[0]);
  // What they are worth is 0 and 1.
  CHECK(values[0] < 0.3F);
  CHECK(values[1] > 0.7F);
}

TEST_CASE("the next learner goes on where one has stopped") {
  experience_ring ring{small_ring, 1};
  for (std::uint32_t i = 0; i < 200; ++i)
    REQUIRE(ring.insert(choice(i % 2)));
  auto first = made({.batch = 32});
  for (int i = 0; i < 10; ++i)
    REQUIRE(first.step(ring));
  auto next = made({.batch = 32}, first.weights());
  REQUIRE(next.step(ring));
  CHECK(next.weights().origin.steps == 11);
  CHECK(next.weights().origin.experiences == 11 * 32);
}

TEST_CASE("experience that is none never gets into the ring") {
  experience_ring ring{small_ring, 1};
  auto bad = choice(0);
  bad.reward = std::numeric_limits<float>::quiet_NaN();
  CHECK_FALSE(ring.insert(bad));
  CHECK(ring.size() == 0);
}

TEST_CASE("weights of other features are refused, as are senseless options") {
  auto weights = made({}).weights();
  weights.feature_schema ^= 1;
  CHECK(learner::make({}, weights, SKERRY_TRAINER).failure().code
        == error_code::malformed);
  CHECK_FALSE(validate(learner_options{.batch = 0}));
  CHECK_FALSE(validate(learner_options{.hidden = 65}));
  CHECK_FALSE(validate(learner_options{.publish_steps = 0}));
  CHECK_FALSE(validate(learner_options{.reward_scale = 0}));
}

TEST_SUITE_END();
