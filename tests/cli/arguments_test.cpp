#include "cli/arguments.hpp"

#include <array>
#include <string_view>

#include <doctest/doctest.h>

using namespace skerry;

TEST_SUITE_BEGIN("cli/arguments");

TEST_CASE("a list is split at commas") {
  CHECK(*parse_list("--x", "a,b") == std::vector<std::string>{"a", "b"});
  CHECK_FALSE(parse_list("--x", ""));
  CHECK_FALSE(parse_list("--x", "a,,b"));
  CHECK(parse_list("--x", "a,b,a").failure().message
        == "--x: \"a\" is given twice");
}

TEST_CASE("seeds are whole numbers up to 2^64 - 1") {
  CHECK(*parse_seeds("--seed", "0,18446744073709551615")
        == std::vector<std::uint64_t>{0, ~std::uint64_t{0}});
  for (const auto* bad :
       {"", "-1", "+1", "1.0", "0x1", " 1", "1,01", "18446744073709551616"})
    CHECK_FALSE(parse_seeds("--seed", bad));
}

TEST_CASE("whole numbers stay in their bounds") {
  CHECK(*parse_whole("--n", "5", 1, 5) == 5);
  CHECK_FALSE(parse_whole("--n", "6", 1, 5));
  CHECK(parse_whole("--n", "0", 1, 5).failure().message
        == "--n: \"0\" is not a whole number from 1 to 5");
}

TEST_CASE("decimal numbers are finite and in their bounds") {
  CHECK(*parse_decimal("--load", "0.95", 0.01, 10) == 0.95);
  CHECK(*parse_decimal("--load", "10", 0.01, 10) == 10);
  for (const auto* bad : {"", "0", "-1", "10.1", "nan", "inf", "1e999", "1x"})
    CHECK_FALSE(parse_decimal("--load", bad, 0.01, 10));
}

TEST_CASE("an unknown name is answered with those there are") {
  constexpr std::array<std::string_view, 2> known{"index", "scan"};
  CHECK(*parse_choice("--search", "scan", known) == 1);
  CHECK(parse_choice("--search", "far", known).failure().message
        == "--search: there is no \"far\" (known: index, scan)");
}

TEST_CASE("a workload is called as its file") {
  CHECK(workload_name("lists/openb_pod_list_default.csv.gz")
        == "openb_pod_list_default");
  CHECK(workload_name("jobs.swf") == "jobs");
  CHECK(workload_name("jobs") == "jobs");
}

TEST_SUITE_END();
