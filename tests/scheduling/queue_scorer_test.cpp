#include "scheduling/queue_scorer.hpp"
#include "scheduling/rng.hpp"

#include <cmath>
#include <vector>

#include <doctest/doctest.h>

using namespace skerry;

namespace {

/// A queue and a machine in some state, from a seed.
struct random_queue {
  explicit random_queue(std::uint64_t seed) : random{seed} {
    for (auto& weight : weights)
      weight = random.uniform() * 2 - 1;
    for (std::int64_t number = 0; number < 20; ++number)
      waiting.push_back({number, below(now), 1 + below(50'000), 1 + below(64)});
    std::int64_t used = 0;
    for (std::int64_t number = 100; number < 106; ++number) {
      const auto processors = 1 + below(40);
      used += processors;
      running.push_back(
          {{number, 0, 1 + below(50'000), processors}, below(now)});
    }
    free = 256 - used;
  }

  std::int64_t below(std::int64_t bound) {
    return static_cast<std::int64_t>(
        random.below(static_cast<std::uint64_t>(bound)));
  }
  queue_state state() const { return {now, 256, free, waiting, running}; }

  rng random;
  queue_weights weights{};
  std::int64_t now = 20'000;
  std::int64_t free = 0;
  std::vector<queued_job> waiting;
  std::vector<running_job> running;
};

} // namespace

TEST_SUITE_BEGIN("scheduling/queue_scorer");

TEST_CASE("a score is the sum of weights times features") {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const random_queue queue{seed};
    free_forecast forecast;
    forecast.reset(queue.state());
    const queue_scorer scorer{queue.weights, 256};
    for (const auto& job : queue.waiting) {
      const auto features = features_of(job, queue.state(), forecast);
      double sum = 0;
      for (std::size_t i = 0; i < queue_feature_count; ++i)
        sum += queue.weights[i] * features[i];
      CHECK(scorer.score(scorer.prepare(job),
                         {queue.now, queue.free, queue.waiting.size()},
                         forecast)
            == doctest::Approx(sum).epsilon(1e-12));
    }
  }
}

TEST_CASE("the policy takes the lowest score, whatever it saw before") {
  random_queue queue{7};
  scorer_policy kept{queue.weights};
  while (queue.waiting.size() > 1) {
    scorer_policy fresh{queue.weights};
    const auto chosen = kept.choose(queue.state());
    CHECK(chosen == fresh.choose(queue.state()));
    free_forecast forecast;
    forecast.reset(queue.state());
    const queue_scorer scorer{queue.weights, 256};
    const scored_state state{queue.now, queue.free, queue.waiting.size()};
    const auto score = [&](const queued_job& job) {
      return scorer.score(scorer.prepare(job), state, forecast);
    };
    for (const auto& job : queue.waiting)
      CHECK(score(queue.waiting[chosen]) <= score(job));
    queue.waiting.erase(queue.waiting.begin()
                        + static_cast<std::ptrdiff_t>(chosen));
    queue.now += 500;
  }
}

TEST_CASE("a number may mean another job in another log") {
  const random_queue one{1};
  const random_queue other{2}; // The same numbers.
  scorer_policy kept{one.weights};
  (void)kept.choose(one.state());
  scorer_policy fresh{one.weights};
  CHECK(kept.choose(other.state()) == fresh.choose(other.state()));
}

TEST_CASE("orders as weights sort as the orders do") {
  const random_queue queue{3};
  for (const auto& [order, weights] : orders_as_weights()) {
    scorer_policy by_weights{weights};
    order_policy by_order{order};
    CHECK(by_weights.choose(queue.state()) == by_order.choose(queue.state()));
  }
}

TEST_CASE("a forecast says when processors are free") {
  const std::vector<running_job> running{
      {{1, 0, 100, 4}, 0}, {{2, 0, 30, 2}, 0}, {{3, 0, 500, 3}, 10}};
  free_forecast forecast;
  forecast.reset({50, 10, 1, {}, running});
  CHECK(forecast.seconds_until(1) == 0);
  CHECK(forecast.seconds_until(3) == 0); // Job 2 has outrun its request.
  CHECK(forecast.seconds_until(4) == 50);
  CHECK(forecast.seconds_until(7) == 50);
  CHECK(forecast.seconds_until(10) == 460);
  CHECK(forecast.log_until(10) == doctest::Approx(std::log(461)));
  // The same from claims, which fall by their end.
  const std::vector<processor_claim> claims{{510, 3}, {100, 4}, {30, 2}};
  free_forecast of_claims;
  of_claims.reset(50, 1, claims);
  for (std::int64_t processors = 1; processors <= 10; ++processors)
    CHECK(of_claims.seconds_until(processors)
          == forecast.seconds_until(processors));
}

TEST_SUITE_END();
