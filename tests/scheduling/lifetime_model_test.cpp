#include "scheduling/lifetime_model.hpp"

#include <doctest/doctest.h>

using namespace skerry;

TEST_SUITE_BEGIN("scheduling/lifetime_model");

TEST_CASE("the estimate of Kaplan and Meier, by hand") {
  // 5 tasks: ends at 1, 3 and 4; one still runs at 2, one at 5.
  const lifetime_model of{
      {{1, true}, {2, false}, {3, true}, {4, true}, {5, false}}};
  CHECK(of.ended() == 3);
  CHECK(of.survival(0) == 1);
  CHECK(of.survival(1) == doctest::Approx(4.0 / 5));
  CHECK(of.survival(2.5) == doctest::Approx(4.0 / 5));
  CHECK(of.survival(3) == doctest::Approx(4.0 / 5 * 2 / 3));
  CHECK(of.survival(4) == doctest::Approx(4.0 / 5 * 2 / 3 / 2));
  // Beyond what is known half of those that are left go on for twice as long.
  CHECK(of.survival(10) == doctest::Approx(of.survival(5) / 2));
}

TEST_CASE("quantiles move on as a task ages") {
  std::vector<observed_lifetime> runs;
  for (int i = 0; i < 90; ++i)
    runs.push_back({1'000, true});
  for (int i = 0; i < 10; ++i)
    runs.push_back({60'000, true});
  const lifetime_model of{runs};
  CHECK(of.quantile(0.5, 0) == 1'000);
  CHECK(of.quantile(0.95, 0) == 60'000);
  CHECK(of.quantile(0.5, 2'000) == 60'000); // It is one of the long ones.
  CHECK(of.quantile(0.5, 60'000) == 120'000);
  CHECK(of.quantile(0.99, 90'000) == 720'000); // No more than eight times.
}

TEST_CASE("with nothing known a task runs for twice as long as so far") {
  const lifetime_model none;
  CHECK(none.quantile(0.5, 10'000) == 20'000);
  CHECK(none.quantile(0, 0) == 1);
  const lifetime_model one{{{5'000, false}}};
  CHECK(one.ended() == 0);
  CHECK(one.quantile(0.5, 0) == 10'000);
}

TEST_CASE("tasks that still run make the estimate longer, and less biased") {
  // Exponential, mean 100 s, all seen 50 s after they began at even times.
  rng random{5};
  std::vector<observed_lifetime> all;
  std::vector<observed_lifetime> ended;
  for (int i = 0; i < 20'000; ++i) {
    const auto run = static_cast<std::int64_t>(random.exponential(100'000)) + 1;
    const auto age = static_cast<std::int64_t>(random.below(400'000));
    all.push_back({std::min(run, age), run <= age});
    if (run <= age)
      ended.push_back(all.back());
  }
  const auto median = 100'000 * 0.6931;
  CHECK(static_cast<double>(lifetime_model{all}.quantile(0.5, 0))
        == doctest::Approx(median).epsilon(0.03));
  CHECK(static_cast<double>(lifetime_model{ended}.quantile(0.5, 0))
        < 0.9 * median);
  // Without memory: who has run for 100 s has the same before it.
  CHECK(static_cast<double>(lifetime_model{all}.quantile(0.5, 100'000))
        == doctest::Approx(100'000 + median).epsilon(0.05));
}

TEST_SUITE_END();
