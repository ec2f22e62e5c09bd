#include "tests/cli/process.hpp"

#include <nlohmann/json.hpp>

#include <filesystem>
#include <string>

#include <doctest/doctest.h>

using namespace skerry::testing;
using nlohmann::json;

namespace {

/// Two processors. Job 1 takes one for 100 s; job 2 wants both and waits for
/// it until 100; job 3 wants one for 20 s and would end before that.
constexpr auto three_jobs
    = "; a comment\n"
      "1 0 -1 100 1 -1 -1 1 100 -1 1 -1 -1 -1 -1 -1 -1 -1\n"
      "2 10 -1 50 2 -1 -1 2 50 -1 1 -1 -1 -1 -1 -1 -1 -1\n"
      "3 20 -1 20 1 -1 -1 1 20 -1 1 -1 -1 -1 -1 -1 -1 -1\n";

struct fixture {
  fresh_directory directory;
  std::string trace = directory.write("jobs.v2.swf", three_jobs);
  std::string out = directory.path() / "schedule.csv";

  std::vector<std::string> arguments(const std::string& more) const {
    return words("simulate swf --trace " + trace + " " + more);
  }
};

} // namespace

TEST_SUITE_BEGIN("cli/simulate_swf");

TEST_CASE_FIXTURE(fixture, "one policy gives one object by the contract") {
  const auto ended = run_skerry(
      arguments("--procs 2 --policy fcfs --backfill none -o json"));
  CHECK(ended.exit_code == 0);
  CHECK(ended.err.empty());
  const auto found = json::parse(ended.out);
  // Waits 0, 90 and 130 s; slowdowns 1, 140/50 = 2.8 and 150/20 = 7.5.
  CHECK(found.at("average_bounded_slowdown").get<double>()
        == doctest::Approx((1 + 2.8 + 7.5) / 3));
  CHECK(found.at("per_window").size() == 1);
  // 100 + 2 * 50 + 20 processor-seconds of 2 * 170.
  CHECK(found.at("utilisation").get<double>() == doctest::Approx(220. / 340));
  CHECK(found.at("workload") == "jobs.v2");
  CHECK(found.at("policy") == "fcfs");
  CHECK(found.at("backfill") == "none");
}

TEST_CASE_FIXTURE(fixture, "the schedule has a line per job") {
  const auto ended = run_skerry(
      arguments("--procs 2 --policy fcfs --backfill easy --schedule " + out));
  CHECK(ended.exit_code == 0);
  CHECK(read_bytes(out) == "window,job,start\n0,1,0\n0,3,20\n0,2,100\n");
}

TEST_CASE_FIXTURE(fixture, "several policies give an array and a table") {
  const auto ended = run_skerry(
      arguments("--procs 2 --policy fcfs,sjf --windows 0:2,1:2 -o json"));
  const auto found = json::parse(ended.out);
  REQUIRE(found.size() == 2);
  CHECK(found[0].at("policy") == "fcfs");
  CHECK(found[1].at("policy") == "sjf");
  CHECK(found[1].at("per_window").size() == 2);
  const auto table
      = run_skerry(arguments("--procs 2 --policy fcfs --policy sjf"));
  CHECK(table.exit_code == 0);
  CHECK(table.out.find("\nfcfs  ") != std::string::npos);
  CHECK(table.out.find("\nsjf   ") != std::string::npos);
}

TEST_CASE_FIXTURE(fixture, "jobs that are left out are mentioned") {
  trace = directory.write(
      "gap.swf", std::string{three_jobs}
                     + "4 30 -1 0 1 -1 -1 1 20 -1 1 -1 -1 -1 -1 -1 -1 -1\n");
  CHECK(run_skerry(arguments("--procs 2 --policy fcfs"))
            .err.starts_with("skerry: note: "));
  CHECK(run_skerry(arguments("--procs 2 --policy fcfs --quiet")).err.empty());
}

TEST_CASE_FIXTURE(fixture, "what draws runs once for each seed") {
  const auto ended = run_skerry(arguments(
      "--procs 2 --policy fcfs,planned:3 --seed 5,6 --backfill easy -o json"));
  CHECK(ended.exit_code == 0);
  const auto found = json::parse(ended.out);
  REQUIRE(found.size() == 3); // A fixed rule on a given log draws nothing.
  CHECK(found[0].at("policy") == "fcfs");
  CHECK(found[1].at("policy") == "planned:3");
  CHECK(found[1].at("seed") == 5);
  CHECK(found[2].at("seed") == 6);
  const auto noisy = json::parse(
      run_skerry(arguments("--procs 2 --policy fcfs --seed 5,6 --estimates "
                           "lognormal --backfill easy -o json"))
          .out);
  CHECK(noisy.size() == 2);
}

TEST_CASE_FIXTURE(fixture, "bad flags are refused") {
  const auto refused = [this](const std::string& more, std::string_view why) {
    check_refused(arguments(more), why);
  };
  refused("--procs 0 --policy f1", "--procs: \"0\" is not a whole number");
  refused("--procs -4 --policy f1", "--procs: \"-4\" is not a whole number");
  refused("--procs 2.5 --policy f1", "--procs: \"2.5\"");
  refused("--procs 1 --policy f1", "job 2 wants 2 processors");
  refused("--procs 2 --policy f2", "known: fcfs, sjf, f1, wfp3, unicep, las");
  refused("--procs 2 --policy planned7", "planned[:PLAYS[:./FILE]]");
  refused("--procs 2 --policy planned:9:./none.policy", "none.policy");
  refused("--procs 2 --policy planned:9:sjf", "sjf");
  refused("--procs 2 --policy planned:0", "\"0\" is not a whole number");
  refused("--procs 2 --policy f1 --estimates wild", "known: exact, users");
  refused("--procs 2 --policy f1 --seed 1,1", "given twice");
  refused("--procs 2 --policy planned --seed 1,2 --schedule " + out,
          "--schedule");
  refused("--procs 2 --policy f1,f1", "\"f1\" is given twice");
  refused("--procs 2 --policy f1,", "an item of the list is empty");
  refused("--procs 2 --policy f1 --backfill hard", "known: none, easy");
  refused("--procs 2 --policy f1 --windows 0-4", "START:LEN");
  refused("--procs 2 --policy f1 --windows 2:2", "2:2");
  refused("--procs 2 --policy f1 --windows 0:0", "0:0");
  refused("--procs 2 --policy f1,sjf --schedule " + out, "--schedule");
  for (const auto* flag : {"--windows", "--schedule"}) {
    auto empty = arguments(std::string{"--procs 2 --policy f1 "} + flag);
    empty.emplace_back();
    check_refused(empty, "what stands behind it is empty");
  }
  CHECK_FALSE(std::filesystem::exists(out));
}

TEST_CASE_FIXTURE(fixture, "a log that cannot be read is refused") {
  const auto refused = [this](const std::string& file, std::string_view why) {
    trace = file;
    check_refused(arguments("--procs 2 --policy f1 --schedule " + out), why);
  };
  refused(directory.path() / "none.swf", "none.swf");
  refused(directory.path(), directory.path().string());
  refused(directory.write("cut.swf", "1 0 -1 100 1\n"), "cut.swf:1:");
  refused(directory.write("empty.swf", ""), "empty.swf");
  CHECK_FALSE(std::filesystem::exists(out));
}

TEST_SUITE_END();
