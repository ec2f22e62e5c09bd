#include "tests/cli/process.hpp"
#include "tests/fresh_directory.hpp"

#include <nlohmann/json.hpp>

#include <string>

#include <doctest/doctest.h>

using namespace skerry::testing;
using nlohmann::json;

TEST_SUITE_BEGIN("cli/replay_command");

TEST_CASE("what simulated runs have written is shown") {
  const fresh_directory directory;
  const auto where = (directory.path() / "experience").string();
  const auto run = run_skerry(words("simulate synthetic --nodes 20 --hours 1 "
                                    "--seed 1,2 --policy fgd,first-fit "
                                    "--experience "
                                    + where + " -o json"));
  REQUIRE(run.exit_code == 0);
  std::uint64_t placed = 0;
  for (const auto& each : json::parse(run.out))
    placed += each.at("placed").get<std::uint64_t>();
  const auto shown = run_skerry(words("replay show " + where + " -o json"));
  REQUIRE(shown.exit_code == 0);
  const auto found = json::parse(shown.out);
  // Tasks of the warm-up are decided too, but not counted as placed.
  CHECK(found.at("records").get<std::uint64_t>() >= placed);
  CHECK(found.at("damaged") == 0);
  CHECK(found.at("other_schema") == 0);
  CHECK(found.at("policies").size() == 2);
  CHECK(found.at("with_outcome").get<int>() > 0);
  for (const auto* term : {"allocated-share", "wait", "slowdown", "fairness"})
    CHECK(found.at("terms").contains(term));
  CHECK(found.at("terms").at("allocated-share").at("most").get<double>() > 0);
  const auto text = run_skerry(words("replay show " + where));
  CHECK(text.out.find("allocated-share") != std::string::npos);
}

TEST_CASE("a directory without experience is a usage fault") {
  const fresh_directory directory;
  CHECK(run_skerry(words("replay show " + directory.path().string())).exit_code
        == 2);
  const auto mine = directory.write("letters.txt", "dear");
  CHECK(run_skerry(words("simulate synthetic --nodes 5 --hours 1 --policy fgd "
                         "--experience "
                         + directory.path().string()))
            .exit_code
        == 2);
}

TEST_SUITE_END();
