#include "simulation/planetlab_reader.hpp"
#include "tests/fresh_directory.hpp"

#include <string>

#include <doctest/doctest.h>

using namespace skerry;
using skerry::testing::fresh_directory;

namespace {

/// A VM that uses `percent` all day.
std::string vm(const std::string& name, const std::string& percent = "7") {
  auto line = name;
  for (std::size_t i = 0; i < intervals_per_day; ++i)
    line += "," + percent;
  return line + "\n";
}

std::string fault_of(const std::string& text) {
  const fresh_directory directory;
  const auto path = directory.write("day.csv", text);
  const auto day = read_planetlab(path);
  if (day)
    return "";
  CHECK(day.failure().code == error_code::malformed);
  REQUIRE(day.failure().message.starts_with(path + ":"));
  return day.failure().message.substr(path.size() + 1);
}

} // namespace

TEST_SUITE_BEGIN("simulation/planetlab_reader");

TEST_CASE("a day is read, plain or gzip") {
  const fresh_directory directory;
  const auto text = vm("a_root") + vm("b_org_x_y", "99") + "\n";
  const auto day = read_planetlab(directory.write("day.csv", text));
  REQUIRE(day);
  REQUIRE(day->size() == 2);
  CHECK(day->back().name == "b_org_x_y");
  CHECK(day->back().demand_percent.front() == 99);
  CHECK(day->back().demand_percent.back() == 99);
  CHECK(*read_planetlab(directory.write_gzip("day.csv.gz", text)) == *day);
}

TEST_CASE("faults are told with their place") {
  CHECK(fault_of(vm("a") + "b,1,2\n")
        == "2:6: 3 fields, but a VM has a name and 288 percents (was the file "
           "cut?)");
  CHECK(fault_of(vm("a", "101")).starts_with("1:3: the CPU use"));
  CHECK(fault_of(vm("a", "x")).starts_with("1:3: the CPU use"));
  CHECK(fault_of(vm("a") + vm("a")) == "2:1: VM a is given twice");
  CHECK(fault_of(vm("")) == "1:1: a VM has no name");
  CHECK(fault_of("") == "1:1: the file has no VM");
}

TEST_SUITE_END();
