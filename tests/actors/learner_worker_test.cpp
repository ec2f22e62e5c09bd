#include "actors/learner_worker.hpp"
#include "messages/weights_file.hpp"
#include "storage/whole_file.hpp"
#include "tests/fresh_directory.hpp"

#include <atomic>
#include <fstream>
#include <map>
#include <memory>
#include <string>

#include <doctest/doctest.h>

using namespace skerry;

TEST_SUITE_BEGIN("actors/learner_worker");

namespace {

experience choice(std::uint32_t chosen) {
  experience out;
  out.candidates.resize(2);
  out.candidates[1][0] = 1;
  out.chosen = chosen;
  out.reward = chosen == 1 ? 1.0F : 0.0F;
  out.terminal = true;
  return out;
}

/// A server's learner, with all that it needs.
struct learning_server {
  std::shared_ptr<experience_ring> ring;
  std::shared_ptr<learner_board> board = std::make_shared<learner_board>();
  std::vector<published_weights> published;
  std::unique_ptr<learner_worker> worker;

  learning_server(const std::string& name,
                  const std::filesystem::path& checkpoint,
                  std::filesystem::path module_file = SKERRY_TRAINER) {
    server_learner_options how{.on = true,
                               .cpu_share = 1,
                               .when_idle = false,
                               .checkpoint_milliseconds = 1'000,
                               .module_file = std::move(module_file)};
    how.learning.batch = 16;
    how.learning.publish_steps = 20;
    how.replay = {.capacity = 256, .fewest = 32, .samples_per_insert = 0};
    ring = std::make_shared<experience_ring>(how.replay, 1);
    worker = std::make_unique<learner_worker>(learner_worker_options{
        .server = name,
        .version = "test",
        .learner = how,
        .checkpoint = checkpoint,
        .from = ring,
        .board = board,
        .stop = {},
        .publish = [this](const auto& each) { published.push_back(each); }});
  }

  void record() {
    for (std::uint32_t i = 0; i < 64; ++i)
      REQUIRE(ring->insert(choice(i % 2)));
  }
  v1::LearnerStatus status() const { return board->status().value(); }
};

/// Their envelopes arrive at once.
struct pair {
  testing::fresh_directory directory;
  std::map<std::string, std::unique_ptr<learning_server>> servers;
  std::int64_t time = 1'000;

  pair() {
    for (const auto* name : {"a", "b"})
      add(name);
  }

  void add(const std::string& name) {
    servers[name] = std::make_unique<learning_server>(
        name, directory.path() / name / "checkpoint.weights");
    servers[name]->record();
    meet();
  }
  /// The server is gone without a word.
  void kill(const std::string& name) {
    servers.erase(name);
    meet();
  }
  void meet() {
    std::set<std::string> names;
    for (const auto& [name, server] : servers)
      names.insert(name);
    for (const auto& [name, server] : servers)
      server->worker->set_learners(names);
  }
  void run(int slices) {
    for (int i = 0; i < slices; ++i) {
      time += 250;
      const instant now{time, time};
      for (const auto& [name, server] : servers) {
        outbox out;
        server->worker->work(now, out);
        for (const auto& envelope : out.envelopes)
          if (const auto to = servers.find(envelope.to());
              to != servers.end()) {
            outbox none;
            to->second->worker->take(envelope, now, none);
          }
      }
    }
  }
  std::uint64_t steps(const std::string& name) {
    return servers.at(name)->worker->steps();
  }
};

} // namespace

TEST_CASE_FIXTURE(pair, "the server of the smallest name trains, others wait") {
  run(20);
  CHECK(servers.at("a")->status().state() == v1::LearnerStatus::TRAINING);
  CHECK(servers.at("b")->status().state() == v1::LearnerStatus::STANDBY);
  CHECK(servers.at("a")->status().steps_here() > 20);
  CHECK(servers.at("b")->status().steps_here() == 0);
  // It has what the other one had at its last checkpoint.
  CHECK(steps("b") > 0);
  CHECK(steps("b") <= steps("a"));
}

TEST_CASE_FIXTURE(pair, "weights are published with a name of their own") {
  run(20);
  const auto& published = servers.at("a")->published;
  REQUIRE(published.size() > 1);
  CHECK(servers.at("a")->status().policies_published() == published.size());
  CHECK(published[0].id == weights_id(published[0].weights));
  CHECK(published[1].weights.origin.parents
        == std::vector<std::string>{published[0].id});
  CHECK(candidate_network::from(experience_network(), published[0].weights,
                                experience_schema()));
}

TEST_CASE_FIXTURE(pair,
                  "when the trainer is killed, training goes on elsewhere") {
  run(20);
  const auto known = steps("b");
  REQUIRE(known > 0);
  kill("a");
  run(8);
  const auto status = servers.at("b")->status();
  CHECK(status.state() == v1::LearnerStatus::TRAINING);
  CHECK(status.resumed_steps() == known);
  CHECK(steps("b") > known);

  // It comes back with an old checkpoint, and goes on from the newer one.
  const auto reached = steps("b");
  add("a");
  run(8);
  CHECK(servers.at("a")->status().state() == v1::LearnerStatus::TRAINING);
  CHECK(servers.at("b")->status().state() == v1::LearnerStatus::STANDBY);
  CHECK(steps("a") > reached);
}

TEST_CASE_FIXTURE(pair, "what others send is doubted") {
  run(8);
  auto weights = *read_weights(
      *read_whole_file(directory.path() / "a/checkpoint.weights", 1 << 24),
      "a");
  const auto before = steps("b");
  const auto send = [&](const std::string& bytes) {
    mesh::v1::Envelope envelope;
    envelope.set_from("a");
    envelope.mutable_weights()->set_sealed(bytes);
    outbox none;
    servers.at("b")->worker->take(envelope, {time, time}, none);
  };
  weights.origin.steps += 1'000;
  auto damaged = weights_bytes(weights);
  damaged[damaged.size() / 2] ^= 1;
  send(damaged);
  auto foreign = weights;
  foreign.feature_schema ^= 1;
  send(weights_bytes(foreign));
  CHECK(steps("b") == before);
  send(weights_bytes(weights));
  CHECK(steps("b") == before + (weights.origin.steps - before));
}

TEST_CASE("without experience it waits, without LibTorch it says so") {
  const testing::fresh_directory directory;
  outbox out;
  learning_server hungry{"a", directory.path() / "a.weights"};
  hungry.worker->work({1, 1}, out);
  CHECK(hungry.status().state() == v1::LearnerStatus::WAITING);
  CHECK(hungry.status().steps() == 0);

  learning_server lame{"a", directory.path() / "b.weights", "/nowhere/x.so"};
  lame.record();
  CHECK(lame.worker->work({1, 1}, out) > 0);
  CHECK(lame.status().state() == v1::LearnerStatus::FAILED);
  CHECK(lame.status().trouble().find("/nowhere/x.so") != std::string::npos);
}

TEST_CASE("a damaged checkpoint is set aside, and training begins anew") {
  const testing::fresh_directory directory;
  const auto file = directory.path() / "a.weights";
  std::ofstream{file} << "damaged";
  learning_server one{"a", file};
  one.record();
  outbox out;
  one.worker->work({1, 1}, out);
  CHECK(one.status().trouble().find("began anew") == 0);
  CHECK(std::filesystem::exists(file.string() + ".aside"));
  CHECK(one.worker->steps() > 0);
}

TEST_CASE("a stop ends the work, and the last steps are kept") {
  const testing::fresh_directory directory;
  const auto file = directory.path() / "a.weights";
  outbox out;
  std::uint64_t steps = 0;
  {
    learning_server one{"a", file};
    one.record();
    one.worker->work({1, 1}, out);
    one.worker->finish({2, 2});
    steps = one.worker->steps();
  }
  REQUIRE(steps > 0);
  learning_server next{"a", file};
  next.worker->work({3, 3}, out);
  CHECK(next.worker->steps() == steps);
}

TEST_SUITE_END();
