#include "actors/replay.hpp"
#include "messages/experience_record.hpp"
#include "tests/actors/roles_fixture.hpp"
#include "tests/fresh_directory.hpp"

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include <doctest/doctest.h>

using namespace skerry;
using namespace std::chrono_literals;
using skerry::testing::fresh_directory;

TEST_SUITE_BEGIN("actors/replay");

namespace {

/// Told apart by their time.
experience made_at(std::int64_t when_ms) {
  experience out;
  out.candidates.resize(2);
  out.decided_at_ms = when_ms;
  return out;
}

std::vector<experience> some(std::int64_t first, std::int64_t count) {
  std::vector<experience> out;
  for (auto each = first; each < first + count; ++each)
    out.push_back(made_at(each));
  return out;
}

struct kept {
  fresh_directory directory;
  replay_role_options options{
      .store
      = {.directory = directory.path() / "experience", .min_free_bytes = 1},
      .ring = {.capacity = 5000, .fewest = 10, .samples_per_insert = 0}};

  std::unique_ptr<replay> open(replay::listener heard = {}) const {
    return std::make_unique<replay>(options, std::move(heard));
  }

  static void wait_for(replay& role, std::uint64_t held) {
    const auto until = std::chrono::steady_clock::now() + 20s;
    while (role.status().held() != held) {
      REQUIRE(std::chrono::steady_clock::now() < until);
      std::this_thread::sleep_for(1ms);
    }
  }

  static std::vector<std::int64_t> times(const v1::ExperienceBatch& batch) {
    std::vector<std::int64_t> out;
    for (const auto& record : batch.records()) {
      const auto read = experience_from(record);
      REQUIRE(read);
      out.push_back(read->decided_at_ms);
    }
    return out;
  }

  static v1::ExperienceBatch ask(replay& role, std::uint64_t from,
                                 std::uint32_t count) {
    v1::ExperienceQuery query;
    query.set_from(from);
    query.set_count(count);
    return role.answer(query);
  }
};

} // namespace

TEST_CASE_FIXTURE(kept, "experience survives a restart") {
  {
    const auto role = open();
    role->record(some(0, 3000));
  } // Writes what waits.
  std::atomic<std::uint64_t> heard = 0;
  const auto role = open([&heard](const experience&) { ++heard; });
  wait_for(*role, 3000);
  role->record(some(3000, 2500));
  wait_for(*role, 5000);
  const auto status = role->status();
  CHECK(status.rebuilt() == 3000);
  CHECK(status.recorded() == 2500);
  CHECK(status.damaged() == 0);
  CHECK(status.trouble().empty());
  CHECK(heard == 5500);
}

TEST_CASE_FIXTURE(kept, "it is given in its order, batch by batch") {
  const auto role = open();
  role->record(some(0, 2000));
  wait_for(*role, 2000);
  std::vector<std::int64_t> all;
  for (std::uint64_t next = 0; next < 2000;) {
    const auto batch = ask(*role, next, 700);
    REQUIRE(batch.next() > next);
    next = batch.next();
    for (const auto each : times(batch))
      all.push_back(each);
  }
  REQUIRE(all.size() == 2000);
  for (std::int64_t each = 0; each < 2000; ++each)
    CHECK(all[static_cast<std::size_t>(each)] == each);
  // Who has asked a server that has started again since begins anew.
  CHECK(ask(*role, 9000, 10).next() == 2000);
}

TEST_CASE_FIXTURE(kept, "samples are drawn, by priority too") {
  const auto role = open();
  v1::ExperienceQuery query;
  query.set_count(64);
  query.set_sample(true);
  CHECK(role->answer(query).records().empty()); // There is too little.
  role->record(some(0, 100));
  wait_for(*role, 100);
  CHECK(times(role->answer(query)).size() == 64);
  for (std::uint64_t key = 0; key < 100; ++key)
    role->set_priority(key, key == 7 ? 1e6 : 1e-6);
  query.set_by_priority(true);
  query.set_exponent(1);
  const auto batch = role->answer(query);
  REQUIRE(batch.keys_size() == 64);
  for (int i = 0; i < 64; ++i)
    CHECK(batch.keys(i) == 7);
}

TEST_CASE_FIXTURE(kept, "what others send is checked, and not handed on as "
                        "one's own") {
  const auto role = open();
  role->record(some(0, 10));
  wait_for(*role, 10);
  v1::ExperienceBatch batch;
  batch.add_records(to_proto(made_at(1000)).SerializeAsString());
  batch.add_records("nonsense");
  auto other_schema = to_proto(made_at(1001));
  other_schema.set_schema(1);
  batch.add_records(other_schema.SerializeAsString());
  role->admit(batch);
  const auto status = role->status();
  CHECK(status.held() == 11);
  CHECK(status.gathered() == 1);
  CHECK(status.skipped() == 2);
  CHECK(times(ask(*role, 0, 100)).size() == 10);
}

TEST_CASE_FIXTURE(kept, "without a database there still is a ring") {
  std::filesystem::create_directories(options.store.directory);
  std::ofstream{options.store.directory / "letters.txt"} << "dear";
  const auto role = open();
  role->record(some(0, 10));
  wait_for(*role, 10);
  CHECK(role->status().not_on_disk() == 10);
  CHECK_FALSE(role->status().trouble().empty());
}

TEST_CASE("an ALLOCATOR's decisions become experience, and change by it in "
          "nothing") {
  skerry::testing::cell_fixture plain;
  skerry::testing::cell_fixture watched;
  allocator_options options{.server = "s", .epoch = 1};
  options.experience = experience_recorder_options{.steps = 2};
  watched.cell = std::move(*allocator::make(options));
  watched.hello();
  for (int task = 0; task < 6; ++task) {
    const auto id = std::to_string(task);
    const auto job = skerry::testing::job_of("j" + id);
    const auto placed = watched.award(job);
    CHECK(placed.SerializeAsString() == plain.award(job).SerializeAsString());
    if (!placed.results(0).placed())
      continue; // Four cores are full.
    for (auto* each : {&plain, &watched}) {
      auto ended = each->on("j" + id + ".task.0");
      ended.mutable_ended()->set_succeeded(true);
      ended.mutable_ended()->set_started_unix_milliseconds(1000);
      ended.mutable_ended()->set_ended_unix_milliseconds(61'000);
      if (task % 2 == 0)
        each->report(ended);
    }
  }
  watched.tick(1);
  // 0, 2 and 4 have ended; 4 has one step behind it, and needs two.
  REQUIRE(watched.out.experiences.size() == 2);
  for (const auto& each : watched.out.experiences) {
    CHECK(validate(each));
    REQUIRE(each.outcome);
    CHECK(each.outcome->run_seconds == 60);
    CHECK(each.outcome->finished);
    CHECK(each.steps == 2);
    CHECK(each.policy_version == version_of(options.policy));
  }
  watched.out = {};
  watched.cell->finish_experience({}, watched.out);
  CHECK(watched.out.experiences.size() == 3); // All but the last.
}

TEST_SUITE_END();
