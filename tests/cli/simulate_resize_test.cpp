#include "tests/cli/process.hpp"

#include <nlohmann/json.hpp>

#include <string>

#include <doctest/doctest.h>

using namespace skerry::testing;
using nlohmann::json;

namespace {

/// Uses 10 % and, every 12th interval, `peak`.
std::string day_of(const std::string& name, const std::string& peak) {
  auto line = name;
  for (int t = 0; t < 288; ++t)
    line += t % 12 == 5 ? "," + peak : ",10";
  return line + "\n";
}

struct fixture {
  fresh_directory directory;
  std::string monday = directory.write("monday.csv", day_of("h_edu_a_b", "40"));
  std::string tuesday
      = directory.write_gzip("tuesday.csv.gz", day_of("h_edu_a_b", "40"));

  std::vector<std::string> arguments(const std::string& more) const {
    return words("simulate resize --trace " + tuesday + " --tune " + monday
                 + " " + more);
  }
};

} // namespace

TEST_SUITE_BEGIN("cli/simulate_resize");

TEST_CASE_FIXTURE(fixture, "one policy gives one object") {
  const auto ended = run_skerry(arguments("--policy full -o json"));
  CHECK(ended.exit_code == 0);
  CHECK(ended.err.empty());
  const auto found = json::parse(ended.out);
  CHECK(found.at("policy") == "full");
  CHECK(found.at("charged_reserve_percent") == 100);
  CHECK(found.at("violation_percent") == 0);
  CHECK(found.at("days").at(0).at("day") == "tuesday");
  CHECK(found.at("stretch").at("p99") == 1);
}

TEST_CASE_FIXTURE(fixture, "a window finds what recurs, as hindsight does") {
  const auto ended = run_skerry(arguments(
      "--policy window-max,peak,clairvoyant --violation 1 --history " + monday
      + "," + tuesday + " --evaluations 60 --sample 1 --seed 3 -o json"));
  CHECK(ended.exit_code == 0);
  const auto runs = json::parse(ended.out);
  REQUIRE(runs.size() == 3);
  for (const auto& run : runs) {
    CHECK(run.at("violation_percent") <= 1);
    CHECK(run.at("history") == true);
  }
  // 40 / (1 - 0.6 / 5) = 45.5 all day, and one resize in 264 intervals.
  CHECK(runs[1].at("charged_reserve_percent").get<double>()
        == doctest::Approx(46 + 1. / 264));
  CHECK(runs[0].at("charged_reserve_percent").get<double>() < 47);
  CHECK(runs[0].at("parameters").at("window") >= 12);
  CHECK(runs[0].at("seed") == 3);
  // 13 for 10 %, 46 each 12th interval, and two resizes for that.
  CHECK(runs[2].at("charged_reserve_percent").get<double>()
        == doctest::Approx((11 * 13 + 46 + 2) / 12.).epsilon(0.01));
}

TEST_CASE_FIXTURE(fixture, "a table tells the spread over seeds") {
  const auto ended = run_skerry(
      arguments("--policy ewma --seed 1,2 --evaluations 20 --sample 1"));
  CHECK(ended.exit_code == 0);
  CHECK(ended.out.starts_with("resizing VMs at 5 % violation, seeds 1, 2, no "
                              "history"));
}

TEST_CASE_FIXTURE(fixture, "faults name flag or file") {
  const auto err_of = [this](const std::string& more) {
    const auto ended = run_skerry(arguments(more));
    CHECK(ended.exit_code == 2);
    CHECK(ended.out.empty());
    return ended.err;
  };
  CHECK(err_of("--policy guess").find("--policy") != std::string::npos);
  CHECK(err_of("--policy full --violation 0").find("--violation")
        != std::string::npos);
  const auto cut = directory.write("cut.csv", "a,1,2\n");
  CHECK(err_of("--policy full --history " + cut).find("cut.csv:1:")
        != std::string::npos);
}

TEST_SUITE_END();
