#include "benchmarks/benchmarks.hpp"
#include "benchmarks/measure.hpp"
#include "learning/trainer_module.hpp"
#include "scheduling/assert.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

namespace skerry {
namespace {

/// Full decisions, so that no row is padding.
std::vector<experience> drawn_experiences(std::size_t count, rng& random) {
  const auto fill = [&random](auto& values) {
    for (auto& each : values)
      each = static_cast<float>(random.uniform());
  };
  std::vector<experience> out(count);
  for (auto& each : out) {
    fill(each.state);
    fill(each.next_state);
    each.candidates.resize(max_candidates);
    for (auto& candidate : each.candidates)
      fill(candidate);
    each.chosen = static_cast<std::uint32_t>(random.below(max_candidates));
    each.reward = static_cast<float>(random.normal());
    each.discount = 0.9F;
  }
  return out;
}

training_batch drawn_batch(std::size_t size, rng& random) {
  const auto experiences = drawn_experiences(size, random);
  std::vector<batch_item> items;
  for (const auto& each : experiences)
    items.push_back({.of = &each});
  return batch_of(items);
}

/// Steps of a trainer and of the bare loop by turns, so that both see the same
/// machine.
result<> time_training(std::size_t size, const network_weights& start,
                       const benchmark_options& options,
                       const report_case& report) {
  rng random{options.seed};
  const auto batch = drawn_batch(size, random);
  const auto shape = experience_network();
  const auto learner = make_trainer(shape, start, {});
  if (!learner)
    return learner.failure();
  const auto bare
      = (*load_trainer_module())
            ->make_bare(shape, start, trainer_options{}.learning_rate);
  case_timer trainer_time{fmt::format("train/{}", size)};
  case_timer bare_time{fmt::format("bare-train/{}", size)};
  constexpr std::uint64_t steps = 4;
  const auto seconds = 2 * options.seconds;
  for (bool warm = false; !warm || bare_time.more(seconds); warm = true) {
    if (warm)
      trainer_time.begin_run();
    for (std::uint64_t i = 0; i < steps; ++i)
      if (const auto done = (*learner)->step(batch); !done)
        return done.failure();
    if (warm)
      trainer_time.end_run(steps);
    if (warm)
      bare_time.begin_run();
    for (std::uint64_t i = 0; i < steps; ++i)
      bare->step(batch);
    if (warm)
      bare_time.end_run(steps);
  }
  auto ours = trainer_time.finish();
  const auto theirs = bare_time.finish();
  ours.more = {{"of_bare", ours.per_second / theirs.per_second}};
  report(ours);
  report(theirs);
  return done{};
}

std::size_t best_of(std::span<const float> logits) {
  return static_cast<std::size_t>(std::ranges::max_element(logits)
                                  - logits.begin());
}

/// Judges `count` candidates and takes the best, again and again.
/// @param judge `(state, candidates, logits)`.
template <class Judge>
benchmark_case time_choices(const std::string& name, std::size_t count,
                            double seconds, rng& random, Judge&& judge) {
  std::vector<float> state(state_features);
  std::vector<float> candidates(count * placement_features);
  for (auto* values : {&state, &candidates})
    for (auto& each : *values)
      each = static_cast<float>(random.uniform());
  std::vector<float> logits(count);
  const auto runs = std::max<std::size_t>(20'000 / count, 1);
  std::size_t checksum = 0;
  case_timer timer{fmt::format("{}/{}", name, count)};
  while (timer.more(seconds)) {
    timer.begin_run();
    for (std::size_t i = 0; i < runs; ++i) {
      state[i % state.size()] += 1e-6F; // Nothing may be remembered.
      judge(state, candidates, logits);
      checksum += best_of(logits);
    }
    timer.end_run(runs);
  }
  SKERRY_ASSERT(checksum < runs * count * 1'000'000'000);
  return timer.finish();
}

/// All numbers of `a` and `b` within 1e-5.
bool agree(const std::vector<float>& a, const std::vector<float>& b) {
  return std::ranges::equal(
      a, b, [](float x, float y) { return std::abs(x - y) <= 1e-5F; });
}

result<> check_agreement(trainer& by_torch, const candidate_network& ours,
                         rng& random) {
  const auto batch = drawn_batch(1, random);
  std::vector<float> expected(max_candidates);
  std::vector<float> logits(max_candidates);
  by_torch.evaluate(batch.states, batch.candidates, expected, {});
  ours.evaluate(batch.states, batch.candidates, logits, {});
  if (!agree(expected, logits))
    return {error_code::conflict, "LibTorch and our forward pass disagree"};
  return done{};
}

/// Weights with heads that are not 0, as after training.
network_weights trained_weights(rng& random) {
  auto out = first_weights(experience_network(), experience_schema(), random);
  for (auto& each : out.tensors)
    for (auto& value : each.values)
      value += static_cast<float>(0.05 * random.normal());
  return out;
}

} // namespace

result<> run_learner_bench(const benchmark_options& options,
                           const report_case& report) {
  rng random{options.seed};
  const auto weights = trained_weights(random);
  const auto by_torch = make_trainer(experience_network(), weights, {});
  if (!by_torch)
    return by_torch.failure();
  for (const std::size_t size : {256, 1024})
    if (auto ok = time_training(size, weights, options, report); !ok)
      return ok;
  for (const std::size_t count : {64, 10'000}) {
    for (const auto kernel : network_kernels()) {
      const auto net = candidate_network::from(experience_network(), weights,
                                               experience_schema(), kernel);
      if (!net)
        return net.failure();
      if (auto ok = check_agreement(**by_torch, *net, random); !ok)
        return ok;
      report(time_choices(
          fmt::format("choose-{}", to_string(kernel)), count, options.seconds,
          random,
          [&net](const auto& state, const auto& candidates, auto& logits) {
            net->evaluate(state, candidates, logits, {});
          }));
    }
    report(time_choices(
        "choose-libtorch", count, options.seconds, random,
        [&by_torch](const auto& state, const auto& candidates, auto& logits) {
          (*by_torch)->evaluate(state, candidates, logits, {});
        }));
  }
  return done{};
}

} // namespace skerry
