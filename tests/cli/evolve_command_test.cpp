#include "tests/cli/openb_files.hpp"

#include <nlohmann/json.hpp>

#include <filesystem>
#include <string>

#include <doctest/doctest.h>

using namespace skerry::testing;
using nlohmann::json;

TEST_SUITE_BEGIN("cli/evolve_command");

namespace {

struct trained : openb_files {
  std::string policy = directory.path() / "mine.policy";

  std::vector<std::string> evolve(const std::string& more) const {
    return words("evolve --train nodes=" + nodes + ",pods=" + pods
                 + " --cluster-divisor 1 --out " + policy + " " + more);
  }
};

} // namespace

TEST_CASE_FIXTURE(trained,
                  "the same seed gives the same policy, and it rules") {
  const auto once = evolve("--evaluations 600 --seed 3 --threads 2 -o json");
  const auto ended = run_skerry(once);
  REQUIRE(ended.exit_code == 0);
  const auto found = json::parse(ended.out);
  CHECK(found.at("evaluations").get<int>() >= 600);
  CHECK(found.at("islands").size() == 2);
  CHECK(found.at("islands")[0].at("generation").get<int>() > 0);
  const auto first = read_bytes(policy);
  CHECK(run_skerry(evolve("--evaluations 600 --seed 3 --threads 1")).exit_code
        == 0);
  CHECK(read_bytes(policy) == first);

  const auto each_its_own = run_skerry(
      evolve("--evaluations 600 --seed 3 --island-objectives mixture,openb "
             "-o json"));
  REQUIRE(each_its_own.exit_code == 0);
  CHECK(json::parse(each_its_own.out).at("cost") == found.at("cost"));
  CHECK(run_skerry(once).exit_code == 0);

  const auto simulated
      = run_skerry(openb("--seed 7 --policy " + policy + ",skerry -o json"));
  REQUIRE(simulated.exit_code == 0);
  CHECK(json::parse(simulated.out)[0].at("policy") == policy);
  CHECK(json::parse(simulated.out)[1].at("placed") == 2);

  const auto shown = run_skerry(words("policy show " + policy));
  CHECK(shown.exit_code == 0);
  CHECK(shown.out.find("trained on   pods.small") != std::string::npos);
  CHECK(shown.out.find("idle GPUs left, of eight") != std::string::npos);
  const auto as_json = run_skerry(words("policy show skerry -o json"));
  CHECK(json::parse(as_json.out).at("name") == "skerry");
}

TEST_CASE_FIXTURE(trained, "a search that was broken off goes on as one") {
  const std::string kept = directory.path() / "kept";
  const auto with = " --seed 3 --islands 2 --optimiser cma-es,ga "
                    "--migration every=3 ";
  REQUIRE(run_skerry(evolve(std::string{"--evaluations 900"} + with)).exit_code
          == 0);
  const auto in_one = read_bytes(policy);
  const auto keeping = std::string{with} + "--checkpoint " + kept;
  REQUIRE(run_skerry(evolve("--evaluations 300" + keeping)).exit_code == 0);
  CHECK(read_bytes(policy) != in_one);
  REQUIRE(run_skerry(evolve("--evaluations 600 --resume" + keeping)).exit_code
          == 0);
  const auto last
      = run_skerry(evolve("--evaluations 900 --resume --threads 1" + keeping));
  CAPTURE(last.err);
  REQUIRE(last.exit_code == 0);
  CHECK(read_bytes(policy) == in_one);

  const auto refused = [&](const std::string& more, std::string_view why) {
    const auto ended = run_skerry(evolve("--evaluations 900 " + more));
    CAPTURE(ended.err);
    CHECK(ended.exit_code == 2);
    CHECK(ended.err.find(why) != std::string::npos);
  };
  refused(keeping, "--resume goes on with it");
  refused("--resume", "from which --checkpoint");
  refused("--resume --checkpoint " + kept + ".none", "kept.none");
  refused("--resume --seed 4 --checkpoint " + kept, "another search");
  auto bytes = read_bytes(kept);
  bytes[bytes.size() / 2] ^= 1;
  refused("--resume" + std::string{with} + "--checkpoint "
              + directory.write("damaged", bytes),
          "damaged");
  CHECK(read_bytes(policy) == in_one);
}

TEST_CASE_FIXTURE(trained, "a fault says what is wrong and leaves no file") {
  const auto refused = [&](const std::string& more, std::string_view why) {
    const auto ended = run_skerry(evolve(more));
    CAPTURE(ended.err);
    CHECK(ended.exit_code == 2);
    CHECK(ended.err.find(why) != std::string::npos);
    CHECK_FALSE(std::filesystem::exists(policy));
  };
  refused("", "--budget");
  refused("--budget 1 --objective luck", "--objective");
  refused("--budget 1 --island-objectives luck", "--island-objectives");
  refused("--budget 1 --island-objectives openb,synthetic",
          "synthetic is no part");
  refused("--budget 1 --objective swf --island-objectives openb",
          "has no parts");
  refused("--budget 1 --load 0", "--load");
  refused("--budget 1 --optimiser luck", "cma-es");
  refused("--budget 1 --topology luck", "--topology");
  refused("--budget 1 --migration luck", "--migration");
  refused("--budget 1 --train luck=1", "--train");
  refused("--budget 1 --train pods=/nowhere", "/nowhere");
  refused("--budget 1 --start fgd", "--start");
  refused("--budget 1 --start ./nowhere.policy", "./nowhere.policy");
  const auto damaged = directory.write("damaged.policy", "name: \"x\"\n");
  refused("--budget 1 --start " + damaged, "checksum");
  const auto shown = run_skerry(words("policy show " + damaged));
  CHECK(shown.exit_code == 2);
  CHECK(shown.err.find(damaged) != std::string::npos);
}

TEST_CASE_FIXTURE(trained, "an order of queues is trained, joined and used") {
  const auto evolve_queue = [&](const std::string& more) {
    return words("evolve --objective swf --islands 1 --scenarios 1 "
                 "--evaluations 40 --seed 3 --out "
                 + policy + " " + more);
  };
  REQUIRE(run_skerry(evolve_queue("")).exit_code == 0);
  const auto shown = run_skerry(words("policy show " + policy));
  CHECK(shown.out.find("Ordering queues") != std::string::npos);
  CHECK(shown.out.find("Placing tasks") == std::string::npos);
  CHECK(shown.out.find("trained on   lublin") != std::string::npos);

  const std::string both = directory.path() / "both.policy";
  CHECK(run_skerry(words("policy join --placement skerry --queue " + policy
                         + " --out " + both))
            .exit_code
        == 0);
  const auto joined = run_skerry(words("policy show " + both)).out;
  CHECK(joined.find("Ordering queues") != std::string::npos);
  CHECK(joined.find("Placing tasks") != std::string::npos);

  const auto trace = directory.write(
      "jobs.swf", "1 0 -1 9 1 -1 -1 1 9 -1 1 -1 -1 -1 -1 -1 -1 -1\n");
  const auto run = run_skerry(
      words("simulate swf --trace " + trace + " --procs 2 --policy " + both));
  CHECK(run.exit_code == 0);

  const auto refused
      = [](const std::vector<std::string>& command, std::string_view why) {
          const auto ended = run_skerry(command);
          CAPTURE(ended.err);
          CHECK(ended.exit_code == 2);
          CHECK(ended.err.find(why) != std::string::npos);
        };
  refused(evolve_queue("--train " + trace), "too few");
  refused(evolve_queue("--train trace=" + trace + ",jobs=0:9"), "has 1 jobs");
  refused(evolve_queue("--train luck=1"), "none of trace=FILE");
  refused(evolve_queue("--estimates luck"), "--estimates");
  refused(evolve_queue("--start ./nowhere"), "nowhere");
  refused(openb("--seed 7 --policy " + policy), "places no tasks");
  refused(words("policy join --placement " + policy + " --queue " + policy
                + " --out " + both),
          "--placement");
}

TEST_SUITE_END();
