#include "learning/trainer.hpp"
#include "messages/experience_record.hpp"
#include "messages/weights_file.hpp"
#include "storage/experience_store.hpp"
#include "tests/cli/fake_cluster.hpp"
#include "tests/cli/process.hpp"
#include "tests/fresh_directory.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <fstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>

using namespace skerry;
using namespace skerry::testing;
using nlohmann::json;

TEST_SUITE_BEGIN("cli/learn_command");

namespace {

/// Choices between two candidates, of which the second is worth 1.
std::vector<std::string> some_records() {
  std::vector<std::string> out;
  for (std::uint32_t i = 0; i < 300; ++i) {
    const auto good = i / 2 % 2; // Of those kept back, one in ten, half are.
    experience one;
    one.candidates.resize(2);
    one.candidates[1][0] = 1;
    one.chosen = good;
    one.reward = static_cast<float>(good);
    one.state[0] = static_cast<float>(good);
    one.terminal = true;
    out.push_back(to_proto(one).SerializeAsString());
  }
  return out;
}

struct school {
  fresh_directory directory;
  std::string experience = directory.path() / "experience";
  std::string out = directory.path() / "mine.weights";

  school() {
    auto store = experience_store::open(
        {.directory = experience, .min_free_bytes = 0});
    REQUIRE(store);
    using namespace std::chrono;
    const auto now
        = duration_cast<milliseconds>(system_clock::now().time_since_epoch());
    auto records = some_records();
    records.push_back("no experience");
    REQUIRE((*store)->append(records, now.count()));
  }

  ended_process learn(const std::string& more) const {
    return run_skerry(words("learn --experience " + experience
                            + " --batch 32 --out " + out + " " + more));
  }
};

bool has(const std::string& text, std::string_view what) {
  return text.find(what) != std::string::npos;
}

} // namespace

TEST_CASE_FIXTURE(school, "what was recorded is learned, and told honestly") {
  const auto ended = learn("--steps 400 --reward-scale 1 -o json");
  REQUIRE_MESSAGE(ended.exit_code == 0, ended.err);
  CHECK(has(ended.err, "1 records cannot be used"));
  const auto told = json::parse(ended.out);
  CHECK(told["steps"] == 400);
  CHECK(told["experiences"] == 270); // Of 300 a tenth is kept back.
  CHECK(told["held_out"] == 30);
  CHECK(told["skipped"] == 1);
  // The state says what the reward will be.
  CHECK(told["explained_variance"] > 0.8);

  const auto weights = read_weights_file(out);
  REQUIRE(weights);
  CHECK(candidate_network::from(experience_network(), *weights,
                                experience_schema()));
  CHECK(weights->origin.steps == 400);
  CHECK(has(weights->origin.command, "--steps 400"));
  const auto shown = run_skerry(words("weights show " + out));
  CHECK(has(shown.out, std::string{told["id"]}));
  CHECK(has(shown.out, "encoder.0.weight"));
}

TEST_CASE_FIXTURE(school,
                  "a training goes on from weights, and they are shared") {
  REQUIRE(learn("--steps 20").exit_code == 0);
  const std::string more = directory.path() / "more.weights";
  const std::string shared = directory.path() / "shared.weights";
  REQUIRE(run_skerry(words("learn --experience " + experience
                           + " --batch 32 --steps 10 --from " + out + " --out "
                           + more))
              .exit_code
          == 0);
  const auto first = read_weights_file(out);
  const auto second = read_weights_file(more);
  REQUIRE(first);
  REQUIRE(second);
  CHECK(second->origin.steps == 30);
  CHECK(second->origin.parents == std::vector<std::string>{weights_id(*first)});

  const auto ended = run_skerry(
      words("weights average " + out + " " + more + " --out " + shared));
  REQUIRE_MESSAGE(ended.exit_code == 0, ended.err);
  const auto mean = read_weights_file(shared);
  REQUIRE(mean);
  CHECK(mean->tensors[4] == first->tensors[4]); // policy.weight
  CHECK(mean->tensors[0] != first->tensors[0]);
  CHECK(mean->origin.parents.size() == 2);
}

TEST_CASE_FIXTURE(school,
                  "damaged weights and missing experience are refused") {
  REQUIRE(learn("--steps 5").exit_code == 0);
  {
    std::fstream file{out, std::ios::in | std::ios::out | std::ios::binary};
    file.seekp(2000);
    file.put('x');
  }
  const auto shown = run_skerry(words("weights show " + out));
  CHECK(shown.exit_code == 2);
  CHECK(has(shown.err, "damaged"));
  CHECK(learn("--steps 5 --from " + out).exit_code == 2);
  const auto nowhere
      = run_skerry(words("learn --experience /nonexistent --out " + out));
  CHECK(nowhere.exit_code == 2);
  CHECK(has(nowhere.err, "/nonexistent"));
  CHECK(learn("--hidden 100").exit_code == 2);
}

TEST_CASE("get learner shows who trains, who stands by, and what is wrong") {
  fake_cluster cluster;
  cluster.learner.answer
      = [](const v1::LearnerRequest&, v1::LearnerReply& reply) {
          auto& a = *reply.add_learners();
          a.set_server("a");
          a.set_state(v1::LearnerStatus::TRAINING);
          a.set_steps(1500);
          a.set_device("cpu");
          a.set_rollbacks(1);
          a.set_last_rollback("step 7: the loss is not finite\x1b[2J");
          auto& b = *reply.add_learners();
          b.set_server("b");
          b.set_state(v1::LearnerStatus::STANDBY);
          reply.add_unreachable_servers("c");
          return grpc::Status::OK;
        };
  const auto ask = [&cluster](const std::string& line) {
    auto arguments = words(line);
    arguments.insert(arguments.end(), {"--address", cluster.address()});
    return run_skerry(arguments);
  };
  const auto ended = ask("get learner");
  CHECK(ended.exit_code == 0);
  CHECK(has(ended.out, "training"));
  CHECK(has(ended.out, "standby"));
  CHECK(has(ended.out, "a: step 7: the loss is not finite"));
  CHECK_FALSE(has(ended.out, "\x1b"));
  CHECK(has(ended.err, "server c does not answer"));
  const auto found = json::parse(ask("get learner -o json").out);
  CHECK(found["learners"][0]["steps"] == 1500);
}

TEST_SUITE_END();
