#include "storage/decision_log.hpp"
#include "tests/fresh_directory.hpp"

#include <filesystem>
#include <fstream>

#include <doctest/doctest.h>

using namespace skerry;
using skerry::testing::fresh_directory;

TEST_SUITE_BEGIN("storage/decision_log");

TEST_CASE("the last records come newest first, older ones are trimmed") {
  const fresh_directory place;
  const decision_log_options options{.directory = place.path() / "log",
                                     .max_records = 3};
  {
    auto log = decision_log::open(options);
    REQUIRE(log);
    (*log)->append({"a", "b", "c", "d", "e"});
    CHECK((*log)->last(10) == std::vector<std::string>{"e", "d", "c"});
  }
  auto again = decision_log::open(options);
  REQUIRE(again);
  (*again)->append({"f"});
  CHECK((*again)->last(2) == std::vector<std::string>{"f", "e"});
}

TEST_CASE("a log that cannot be read is begun anew") {
  const fresh_directory place;
  const decision_log_options options{.directory = place.path() / "log"};
  {
    auto log = decision_log::open(options);
    REQUIRE(log);
    (*log)->append({"a"});
  }
  std::ofstream{options.directory / "state" / "CURRENT"} << "nonsense";
  auto again = decision_log::open(options);
  REQUIRE(again);
  CHECK((*again)->last(10).empty());
}
