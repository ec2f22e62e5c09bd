#include "simulation/device_list.hpp"

#include <doctest/doctest.h>

using namespace skerry;

TEST_SUITE_BEGIN("simulation/device_list");

TEST_CASE("devices are numbered from 0 and joined by bars") {
  CHECK(device_list(0) == "");
  CHECK(device_list(0b1) == "0");
  CHECK(device_list(0b1001) == "0|3");
  CHECK(device_list(device_mask{1} << 63) == "63");
}

TEST_SUITE_END();
