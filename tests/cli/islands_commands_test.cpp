#include "messages/policy_file.hpp"
#include "tests/cli/fake_cluster.hpp"
#include "tests/cli/process.hpp"
#include "tests/fresh_directory.hpp"

#include <nlohmann/json.hpp>

#include <filesystem>
#include <string>

#include <doctest/doctest.h>

using namespace skerry;
using namespace skerry::testing;
using nlohmann::json;

TEST_SUITE_BEGIN("cli/islands_commands");

namespace {

struct sea {
  fake_cluster cluster;
  fresh_directory directory;
  std::string file = directory.path() / "best.policy";

  sea() {
    cluster.islands.answer
        = [](const v1::IslandsRequest& request, v1::IslandsReply& reply) {
            // b is on a harder cell, and has gained most there.
            add(reply, request, "a", 9.0, 10.0);
            add(reply, request, "b", 40.0, 50.0);
            auto& young = *reply.add_islands();
            young.set_server("b");
            young.set_island(1);
            young.set_trouble("began anew: \x1b[31mdamaged");
            reply.add_unreachable_servers("c");
            return grpc::Status::OK;
          };
  }

  static void add(v1::IslandsReply& reply, const v1::IslandsRequest& request,
                  const std::string& server, double best, double start) {
    auto& island = *reply.add_islands();
    island.set_server(server);
    island.set_optimiser("ga");
    island.set_objective("its cell");
    island.set_generation(12);
    island.set_best(best);
    island.set_start_cost(start);
    island.set_start("fgd");
    island.set_migrants_accepted(7);
    island.add_neighbours("c/0");
    if (request.policies())
      *island.mutable_policy() = to_proto(server + "-0", fgd_weights());
    if (!request.migrations())
      return;
    auto& one = *island.add_migrations();
    one.set_from_server("c");
    one.set_from_generation(5);
    one.set_generation(11);
    one.set_cost(8.5);
    one.set_outcome(v1::Migration::REFUSED);
    one.set_reason("gene 3 is not finite");
  }

  ended_process ask(const std::string& line) const {
    auto arguments = words(line);
    arguments.insert(arguments.end(), {"--address", cluster.address()});
    return run_skerry(arguments);
  }
};

bool has(const std::string& text, std::string_view what) {
  return text.find(what) != std::string::npos;
}

} // namespace

TEST_CASE_FIXTURE(sea, "get islands shows how each one is") {
  const auto ended = ask("get islands");
  CHECK(ended.exit_code == 0);
  CHECK(has(ended.out, "a/0     ga"));
  CHECK(has(ended.out, "10.0000 fgd"));
  CHECK(has(ended.out, "\nb/1: began anew: "));
  CHECK_FALSE(has(ended.out, "\x1b")); // What servers say is made harmless.
  CHECK(has(ended.err, "server c does not answer"));
  const auto found = json::parse(ask("get islands -o json").out);
  CHECK(found["islands"].size() == 3);
  CHECK(found["islands"][1]["best"] == 40.0);
  CHECK(found["islands"][1]["migrants_accepted"] == 7);
  CHECK(found["unreachable_servers"][0] == "c");
}

TEST_CASE_FIXTURE(sea,
                  "get islands shows what has come and why it was refused") {
  const auto ended = ask("get islands --migrations");
  CHECK(ended.exit_code == 0);
  CHECK(has(ended.out, "c/0"));
  CHECK(has(ended.out, "refused: gene 3 is not finite"));
}

TEST_CASE_FIXTURE(sea, "policy pull brings the policy that has gained most") {
  const auto ended = ask("policy pull --out " + file);
  CHECK(ended.exit_code == 0);
  CHECK(has(ended.out, "of island b/0, cost 40.0000 (fgd: 50.0000)"));
  CHECK(has(ended.err, "server c does not answer"));
  const auto read = read_policy_file(file);
  REQUIRE(read);
  CHECK(read->name() == "b-0");
  CHECK(ask("policy pull --from a/0 --out " + file).exit_code == 0);
  CHECK(read_policy_file(file)->name() == "a-0");
}

TEST_CASE_FIXTURE(sea,
                  "policy pull leaves no file of what is bad or not there") {
  CHECK(ask("policy pull --from b/1 --out " + file).exit_code == 2);
  CHECK(ask("policy pull --from x/9 --out " + file).exit_code == 2);
  cluster.islands.answer = [](const auto& request, auto& reply) {
    add(reply, request, "a", 9, 10);
    reply.mutable_islands(0)->mutable_policy()->set_checksum("0");
    return grpc::Status::OK;
  };
  const auto ended = ask("policy pull --out " + file);
  CHECK(ended.exit_code == 1);
  CHECK(has(ended.err, "damaged"));
  cluster.islands.answer = [](const auto&, auto&) { return grpc::Status::OK; };
  CHECK(has(ask("policy pull --out " + file).err, "islands.count"));
  CHECK_FALSE(std::filesystem::exists(file));
}

TEST_SUITE_END();
