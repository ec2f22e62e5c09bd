#include "storage/whole_file.hpp"
#include "tests/fresh_directory.hpp"

#include <iterator>

#include <doctest/doctest.h>

using namespace skerry;
using skerry::testing::fresh_directory;

TEST_SUITE_BEGIN("storage/whole_file");

TEST_CASE("a file is replaced whole, and nothing is left beside it") {
  const fresh_directory directory;
  const auto path = directory.path() / "state";
  REQUIRE(write_whole_file(path, "old and longer"));
  REQUIRE(write_whole_file(path, std::string_view{"ne\0w", 4}));
  CHECK(*read_whole_file(path, 100) == (std::string{"ne\0w", 4}));
  CHECK(std::distance(std::filesystem::directory_iterator{directory.path()}, {})
        == 1);
}

TEST_CASE("what cannot be read or written says so") {
  const fresh_directory directory;
  const auto path = directory.path() / "state";
  CHECK(read_whole_file(path, 100).failure().code == error_code::not_found);
  REQUIRE(write_whole_file(path, "12345"));
  CHECK(read_whole_file(path, 4).failure().code == error_code::limit_exceeded);
  const auto nowhere = write_whole_file(directory.path() / "no" / "state", "x");
  CHECK(nowhere.failure().code == error_code::io_failed);
  CHECK(nowhere.failure().message.find("state") != std::string::npos);
}

TEST_SUITE_END();
