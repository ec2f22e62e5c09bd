#include "simulation/batch_machine.hpp"

#include <doctest/doctest.h>

using namespace skerry;

TEST_SUITE_BEGIN("simulation/batch_machine");

TEST_CASE("running jobs hold their processors until they finish") {
  batch_machine machine{10, 3};
  machine.submit(0, 6);
  machine.submit(1, 4);
  machine.submit(2, 6);
  CHECK(machine.free_processors() == 10); // Waiting jobs hold nothing.
  machine.start(0);
  CHECK(machine.free_processors() == 4);
  CHECK_FALSE(machine.fits(6));
  CHECK(machine.fits(4));
  machine.start(1);
  CHECK(machine.free_processors() == 0);
  machine.finish(0);
  CHECK(machine.free_processors() == 6);
  machine.start(2);
  machine.finish(1);
  machine.finish(2);
  CHECK(machine.free_processors() == 10);
}

TEST_CASE("the largest machine is counted exactly") {
  batch_machine machine{1'000'000'000, 1};
  machine.submit(0, 999'999'999);
  machine.start(0);
  CHECK(machine.free_processors() == 1);
}

TEST_SUITE_END();
