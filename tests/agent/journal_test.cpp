#include "agent/journal.hpp"
#include "agent/recovery.hpp"
#include "tests/agent/orders.hpp"
#include "tests/fresh_directory.hpp"

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

using namespace skerry;
using namespace skerry::testing;

TEST_SUITE_BEGIN("agent/journal");

namespace {

std::vector<v1::AgentRecord> accepted(const std::string& task) {
  std::vector<v1::AgentRecord> out(1);
  *out[0].mutable_accepted() = order_of("n", task, 1);
  return out;
}

/// A journal of two batches, tasks "a" and "b", and its bytes.
std::string write_two(const fresh_directory& in) {
  auto opened = agent_journal::open(in.path());
  REQUIRE(opened);
  REQUIRE(opened->journal->append(accepted("a")));
  REQUIRE(opened->journal->append(accepted("b")));
  return read_bytes((in.path() / "journal").string());
}

std::vector<std::string> tasks(const std::vector<v1::AgentRecord>& records) {
  std::vector<std::string> out;
  for (const auto& record : records)
    out.push_back(record.accepted().task());
  return out;
}

using texts = std::vector<std::string>;

} // namespace

TEST_CASE("what was appended is there after a restart") {
  const fresh_directory in;
  write_two(in);
  const auto again = agent_journal::open(in.path());
  REQUIRE(again);
  CHECK(tasks(again->records) == texts{"a", "b"});
  CHECK(again->torn_bytes == 0);
}

TEST_CASE("one agent at a time holds it") {
  const fresh_directory in;
  const auto first = agent_journal::open(in.path());
  REQUIRE(first);
  const auto second = agent_journal::open(in.path());
  REQUIRE(!second);
  CHECK(second.failure().code == error_code::conflict);
}

TEST_CASE("a batch torn at any byte is dropped, and appending goes on") {
  const fresh_directory whole;
  const auto bytes = write_two(whole);
  const fresh_directory one;
  REQUIRE(agent_journal::open(one.path())->journal->append(accepted("a")));
  const auto first = read_bytes((one.path() / "journal").string()).size();
  for (auto cut = first; cut < bytes.size(); ++cut) {
    const fresh_directory in;
    in.write("journal", bytes.substr(0, cut));
    auto opened = agent_journal::open(in.path());
    REQUIRE_MESSAGE(opened, cut);
    CHECK(tasks(opened->records) == texts{"a"});
    CHECK(opened->torn_bytes == cut - first);
    REQUIRE(opened->journal->append(accepted("c")));
    CHECK(tasks(*agent_journal::read(in.path())) == texts{"a", "c"});
  }
}

TEST_CASE("zeros at the end, as after a power cut, are dropped") {
  const fresh_directory in;
  const auto bytes = write_two(in);
  in.write("journal", bytes + std::string(4096, '\0'));
  const auto opened = agent_journal::open(in.path());
  REQUIRE(opened);
  CHECK(tasks(opened->records) == texts{"a", "b"});
  CHECK(opened->torn_bytes == 4096);
}

TEST_CASE("a flipped bit is refused with its place, wherever it is") {
  const fresh_directory whole;
  const auto bytes = write_two(whole);
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    auto damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    const fresh_directory in;
    in.write("journal", damaged);
    const auto opened = agent_journal::open(in.path());
    REQUIRE_MESSAGE(!opened, at);
    CHECK(opened.failure().code == error_code::malformed);
    CHECK(opened.failure().message.find("at byte") != std::string::npos);
  }
}

TEST_CASE("a journal that is gone though tasks were run is refused") {
  const fresh_directory in;
  std::filesystem::create_directory(in.path() / "tasks");
  const auto opened = agent_journal::open(in.path());
  REQUIRE(!opened);
  CHECK(opened.failure().code == error_code::malformed);
}

TEST_CASE("a compaction leaves what it was given") {
  const fresh_directory in;
  {
    auto opened = agent_journal::open(in.path());
    for (int i = 0; i < 100; ++i)
      REQUIRE(opened->journal->append(accepted("old" + std::to_string(i))));
    REQUIRE(opened->journal->compact(accepted("kept")));
    REQUIRE(opened->journal->append(accepted("new")));
  }
  const auto again = agent_journal::open(in.path());
  REQUIRE(again);
  CHECK(tasks(again->records) == texts{"kept", "new"});
}

TEST_CASE("it wants a compaction when it has grown to a multiple") {
  const fresh_directory in;
  auto opened = agent_journal::open(in.path());
  std::vector<v1::AgentRecord> many;
  for (int i = 0; i < 20'000; ++i)
    many.push_back(accepted("task-with-a-longer-name")[0]);
  CHECK(!opened->journal->wants_compaction());
  for (int i = 0; i < 4; ++i)
    REQUIRE(opened->journal->append(many));
  CHECK(opened->journal->wants_compaction());
  REQUIRE(opened->journal->compact(accepted("kept")));
  CHECK(!opened->journal->wants_compaction());
}

TEST_CASE("after a reboot whatever ran has ended") {
  auto records = accepted("a");
  agent_memory memory = fold(records);
  end_all(memory, "its machine was restarted", 42);
  const auto& task = memory.tasks.at({"n", "a", 1});
  REQUIRE(task.outcome);
  CHECK(task.outcome->reason() == "its machine was restarted");
  CHECK(!task.outcome->succeeded());
}
