#include "cli/output_file.hpp"
#include "tests/fresh_directory.hpp"

#include <filesystem>
#include <string>

#include <doctest/doctest.h>

using namespace skerry;
using skerry::testing::fresh_directory;
using skerry::testing::read_bytes;

TEST_SUITE_BEGIN("cli/output_file");

TEST_CASE("a file appears when it is whole") {
  const fresh_directory directory;
  const std::string path = directory.path() / "a.csv";
  auto file = output_file::create(path, {});
  REQUIRE(file);
  CHECK_FALSE(std::filesystem::exists(path));
  CHECK(file->commit("text"));
  CHECK(read_bytes(path) == "text");
}

TEST_CASE("a file that is given up leaves the old one and nothing else") {
  const fresh_directory directory;
  const auto path = directory.write("a.csv", "old");
  { CHECK(output_file::create(path, {})); }
  CHECK(read_bytes(path) == "old");
  CHECK(std::distance(std::filesystem::directory_iterator{directory.path()}, {})
        == 1);
}

TEST_CASE("an input is not replaced, whatever it is called") {
  const fresh_directory directory;
  const std::array inputs{directory.write("a.csv", "old")};
  const std::string other = directory.path() / "." / "a.csv";
  CHECK(output_file::create(other, inputs).failure().code
        == error_code::invalid_argument);
}

TEST_CASE("a link is followed, not replaced") {
  const fresh_directory directory;
  const auto target = directory.write("target.csv", "old");
  const std::string link = directory.path() / "link.csv";
  std::filesystem::create_symlink(target, link);
  CHECK(output_file::create(link, {})->commit("new"));
  CHECK(std::filesystem::is_symlink(link));
  CHECK(read_bytes(target) == "new");
}

TEST_CASE("a device is written to and stays a device") {
  CHECK(output_file::create("/dev/null", {})->commit("text"));
  CHECK(std::filesystem::is_character_file("/dev/null"));
  CHECK(output_file::create("/dev/full", {})->commit("text").failure().code
        == error_code::io_failed);
}

TEST_SUITE_END();
