#include "simulation/csv_reader.hpp"
#include "tests/fresh_directory.hpp"

#include <string>

#include <doctest/doctest.h>

using namespace skerry;
using skerry::testing::fresh_directory;

namespace {

/// The first error of the table, or "" when it reads to its end.
std::string fault_of(const std::string& path) {
  auto table = csv_reader::open(path);
  if (!table)
    return table.failure().message;
  while (true) {
    const auto more = table->next();
    if (!more)
      return more.failure().message;
    if (!*more)
      return "";
  }
}

} // namespace

TEST_SUITE_BEGIN("simulation/csv_reader");

TEST_CASE("columns are found by name") {
  const fresh_directory directory;
  auto table = csv_reader::open(directory.write("a", "x,y\n1,2\n"));
  REQUIRE(table);
  REQUIRE(table->next());
  CHECK(table->field(*table->find("y")).text == "2");
  CHECK_FALSE(table->find("z"));
  CHECK(table->require("z").failure().message
        == table->text().path() + ":1:1: no column z (the header has: x, y)");
}

TEST_CASE("a header names every column once") {
  const fresh_directory directory;
  auto path = directory.write("a", "");
  CHECK(fault_of(path)
        == path + ":1:1: the file is empty (want a header line)");
  path = directory.write("b", "x,,y\n");
  CHECK(fault_of(path)
        == path + ":1:3: a column has no name (is the header missing?)");
  path = directory.write("c", "x,y,x\n");
  CHECK(fault_of(path) == path + ":1:5: the column x is there twice");
}

TEST_CASE("a row with too few or too many fields is refused") {
  const fresh_directory directory;
  auto path = directory.write("a", "x,y,z\n1,2,3\n1,2");
  CHECK(fault_of(path)
        == path + ":3:4: 2 fields, but the header has 3 (was the file cut?)");
  path = directory.write("b", "x,y\n1,2,3\n");
  CHECK(fault_of(path)
        == path + ":2:5: 3 fields, but the header has 2 (was the file cut?)");
}

TEST_CASE("blank lines may follow the rows, but not part them") {
  const fresh_directory directory;
  CHECK(fault_of(directory.write("a", "x,y\n1,2\n\n\n")) == "");
  const auto path = directory.write("b", "x,y\n1,2\n\n\n3,4\n");
  CHECK(fault_of(path)
        == path + ":3:1: an empty line between rows (remove it)");
}

TEST_CASE("in a table of one column an empty line is a blank field") {
  const fresh_directory directory;
  auto table = csv_reader::open(directory.write("a", "x\n1\n\n"));
  REQUIRE(table);
  REQUIRE(*table->next());
  CHECK(table->field(0).text == "1");
  REQUIRE(*table->next());
  CHECK(table->field(0).text == "");
  CHECK_FALSE(*table->next());
}

TEST_SUITE_END();
