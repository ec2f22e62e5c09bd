#include "simulation/pressure.hpp"

#include <doctest/doctest.h>

using namespace skerry;

TEST_SUITE_BEGIN("simulation/pressure");

TEST_CASE("each kind counts by how much is asked of it") {
  const metered_amounts capacity{1'000, 100, 4'000, 0};
  const pressure of{{500, 10, 4'000, 7}, capacity}; // 0.5, 0.1, 1 and no FPGA.
  CHECK(of.highest() == 1);
  CHECK(of.scarcest() == metered::gpu);
  CHECK(of.share_of(as_doubles(capacity), capacity) == doctest::Approx(1));
  // All that was asked for: (0.25 + 0.01 + 1) / 1.6.
  CHECK(of.share_of({500, 10, 4'000, 7}, capacity)
        == doctest::Approx(1.26 / 1.6));
  CHECK(of.mean() == doctest::Approx(1.26 / 1.6));
  // Half of the GPUs weigh more than half of the CPU.
  CHECK(of.share_of({0, 0, 2'000, 0}, capacity) == doctest::Approx(0.5 / 1.6));
  CHECK(of.share_of({500, 0, 0, 0}, capacity) == doctest::Approx(0.25 / 1.6));
}

TEST_CASE("kinds that a part of a cluster lacks count nothing in it") {
  const pressure of{{800, 0, 1'000, 0}, {1'000, 1, 1'000, 0}};
  CHECK(of.share_of({400, 0, 0, 0}, {500, 1, 0, 0}) == doctest::Approx(0.8));
}

TEST_CASE("where nothing is asked for nothing counts") {
  const pressure none{{}, {1'000, 100, 0, 0}};
  CHECK(none.mean() == 0);
  CHECK(none.share_of({1'000, 100, 0, 0}, {1'000, 100, 0, 0}) == 0);
}

TEST_SUITE_END();
