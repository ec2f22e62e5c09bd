#include "agent/agent.hpp"

#include <doctest/doctest.h>

using namespace skerry;

TEST_SUITE_BEGIN("agent/agent");

TEST_CASE("an agent without a server is refused") {
  const auto none = agent::start({});
  REQUIRE(!none);
  CHECK(none.failure().code == error_code::invalid_argument);
}
