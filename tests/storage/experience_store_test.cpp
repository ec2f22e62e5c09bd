#include "scheduling/rng.hpp"
#include "storage/experience_store.hpp"
#include "tests/fresh_directory.hpp"

#include <fmt/format.h>

#include <csignal>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include <doctest/doctest.h>

using namespace skerry;

TEST_SUITE_BEGIN("storage/experience_store");

namespace {

constexpr std::int64_t now_ms = 1'790'000'000'000;

/// Each tells its number, and is as long as an experience.
std::string record(std::uint64_t number) {
  auto out = fmt::format("{:08} ", number);
  out.resize(200 + number % 150, static_cast<char>('a' + number % 26));
  return out;
}

std::vector<std::string> records(std::uint64_t first, std::uint64_t count) {
  std::vector<std::string> out;
  for (auto number = first; number < first + count; ++number)
    out.push_back(record(number));
  return out;
}

struct sea {
  testing::fresh_directory directory;
  experience_store_options options{.directory = directory.path() / "experience",
                                   .max_bytes = std::uint64_t{64} << 20,
                                   .min_free_bytes = 1};

  std::unique_ptr<experience_store> open() const {
    auto opened = experience_store::open(options);
    REQUIRE_MESSAGE(opened, opened.failure().message);
    return *std::move(opened);
  }

  /// The numbers read, each with its record intact.
  static std::vector<std::uint64_t> read(experience_store& from,
                                         std::uint64_t at_most = 1'000'000,
                                         std::int64_t when = now_ms) {
    std::vector<std::uint64_t> out;
    REQUIRE(from.for_last(at_most, when, [&](std::string_view each) {
      out.push_back(std::stoull(std::string{each.substr(0, 8)}));
      REQUIRE(each == record(out.back()));
    }));
    return out;
  }
};

std::vector<std::uint64_t> range(std::uint64_t first, std::uint64_t end) {
  std::vector<std::uint64_t> out;
  for (; first < end; ++first)
    out.push_back(first);
  return out;
}

/// Flips a bit somewhere in each file of the database that holds records.
std::size_t damage(const std::filesystem::path& directory,
                   std::string_view extension, rng& random) {
  std::size_t damaged = 0;
  for (const auto& entry : std::filesystem::directory_iterator{directory}) {
    if (entry.path().extension() != extension || entry.file_size() < 100)
      continue;
    std::fstream file{entry.path(),
                      std::ios::in | std::ios::out | std::ios::binary};
    const auto at
        = static_cast<std::streamoff>(random.below(entry.file_size()));
    file.seekg(at);
    const auto byte = static_cast<char>(file.get() ^ 0x20);
    file.seekp(at);
    file.put(byte);
    ++damaged;
  }
  return damaged;
}

} // namespace

TEST_CASE_FIXTURE(sea, "what was appended is read in its order, over starts") {
  {
    auto store = open();
    REQUIRE(store->append(records(0, 1000), now_ms));
    REQUIRE(store->append(records(1000, 1), now_ms));
    CHECK(read(*store) == range(0, 1001));
  }
  auto store = open();
  CHECK(store->next() == 1001);
  CHECK(read(*store) == range(0, 1001));
  REQUIRE(store->append(records(1001, 500), now_ms));
  CHECK(read(*store) == range(0, 1501));
  CHECK(read(*store, 700) == range(801, 1501));
  CHECK(store->measured().damaged == 0);
  CHECK_FALSE(store->measured().begun_anew);
}

TEST_CASE_FIXTURE(sea, "the disk's share is bounded, and the oldest go first") {
  auto store = open();
  std::uint64_t first = 0;
  for (; first < 600'000; first += 10'000) // 165 MB in all.
    REQUIRE(store->append(records(first, 10'000), now_ms));
  std::uint64_t bytes = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator{options.directory})
    if (entry.path().extension() != ".log") // Preallocated.
      bytes += entry.file_size();
  CHECK(bytes <= options.max_bytes);
  CHECK(store->measured().bytes <= options.max_bytes + (4 << 20));
  const auto left = read(*store);
  CHECK(left.size() > 100'000);
  CHECK(left == range(left.front(), first));
}

TEST_CASE_FIXTURE(sea, "what is too old is not read") {
  options.max_age_seconds = 3600;
  auto store = open();
  REQUIRE(store->append(records(0, 10), now_ms));
  REQUIRE(store->append(records(10, 10), now_ms + 1'800'000));
  CHECK(read(*store, 100, now_ms + 3'600'000) == range(0, 20));
  CHECK(read(*store, 100, now_ms + 3'600'001) == range(10, 20));
}

TEST_CASE_FIXTURE(sea, "a disk that is nearly full keeps no more experience") {
  {
    auto store = open();
    REQUIRE(store->append(records(0, 10), now_ms));
  }
  options.min_free_bytes = std::uint64_t{1} << 60;
  auto store = open();
  CHECK(store->append(records(10, 5), now_ms).failure().code
        == error_code::limit_exceeded);
  CHECK(store->measured().dropped == 5);
  CHECK(read(*store) == range(0, 10));
  options.directory = directory.path() / "not" / "begun";
  CHECK(experience_store::open(options).failure().code
        == error_code::limit_exceeded);
  CHECK_FALSE(std::filesystem::exists(options.directory));
}

TEST_CASE_FIXTURE(sea, "a directory of somebody else, or in use, is left "
                       "alone") {
  {
    auto store = open();
    CHECK(experience_store::open(options).failure().code
          == error_code::conflict);
  }
  options.directory = directory.path() / "mine";
  std::filesystem::create_directories(options.directory);
  std::ofstream{options.directory / "letters.txt"} << "dear";
  CHECK(experience_store::open(options).failure().code
        == error_code::malformed);
}

TEST_CASE_FIXTURE(sea, "it can be looked at while somebody writes") {
  auto reading = options;
  reading.read_only = true;
  CHECK(experience_store::open(reading).failure().code
        == error_code::not_found);
  auto store = open();
  REQUIRE(store->append(records(0, 100), now_ms));
  auto opened = experience_store::open(reading);
  REQUIRE(opened);
  CHECK(read(**opened) == range(0, 100));
  CHECK_FALSE((*opened)->append(records(100, 1), now_ms));
  REQUIRE(store->append(records(100, 1), now_ms));
}

TEST_CASE_FIXTURE(sea, "damage is skipped and counted, wherever it is") {
  rng random{17};
  for (const auto* extension : {".sst", ".log"}) {
    std::uint64_t damaged = 0;
    for (int trial = 0; trial < 8; ++trial) {
      options.directory
          = directory.path() / fmt::format("{}{}", trial, extension + 1);
      {
        auto store = open();
        for (std::uint64_t first = 0; first < 60'000; first += 20'000)
          REQUIRE(store->append(records(first, 20'000), now_ms));
      } // Its log becomes a file at the next start only.
      if (std::string_view{extension} == ".sst") {
        auto store = open();
        REQUIRE(store->append(records(60'000, 1), now_ms));
      }
      REQUIRE(damage(options.directory, extension, random) > 0);
      auto store = open();
      const auto before = read(*store); // Each of them is intact.
      damaged += store->measured().damaged + (before.size() < 60'000 ? 1 : 0);
      // And it goes on as if nothing had been.
      REQUIRE(store->append(records(70'000, 100), now_ms));
      const auto after = read(*store);
      REQUIRE(after.size() == before.size() + 100);
      CHECK(after.back() == 70'099);
    }
    CHECK(damaged > 0);
  }
}

TEST_CASE_FIXTURE(sea, "a database that cannot be opened is begun anew") {
  {
    auto store = open();
    REQUIRE(store->append(records(0, 10), now_ms));
  }
  std::ofstream{options.directory / "CURRENT"} << "nonsense";
  auto store = open();
  CHECK(store->measured().begun_anew);
  CHECK(read(*store).empty());
  CHECK(store->append(records(0, 10), now_ms));
}

TEST_CASE_FIXTURE(sea, "kill -9: all that was synced is there, and nothing "
                       "half-written is read") {
  // The child of a fork has no threads to write buffers away: one that is not
  // full before the end.
  options.max_bytes = std::uint64_t{256} << 20;
  for (int trial = 0; trial < 5; ++trial) {
    options.directory = directory.path() / fmt::format("killed-{}", trial);
    int pipe_ends[2];
    REQUIRE(::pipe(pipe_ends) == 0);
    const auto child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      auto opened = experience_store::open(options);
      for (std::uint64_t next = 0; opened; next += 777) {
        if (!(*opened)->append(records(next, 777), now_ms))
          break;
        const auto synced = next + 777;
        if (::write(pipe_ends[1], &synced, sizeof synced) < 0)
          break;
      }
      ::_exit(1);
    }
    ::close(pipe_ends[1]);
    std::uint64_t synced = 0;
    std::uint64_t told = 0;
    const auto batches = 20 + trial * 17;
    for (int batch = 0; batch < batches; ++batch)
      REQUIRE(::read(pipe_ends[0], &synced, sizeof synced) == sizeof synced);
    ::kill(child, SIGKILL);
    while (::read(pipe_ends[0], &told, sizeof told) == sizeof told)
      synced = told;
    ::close(pipe_ends[0]);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFSIGNALED(status));
    auto store = open();
    const auto there = read(*store);
    CHECK(there.size() >= synced);
    CHECK(there.size() % 777 == 0); // A batch is there or it is not.
    CHECK(there == range(0, there.size()));
    CHECK(store->measured().damaged == 0);
  }
}

TEST_SUITE_END();
