#include "storage/store.hpp"
#include "tests/fresh_directory.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include <doctest/doctest.h>

using namespace skerry;
using skerry::testing::fresh_directory;
namespace fs = std::filesystem;

namespace {

store_options in(const fs::path& directory, bool accept_data_loss = false) {
  return {.directory = directory,
          .kind = "control",
          .accept_data_loss = accept_data_loss,
          .min_free_bytes = 0};
}

result<> put(store& to, int number) {
  const std::vector<store_write> writes{
      {"job/" + std::to_string(number), std::string(200, 'x')}};
  return to.commit(writes);
}

std::size_t count(const store& in) {
  std::size_t found = 0;
  REQUIRE(in.for_each("job/", [&](auto, auto) {
    ++found;
    return result<>{done{}};
  }));
  return found;
}

/// A store with this many commits, closed again.
void fill(const fs::path& directory, int commits) {
  auto kept = store::open(in(directory));
  REQUIRE(kept);
  for (int i = 0; i < commits; ++i)
    REQUIRE(put(**kept, i));
}

/// Files of the state, the largest log first.
std::vector<fs::path> files_of(const fs::path& directory) {
  std::vector<fs::path> files;
  for (const auto& entry :
       fs::recursive_directory_iterator{directory / "state"})
    if (entry.is_regular_file() && entry.path().filename() != "LOCK"
        && !entry.path().filename().string().starts_with("LOG"))
      files.push_back(entry.path());
  std::ranges::sort(files, {}, [](const fs::path& file) {
    const bool is_log = file.extension() == ".log";
    return std::pair{!is_log, file.string()};
  });
  return files;
}

void flip(const fs::path& file, std::uintmax_t at) {
  std::fstream bytes{file, std::ios::in | std::ios::out | std::ios::binary};
  bytes.seekg(static_cast<std::streamoff>(at));
  char byte = 0;
  bytes.get(byte);
  bytes.seekp(static_cast<std::streamoff>(at));
  bytes.put(static_cast<char>(byte ^ 0x40));
}

} // namespace

TEST_SUITE_BEGIN("storage/store");

TEST_CASE("the next start is above the least epoch that was written") {
  const fresh_directory place;
  {
    auto kept = store::open(in(place.path()));
    REQUIRE(kept);
    const std::vector<store_write> least{{std::string{least_epoch_key}, "41"}};
    REQUIRE((*kept)->commit(least));
  }
  for (const std::uint64_t epoch : {42, 43})
    CHECK((*store::open(in(place.path())))->epoch() == epoch);
}

TEST_CASE("what was committed is there after a restart, in a later epoch") {
  const fresh_directory place;
  std::uint64_t epoch = 0;
  {
    auto kept = store::open(in(place.path()));
    REQUIRE(kept);
    epoch = (*kept)->epoch();
    REQUIRE(put(**kept, 1));
    const std::vector<store_write> removal{{"job/1", std::nullopt},
                                           {"job/2", "two"}};
    REQUIRE((*kept)->commit(removal));
  }
  auto again = store::open(in(place.path()));
  REQUIRE(again);
  CHECK((*again)->epoch() == epoch + 1);
  CHECK_FALSE((*again)->get("job/1")->has_value());
  CHECK(**(*again)->get("job/2") == "two");
  CHECK(count(**again) == 1);
}

TEST_CASE("two processes cannot have one store") {
  const fresh_directory place;
  auto kept = store::open(in(place.path()));
  REQUIRE(kept);
  auto second = store::open(in(place.path()));
  REQUIRE_FALSE(second);
  CHECK(second.failure().code == error_code::conflict);
}

TEST_CASE("state of another kind and foreign folders are refused") {
  const fresh_directory place;
  fill(place.path() / "a", 1);
  auto other = in(place.path() / "a");
  other.kind = "decisions";
  CHECK_FALSE(store::open(other));
  fs::create_directories(place.path() / "b");
  std::ofstream{place.path() / "b" / "letters.txt"} << "not ours";
  auto foreign = store::open(in(place.path() / "b"));
  REQUIRE_FALSE(foreign);
  CHECK(foreign.failure().message.find("not empty") != std::string::npos);
}

TEST_CASE("a deleted state or anchor is refused, and an operator may go on") {
  for (const auto* lost : {"state", "anchor"}) {
    CAPTURE(lost);
    const fresh_directory place;
    fill(place.path(), 3);
    fs::remove_all(place.path() / lost);
    auto refused = store::open(in(place.path()));
    REQUIRE_FALSE(refused);
    CHECK(refused.failure().code == error_code::malformed);
    CHECK(refused.failure().message.find("--accept-data-loss")
          != std::string::npos);
    CHECK(store::open(in(place.path(), true)));
  }
}

TEST_CASE("a log cut short before its acknowledged end is refused") {
  const fresh_directory place;
  fill(place.path(), 50);
  const auto log = files_of(place.path()).front();
  REQUIRE(log.extension() == ".log");
  fs::resize_file(log, fs::file_size(log) / 2);
  auto refused = store::open(in(place.path()));
  REQUIRE_FALSE(refused);
  CHECK(refused.failure().code == error_code::malformed);
  auto forced = store::open(in(place.path(), true));
  REQUIRE(forced);
  CHECK(count(**forced) < 50);
}

TEST_CASE("half a record behind the acknowledged end is dropped in silence") {
  const fresh_directory place;
  fill(place.path(), 20);
  const auto log = files_of(place.path()).front();
  std::ofstream{log, std::ios::app | std::ios::binary} << std::string(37, '\7');
  auto opened = store::open(in(place.path()));
  REQUIRE(opened);
  CHECK(count(**opened) == 20);
}

// Every file, a byte at a time: whatever was damaged, either all that was
// acknowledged is there or the start is refused.
TEST_CASE("a flipped bit anywhere loses nothing in silence") {
  const fresh_directory place;
  const auto good = place.path() / "good";
  fill(good, 40);
  {
    // A second life brings the log into a table.
    auto kept = store::open(in(good));
    REQUIRE(kept);
    REQUIRE(put(**kept, 40));
  }
  std::map<std::string, int> outcomes;
  const auto damaged = place.path() / "damaged";
  auto try_one = [&](const fs::path& file, std::uintmax_t at) {
    fs::remove_all(damaged);
    fs::copy(good, damaged, fs::copy_options::recursive);
    flip(damaged / fs::relative(file, good), at);
    auto opened = store::open(in(damaged));
    if (!opened) {
      CHECK_FALSE(opened.failure().message.empty());
      ++outcomes["refused"];
      return;
    }
    std::size_t found = 0;
    const auto read = (*opened)->for_each("job/", [&](auto, auto value) {
      found += value == std::string(200, 'x') ? 1 : 0;
      return result<>{done{}};
    });
    CAPTURE(file);
    CAPTURE(at);
    CHECK((!read || found == 41));
    ++outcomes[read ? "whole" : "refused"];
  };
  auto files = files_of(good);
  files.push_back(good / "anchor");
  for (const auto& file : files) {
    const auto size = fs::file_size(file);
    for (int part = 0; part < 12; ++part)
      if (size > 0)
        try_one(file, size * static_cast<unsigned>(part) / 12);
  }
  CHECK(outcomes["refused"] > 5);
  CHECK(outcomes["whole"] > 5);
}

TEST_CASE("below the kept back space there is no room for new work") {
  const fresh_directory place;
  auto options = in(place.path());
  options.min_free_bytes = std::uint64_t{1} << 62;
  auto kept = store::open(options);
  REQUIRE(kept);
  const auto room = (*kept)->room();
  REQUIRE_FALSE(room);
  CHECK(room.failure().code == error_code::limit_exceeded);
  CHECK(put(**kept, 1)); // What follows from accepted work goes on.
}
