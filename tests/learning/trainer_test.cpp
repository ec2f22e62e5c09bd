#include "learning/trainer_module.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <doctest/doctest.h>

using namespace skerry;

TEST_SUITE_BEGIN("learning/trainer");

namespace {

constexpr std::uint64_t schema = 7;
constexpr network_shape small{5, 4, 64};

std::unique_ptr<trainer> made(const trainer_options& options = {},
                              const network_shape& shape = small) {
  rng random{1};
  auto out = make_trainer(shape, first_weights(shape, schema, random), options,
                          SKERRY_TRAINER);
  REQUIRE_MESSAGE(out, out.failure().message);
  return *std::move(out);
}

/// A decision in a world of `small`: states and candidates are unit vectors.
struct decision {
  std::size_t state = 0;
  std::vector<std::size_t> candidates = {0};
  std::size_t chosen = 0;
  double reward = 0;
  double discount = 0;
  std::size_t next = 0;
  bool imitate = false;
};

void append_unit(std::vector<float>& to, std::size_t size, std::size_t one) {
  for (std::size_t i = 0; i < size; ++i)
    to.push_back(i == one ? 1.0F : 0.0F);
}

training_batch batch_with(const std::vector<decision>& decisions) {
  training_batch out;
  out.size = decisions.size();
  for (const auto& each : decisions)
    out.width = std::max(out.width, each.candidates.size());
  for (const auto& each : decisions) {
    append_unit(out.states, small.state_inputs, each.state);
    append_unit(out.next_states, small.state_inputs, each.next);
    for (const auto candidate : each.candidates)
      append_unit(out.candidates, small.candidate_inputs, candidate);
    out.candidates.resize(out.counts.size() * out.width * small.candidate_inputs
                          + out.width * small.candidate_inputs);
    out.counts.push_back(static_cast<std::int64_t>(each.candidates.size()));
    out.chosen.push_back(static_cast<std::int64_t>(each.chosen));
    out.rewards.push_back(static_cast<float>(each.reward));
    out.discounts.push_back(static_cast<float>(each.discount));
    out.importance.push_back(1);
    out.imitate.push_back(each.imitate ? 1.0F : 0.0F);
  }
  return out;
}

training_step step(trainer& on, const training_batch& batch) {
  auto out = on.step(batch);
  REQUIRE_MESSAGE(out, out.failure().message);
  return *std::move(out);
}

std::vector<float> unit(std::size_t size, std::size_t one) {
  std::vector<float> out;
  append_unit(out, size, one);
  return out;
}

double value_of(trainer& on, std::size_t state) {
  std::array<float, 1> logit{};
  std::array<float, 1> value{};
  on.evaluate(unit(small.state_inputs, state),
              std::vector<float>(small.candidate_inputs), logit, value);
  return static_cast<double>(value.front());
}

std::vector<float> policy_of(trainer& on, std::size_t state) {
  std::vector<float> candidates;
  for (std::size_t c = 0; c < small.candidate_inputs; ++c)
    append_unit(candidates, small.candidate_inputs, c);
  std::vector<float> out(small.candidate_inputs);
  on.evaluate(unit(small.state_inputs, state), candidates, out, {});
  softmax(out);
  return out;
}

} // namespace

TEST_CASE("in a chain the value is the discounted reward at its end") {
  // 0 -> 1 -> 2 -> 3 -> 4 -> end with reward 1: the value of i is 0.9^(4 - i).
  std::vector<decision> chain;
  for (std::size_t i = 0; i < 4; ++i)
    chain.push_back({.state = i, .discount = 0.9, .next = i + 1});
  chain.push_back({.state = 4, .reward = 1});
  const auto learner = made({.target_rate = 0.05});
  const auto batch = batch_with(chain);
  for (int i = 0; i < 1500; ++i)
    step(*learner, batch);
  for (std::size_t i = 0; i < 5; ++i)
    CHECK(value_of(*learner, i)
          == doctest::Approx(std::pow(0.9, 4 - static_cast<double>(i)))
                 .epsilon(0.03));
}

TEST_CASE("rewards of n steps give the value of one step sooner") {
  // The same chain from its first state, two steps at a time.
  const auto learner = made({.target_rate = 0.05});
  const auto batch = batch_with({{.state = 0, .discount = 0.81, .next = 2},
                                 {.state = 2, .discount = 0.81, .next = 4},
                                 {.state = 4, .reward = 1}});
  for (int i = 0; i < 1000; ++i)
    step(*learner, batch);
  CHECK(value_of(*learner, 0) == doctest::Approx(0.6561).epsilon(0.03));
}

TEST_CASE("a bandit's best arm is found among choices made at random") {
  constexpr std::array means{0.1, 0.9, 0.5, 0.2};
  rng random{3};
  const auto learner = made({.temperature = 0.5});
  training_step last;
  for (int i = 0; i < 800; ++i) {
    std::vector<decision> drawn;
    for (int d = 0; d < 64; ++d) {
      const auto arm = static_cast<std::size_t>(random.below(means.size()));
      drawn.push_back({.candidates = {0, 1, 2, 3},
                       .chosen = arm,
                       .reward = means[arm] + 0.1 * random.normal()});
    }
    last = step(*learner, batch_with(drawn));
  }
  const auto policy = policy_of(*learner, 0);
  CHECK(std::ranges::max_element(policy) - policy.begin() == 1);
  CHECK(policy[1] > 0.6F);
  // What is learned of each arm, too: the value of the state that it leaves.
  CHECK(last.errors.size() == 64);
  CHECK(last.number == 800);
  CHECK(learner->weights().origin.experiences == 800 * 64);
}

TEST_CASE("an elite is imitated whatever came of its choice") {
  const auto learner = made();
  const auto batch = batch_with(
      {{.candidates = {0, 1, 2, 3}, .chosen = 2, .reward = -1, .imitate = true},
       {.candidates = {0, 1, 2, 3},
        .chosen = 2,
        .reward = -2,
        .imitate = true}});
  for (int i = 0; i < 500; ++i)
    step(*learner, batch);
  CHECK(policy_of(*learner, 0)[2] > 0.8F);
}

TEST_CASE("candidates that are missing take no part") {
  const auto learner = made();
  const auto batch = batch_with(
      {{.candidates = {1}}, {.candidates = {0, 1, 2}, .chosen = 1}});
  const auto first = step(*learner, batch);
  // Even policies over what is there: ln 1 and ln 3, weighted alike.
  CHECK(first.policy_loss == doctest::Approx(std::log(3.0) / 2).epsilon(0.01));
  CHECK(first.entropy == doctest::Approx(1).epsilon(1e-4));
}

TEST_CASE("limits hold the policy near the target's, and away from certainty") {
  const auto batch = batch_with(
      {{.candidates = {0, 1, 2, 3}, .chosen = 2, .imitate = true}});
  const auto entropy_with = [&batch](const trainer_options& options) {
    const auto learner = made(options);
    training_step last;
    for (int i = 0; i < 400; ++i)
      last = step(*learner, batch);
    return last.entropy;
  };
  const auto free = entropy_with({.min_entropy = 0, .max_divergence = 1e6});
  CHECK(free < 0.05);
  CHECK(entropy_with(
            {.min_entropy = 0.5, .max_divergence = 1e6, .limit_weight = 100})
        > 0.4);
  CHECK(entropy_with({.target_rate = 1e-6,
                      .min_entropy = 0,
                      .max_divergence = 0.05,
                      .limit_weight = 100})
        > 0.8);
}

TEST_CASE("a step that is no number is rolled back, reported and survived") {
  const auto learner = made({.snapshot_steps = 10});
  auto batch = batch_with({{.reward = 1}});
  for (int i = 0; i < 25; ++i)
    CHECK(step(*learner, batch).rolled_back.empty());
  batch.rewards.front() = std::numeric_limits<float>::quiet_NaN();
  const auto bad = step(*learner, batch);
  CHECK(bad.rolled_back == "the loss is not finite");
  CHECK(validate(learner->weights(), schema, layout_of(small)));
  batch.rewards.front() = 1;
  const auto next = step(*learner, batch);
  CHECK(next.rolled_back.empty());
  CHECK(next.number == 27);
}

TEST_CASE("a loss that explodes is rolled back to before it did") {
  const auto learner = made({.snapshot_steps = 10});
  const auto calm = batch_with({{.reward = 1}, {.state = 1, .reward = 0}});
  for (int i = 0; i < 300; ++i)
    step(*learner, calm);
  const auto value = value_of(*learner, 0);
  const auto wild = batch_with({{.reward = 1e6}, {.state = 1, .reward = -1e6}});
  std::string reported;
  for (int i = 0; i < 10 && reported.empty(); ++i)
    reported = step(*learner, wild).rolled_back;
  CHECK(reported.find("the loss has grown from") == 0);
  CHECK(value_of(*learner, 0) == doctest::Approx(value).epsilon(0.1));
}

TEST_CASE("LibTorch and the forward pass of our own agree to 1e-5") {
  const auto shape = experience_network();
  const auto learner = made({}, shape);
  rng random{5};
  auto weights = learner->weights();
  for (auto& each : weights.tensors)
    for (auto& value : each.values)
      value += static_cast<float>(0.05 * random.normal());
  auto other = make_trainer(shape, weights, {}, SKERRY_TRAINER);
  REQUIRE(other);
  const auto drawn = [&random](std::size_t size) {
    std::vector<float> out(size);
    for (auto& each : out)
      each = static_cast<float>(random.uniform());
    return out;
  };
  constexpr std::size_t rows = 64;
  const auto state = drawn(shape.state_inputs);
  const auto candidates = drawn(rows * shape.candidate_inputs);
  std::vector<float> logits(rows);
  std::vector<float> values(rows);
  (*other)->evaluate(state, candidates, logits, values);
  for (const auto kernel : network_kernels()) {
    CAPTURE(to_string(kernel));
    const auto net = candidate_network::from(shape, weights, schema, kernel);
    REQUIRE(net);
    std::vector<float> our_logits(rows);
    std::vector<float> our_values(rows);
    net->evaluate(state, candidates, our_logits, our_values);
    float worst = 0;
    for (std::size_t r = 0; r < rows; ++r)
      worst = std::max({worst, std::abs(logits[r] - our_logits[r]),
                        std::abs(values[r] - our_values[r])});
    CHECK(worst < 1e-5F);
  }
}

TEST_CASE("what a trainer leaves is what the next one begins at") {
  const auto learner = made();
  const auto batch = batch_with({{.candidates = {0, 1}, .reward = 1}});
  for (int i = 0; i < 5; ++i)
    step(*learner, batch);
  const auto weights = learner->weights();
  CHECK(weights.feature_schema == schema);
  const auto next = make_trainer(small, weights, {}, SKERRY_TRAINER);
  REQUIRE(next);
  CHECK((*next)->weights() == weights);
  CHECK(step(**next, batch).number == 6);
}

TEST_CASE("batches and weights of other extents are refused") {
  const auto learner = made();
  auto batch = batch_with({{.candidates = {0, 1}}});
  batch.chosen.front() = 2;
  CHECK_FALSE(learner->step(batch));
  batch.chosen.front() = 0;
  batch.states.pop_back();
  CHECK_FALSE(learner->step(batch));
  CHECK_FALSE(learner->step({}));
  rng random{1};
  CHECK_FALSE(make_trainer({5, 5, 64}, first_weights(small, schema, random), {},
                           SKERRY_TRAINER));
  CHECK_FALSE(make_trainer(small, first_weights(small, schema, random),
                           {.learning_rate = 0}, SKERRY_TRAINER));
  CHECK_FALSE(load_trainer_module("/nowhere/skerry-trainer.so"));
}

TEST_CASE("experiences become rows, padded to the longest") {
  experience first;
  first.candidates.resize(2);
  first.candidates[1][3] = 0.5F;
  first.chosen = 1;
  first.reward = 2;
  first.discount = 0.5F;
  experience last = first;
  last.candidates.resize(1);
  last.chosen = 0;
  last.terminal = true;
  const auto batch = batch_of({{&first, 0.25F, false}, {&last, 1, true}});
  CHECK(batch.size == 2);
  CHECK(batch.width == 2);
  CHECK(batch.counts == std::vector<std::int64_t>{2, 1});
  CHECK(batch.candidates.size() == 4 * placement_features);
  CHECK(batch.candidates[placement_features + 3] == 0.5F);
  CHECK(batch.candidates.back() == 0);
  CHECK(batch.discounts == std::vector<float>{0.5F, 0});
  CHECK(batch.importance == std::vector<float>{0.25F, 1});
  CHECK(batch.imitate == std::vector<float>{0, 1});
}

TEST_SUITE_END();
