#include "learning/sum_tree.hpp"
#include "scheduling/rng.hpp"

#include <cstdint>
#include <numeric>
#include <vector>

#include <doctest/doctest.h>

using namespace skerry;

TEST_SUITE_BEGIN("learning/sum_tree");

TEST_CASE("the slot is found in which the running sum passes a point") {
  sum_tree tree{4};
  tree.set(0, 1);
  tree.set(1, 2);
  tree.set(3, 4); // Slot 2 keeps no mass.
  CHECK(tree.total() == 7);
  CHECK(tree.find(0) == 0);
  CHECK(tree.find(0.99) == 0);
  CHECK(tree.find(1) == 1);
  CHECK(tree.find(2.99) == 1);
  CHECK(tree.find(3) == 3);
  CHECK(tree.find(7) == 3); // The very end is still the last one's.
}

TEST_CASE("a tree of any size agrees with the plain running sum") {
  rng random{7};
  for (const std::size_t slots : {1, 7, 8, 9, 63, 64, 65, 1000}) {
    sum_tree tree{slots};
    std::vector<double> plain(slots);
    for (int change = 0; change < 2000; ++change) {
      const auto slot = random.below(slots);
      // Whole numbers, so that both ways of adding up are exact.
      plain[slot] = static_cast<double>(random.below(4));
      tree.set(slot, plain[slot]);
    }
    const auto total = std::accumulate(plain.begin(), plain.end(), 0.0);
    REQUIRE(tree.total() == total);
    for (int ask = 0; ask < 200 && total > 0; ++ask) {
      const auto at = random.uniform() * total;
      std::size_t expected = 0;
      for (double sum = plain[0]; sum <= at; sum += plain[++expected]) {
      }
      CHECK(tree.find(at) == expected);
    }
  }
}

TEST_CASE("rounding does not pile up over a million changes") {
  constexpr std::size_t slots = 100;
  sum_tree tree{slots};
  rng random{3};
  for (int change = 0; change < 1'000'000; ++change)
    tree.set(random.below(slots), random.uniform() * 1e12);
  for (std::size_t slot = 0; slot < slots; ++slot)
    tree.set(slot, 0.25);
  CHECK(tree.total() == 25);
}

TEST_CASE("a slot without mass is never found, nor one that is not there") {
  sum_tree tree{12}; // The last block of leaves has four that are no slots.
  tree.set(11, 1e-300);
  rng random{1};
  for (int ask = 0; ask < 1000; ++ask)
    CHECK(tree.find(random.uniform() * tree.total()) == 11);
  CHECK(tree.find(tree.total()) == 11);
}

TEST_SUITE_END();
