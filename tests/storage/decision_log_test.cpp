#include "storage/decision_log.hpp"
#include "tests/fresh_directory.hpp"

#include <fmt/core.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <thread>
#include <vector>

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
    for (const auto* record : {"a", "b", "c", "d", "e"})
      (*log)->append(record);
    CHECK((*log)->last(10) == std::vector<std::string>{"e", "d", "c"});
  }
  auto again = decision_log::open(options);
  REQUIRE(again);
  (*again)->append("f");
  CHECK((*again)->last(2) == std::vector<std::string>{"f", "e"});
}

TEST_CASE("what waits is written at the end, whoever appended it") {
  const fresh_directory place;
  const decision_log_options options{.directory = place.path() / "log"};
  constexpr std::size_t threads = 4;
  constexpr std::size_t each = 1'000;
  {
    auto log = decision_log::open(options);
    REQUIRE(log);
    std::vector<std::thread> appending;
    for (std::size_t thread = 0; thread < threads; ++thread)
      appending.emplace_back([&log = **log, thread] {
        for (std::size_t i = 0; i < each; ++i)
          log.append(fmt::format("{}-{}", thread, i));
      });
    for (auto& thread : appending)
      thread.join();
    CHECK((*log)->dropped() == 0);
  }
  auto again = decision_log::open(options);
  REQUIRE(again);
  const auto records = (*again)->last(2 * threads * each);
  CHECK(std::set<std::string>(records.begin(), records.end()).size()
        == threads * each);
  CHECK(records.size() == threads * each);
}

TEST_CASE("a log that cannot be read is begun anew") {
  const fresh_directory place;
  const decision_log_options options{.directory = place.path() / "log"};
  {
    auto log = decision_log::open(options);
    REQUIRE(log);
    (*log)->append("a");
  }
  std::ofstream{options.directory / "state" / "CURRENT"} << "nonsense";
  auto again = decision_log::open(options);
  REQUIRE(again);
  CHECK((*again)->last(10).empty());
}
