#include "learning/replay_buffer.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>

#include <doctest/doctest.h>

using namespace skerry;

TEST_SUITE_BEGIN("learning/replay_buffer");

namespace {

replay_options unlimited(std::size_t capacity) {
  return {.capacity = capacity,
          .fewest = 1,
          .samples_per_insert = 0,
          .priority_exponent = 1};
}

replay_buffer<int> filled(const replay_options& options, int items) {
  replay_buffer<int> out{options};
  for (int item = 0; item < items; ++item)
    out.insert(item);
  return out;
}

/// Shares of the keys among many samples of `batch`.
std::map<std::uint64_t, double> shares(replay_buffer<int>& from, bool even,
                                       std::size_t batch) {
  rng random{11};
  std::map<std::uint64_t, double> out;
  std::vector<replay_pick> picks(batch);
  constexpr std::size_t all = 100'000;
  for (std::size_t drawn = 0; drawn < all; drawn += batch) {
    const auto sampled = even ? from.sample_evenly(picks, random)
                              : from.sample_by_priority(picks, 0, random);
    REQUIRE(sampled);
    for (const auto& pick : picks)
      out[pick.key] += 1.0 / all;
  }
  return out;
}

} // namespace

TEST_CASE("the oldest items make room for new ones, and their keys are gone") {
  const auto buffer = filled(unlimited(4), 10);
  CHECK(buffer.sampler().size() == 4);
  for (std::uint64_t key = 0; key < 6; ++key)
    CHECK(buffer.find(key) == nullptr);
  for (std::uint64_t key = 6; key < 10; ++key)
    CHECK(*buffer.find(key) == static_cast<int>(key));
  CHECK(buffer.find(10) == nullptr);
}

TEST_CASE("an even sample draws all items alike") {
  for (const int items : {3, 8, 21}) { // A ring of 8: part, just full, lapped.
    auto buffer = filled(unlimited(8), items);
    const auto drawn = shares(buffer, true, 10);
    const auto expected = 1.0 / std::min(items, 8);
    CHECK(drawn.size() == static_cast<std::size_t>(std::min(items, 8)));
    // Five standard deviations of a share among 100 000 draws are below 0.008.
    for (const auto& [key, share] : drawn)
      CHECK(std::abs(share - expected) < 0.008);
  }
}

TEST_CASE("a sample by priority draws items by their priorities") {
  for (const std::size_t batch : {1, 10, 100}) {
    auto buffer = filled(unlimited(8), 21); // Keys 13 to 20, slots lapped.
    double sum = 0;
    for (std::uint64_t key = 13; key < 21; ++key) {
      CHECK(buffer.set_priority(key, static_cast<double>(key)));
      sum += static_cast<double>(key);
    }
    const auto drawn = shares(buffer, false, batch);
    REQUIRE(drawn.size() == 8);
    for (const auto& [key, share] : drawn)
      CHECK(std::abs(share - static_cast<double>(key) / sum) < 0.008);
  }
}

TEST_CASE("probabilities and weights are those of the paper") {
  auto options = unlimited(4);
  options.priority_exponent = 0.5;
  auto buffer = filled(options, 4);
  for (std::uint64_t key = 0; key < 4; ++key) // Roots 1, 2, 3, 4: sum 10.
    buffer.set_priority(key, static_cast<double>((key + 1) * (key + 1)));
  rng random{5};
  std::array<replay_pick, 100> picks;
  REQUIRE(buffer.sample_by_priority(picks, 0.4, random));
  for (const auto& pick : picks) {
    const auto probability = static_cast<double>(pick.key + 1) / 10;
    CHECK(pick.probability == doctest::Approx(probability));
    // (4 p)^-0.4 / (4 x 0.1)^-0.4; every key is in so large a sample.
    CHECK(pick.weight == doctest::Approx(std::pow(0.1 / probability, 0.4)));
  }
}

TEST_CASE("weights undo priorities: the mean is that of an even sample") {
  auto buffer = filled(unlimited(64), 64);
  rng random{9};
  for (std::uint64_t key = 0; key < 64; ++key)
    buffer.set_priority(key, 0.1 + random.uniform());
  double mean = 0;
  double weights = 0;
  std::vector<replay_pick> picks(64);
  for (int batch = 0; batch < 2000; ++batch) {
    REQUIRE(buffer.sample_by_priority(picks, 1, random));
    for (const auto& pick : picks) {
      const auto weight = 1 / (64 * pick.probability); // Before the maximum.
      mean += weight * *buffer.find(pick.key);
      weights += weight;
    }
  }
  CHECK(mean / weights == doctest::Approx(31.5).epsilon(0.01));
}

TEST_CASE("no priority makes an item invisible, or the only one") {
  auto buffer = filled(unlimited(4), 4);
  constexpr auto infinity = std::numeric_limits<double>::infinity();
  buffer.set_priority(0, std::numeric_limits<double>::quiet_NaN());
  buffer.set_priority(1, infinity);
  buffer.set_priority(2, -infinity);
  buffer.set_priority(3, 1e-308);
  rng random{2};
  std::array<replay_pick, 64> picks;
  for (int batch = 0; batch < 100; ++batch) {
    REQUIRE(buffer.sample_by_priority(picks, 1, random));
    for (const auto& pick : picks) {
      CHECK(buffer.find(pick.key) != nullptr);
      CHECK(pick.probability > 0);
      CHECK(pick.probability < 0.51); // Two share the largest.
      CHECK(pick.weight > 0);
      CHECK(pick.weight <= 1);
    }
  }
  // Those that seemed worthless still have mass.
  CHECK(buffer.sampler().size() == 4);
  CHECK_FALSE(buffer.set_priority(4, 1)); // Not there.
}

TEST_CASE("a new item has the largest priority, also in the place of an old "
          "one") {
  auto buffer = filled(unlimited(2), 2);
  buffer.set_priority(0, 8);
  buffer.set_priority(1, 8);
  buffer.insert(2);
  buffer.set_priority(1, 2);
  CHECK_FALSE(buffer.set_priority(0, 100)); // Overwritten.
  rng random{4};
  std::array<replay_pick, 10> picks;
  REQUIRE(buffer.sample_by_priority(picks, 0, random));
  for (const auto& pick : picks)
    CHECK(pick.probability == doctest::Approx(pick.key == 2 ? 0.8 : 0.2));
}

TEST_CASE("samples wait for inserts") {
  replay_buffer<int> buffer{
      {.capacity = 100, .fewest = 10, .samples_per_insert = 2}};
  rng random{1};
  std::array<replay_pick, 8> picks;
  for (int item = 0; item < 9; ++item)
    buffer.insert(item);
  CHECK(buffer.sample_evenly(picks, random).failure().code
        == error_code::insufficient); // Fewer than `fewest`.
  buffer.insert(9);
  CHECK(buffer.sampler().allowance() == 20);
  CHECK(buffer.sample_evenly(picks, random));
  CHECK(buffer.sample_by_priority(picks, 0.4, random));
  CHECK(buffer.sampler().allowance() == 4);
  CHECK_FALSE(buffer.sample_evenly(picks, random));
  buffer.insert(10);
  buffer.insert(11);
  CHECK(buffer.sample_evenly(picks, random));
  CHECK(buffer.sampler().sampled() == 24);
  // However long nobody samples: no more than a ring's worth.
  for (int item = 0; item < 1000; ++item)
    buffer.insert(item);
  CHECK(buffer.sampler().allowance() == 200);
}

TEST_CASE("the same seed draws the same sample") {
  auto one = filled(unlimited(50), 80);
  auto two = filled(unlimited(50), 80);
  rng random{6};
  rng again{6};
  std::array<replay_pick, 32> a;
  std::array<replay_pick, 32> b;
  const auto same = [](const replay_pick& left, const replay_pick& right) {
    return left.key == right.key && left.weight == right.weight;
  };
  REQUIRE(one.sample_evenly(a, random));
  REQUIRE(two.sample_evenly(b, again));
  CHECK(std::ranges::equal(a, b, same));
  REQUIRE(one.sample_by_priority(a, 0.5, random));
  REQUIRE(two.sample_by_priority(b, 0.5, again));
  CHECK(std::ranges::equal(a, b, same));
}

TEST_CASE("options that mean nothing are refused") {
  CHECK(validate(replay_options{}));
  CHECK_FALSE(validate(replay_options{.capacity = 0}));
  CHECK_FALSE(validate(replay_options{.capacity = 10, .fewest = 11}));
  CHECK_FALSE(validate(replay_options{.samples_per_insert = -1}));
  CHECK_FALSE(validate(replay_options{
      .priority_exponent = std::numeric_limits<double>::quiet_NaN()}));
}

TEST_SUITE_END();
