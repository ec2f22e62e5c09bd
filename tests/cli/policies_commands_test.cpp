#include "messages/policy_file.hpp"
#include "tests/cli/fake_cluster.hpp"
#include "tests/cli/process.hpp"
#include "tests/fresh_directory.hpp"

#include <nlohmann/json.hpp>

#include <fstream>
#include <string>

#include <doctest/doctest.h>

using namespace skerry;
using namespace skerry::testing;
using nlohmann::json;

TEST_SUITE_BEGIN("cli/policies_commands");

namespace {

struct fixture {
  fake_cluster cluster;
  fresh_directory directory;

  fixture() {
    cluster.policies.answer
        = [](const v1::ListPoliciesRequest& request, v1::PoliciesReply& reply) {
            auto& league = *reply.add_leagues();
            league.set_server("a");
            league.set_mode("on");
            league.set_active("mine@1");
            league.set_rounds(7);
            league.set_record("8 nodes, 99 tasks");
            if (request.name() != "-") {
              add(league, "fgd", true, "standby", 81.5);
              add(league, "mine@1", false, "active", 83.25);
            }
            if (request.name() == "mine@1") {
              league.clear_policies();
              auto& mine = add(league, "mine@1", false, "active", 83.25);
              *mine.mutable_policy() = to_proto("mine@1", fgd_weights());
            }
            if (request.events() > 0) {
              auto& event = *league.add_events();
              event.set_policy("mine@1");
              event.set_from("canary");
              event.set_to("active");
              event.set_by("league");
              event.set_reason("again better\x1b[31m");
            }
            reply.add_unreachable_servers("c");
            return grpc::Status::OK;
          };
  }

  static v1::PolicyStatus& add(v1::LeagueStatus& league, const char* name,
                               bool heuristic, const char* standing,
                               double allocated) {
    auto& policy = *league.add_policies();
    policy.set_name(name);
    policy.set_heuristic(heuristic);
    policy.set_standing(standing);
    policy.set_judged(true);
    policy.set_allocated_percent(allocated);
    policy.set_gain(-1.5);
    policy.set_gain_half_width(0.25);
    policy.set_verdict("not better for sure");
    return policy;
  }

  ended_process ask(const std::string& line) const {
    auto arguments = words("policy " + line);
    arguments.insert(arguments.end(), {"--address", cluster.address()});
    return run_skerry(arguments);
  }

  static auto answers(std::vector<std::string> failures) {
    return [failures](const auto&, v1::PoliciesReply& reply) {
      for (std::size_t i = 0; i < failures.size(); ++i) {
        auto& league = *reply.add_leagues();
        league.set_server(std::string(1, static_cast<char>('a' + i)));
        if (failures[i].empty()) {
          league.set_done("mine is the canary");
        } else {
          league.set_error_code(
              static_cast<std::uint32_t>(error_code::not_found));
          league.set_error_message(failures[i]);
        }
      }
      return grpc::Status::OK;
    };
  }
};

bool contains(const std::string& text, std::string_view what) {
  return text.find(what) != std::string::npos;
}

} // namespace

TEST_CASE_FIXTURE(fixture, "list shows who stands where, the ruler first") {
  const auto ended = ask("list");
  CHECK(ended.exit_code == 0);
  CHECK(ended.out.find("mine@1") < ended.out.find("fgd"));
  CHECK(contains(ended.out, "83.25"));
  CHECK(contains(ended.out, "a: the league is on, 7 rounds, 0 promotions; "
                            "judged on 8 nodes, 99 tasks"));
  CHECK(contains(ended.err, "server c does not answer"));
  const auto data = json::parse(ask("list -o json").out);
  CHECK(data["leagues"][0]["active"] == "mine@1");
}

TEST_CASE_FIXTURE(fixture, "shadow and compare show the last round") {
  CHECK(contains(ask("shadow").out, "-1.50 +-0.25"));
  const auto ended = ask("compare mine@1 fgd");
  CHECK(ended.exit_code == 0);
  CHECK(contains(ended.out, "SERVER a"));
  const auto data = json::parse(ask("compare fgd mine@1 -o json").out);
  CHECK(data["leagues"][0]["policies"].size() == 2);
  const auto unknown = ask("compare mine@1 nobody");
  CHECK(unknown.exit_code == 2);
  CHECK(contains(unknown.err, "no league knows nobody"));
}

TEST_CASE_FIXTURE(fixture, "log shows what has happened, made harmless") {
  const auto ended = ask("log --limit 5");
  CHECK(contains(ended.out, "again better"));
  CHECK_FALSE(contains(ended.out, "\x1b"));
  CHECK(cluster.policies.asked().back().events() == 5);
}

TEST_CASE_FIXTURE(fixture, "show prints the weights of a league's policy") {
  CHECK(contains(ask("show mine@1").out, "Placing tasks"));
  CHECK(contains(ask("show fgd").err, "no weights"));
}

TEST_CASE_FIXTURE(fixture, "submit sends a policy that can be read") {
  cluster.submit_policy.answer = answers({""});
  const auto file = (directory.path() / "mine.policy").string();
  std::ofstream{file} << policy_text(to_proto("mine", fgd_weights()));
  CHECK(ask("submit " + file).exit_code == 0);
  REQUIRE(cluster.submit_policy.asked().size() == 1);
  CHECK(cluster.submit_policy.asked()[0].policy().name() == "mine");
  std::ofstream{file, std::ios::app} << "name: \"other\"\n";
  CHECK(ask("submit " + file).exit_code == 2);
  CHECK(cluster.submit_policy.asked().size() == 1);
}

TEST_CASE_FIXTURE(fixture, "a command fails when no league has done it") {
  cluster.promote.answer = answers({"", "it is not here"});
  const auto some = ask("promote mine --now --server a");
  CHECK(some.exit_code == 0);
  CHECK(contains(some.out, "a: mine is the canary\nb: it is not here\n"));
  CHECK(cluster.promote.asked()[0].at_once());
  CHECK(cluster.promote.asked()[0].server() == "a");
  cluster.promote.answer = answers({"it is not here", "nor here"});
  const auto none = ask("promote mine");
  CHECK(none.exit_code == 2);
  CHECK(contains(none.err, "a: it is not here; b: nor here"));
}

TEST_CASE_FIXTURE(fixture, "rollback, freeze and unfreeze say what they mean") {
  cluster.freeze.answer = answers({""});
  cluster.roll_back.answer = answers({""});
  CHECK(ask("rollback").exit_code == 0);
  CHECK(ask("rollback mine@1 --reason odd").exit_code == 0);
  CHECK(cluster.roll_back.asked()[0].name().empty());
  CHECK(cluster.roll_back.asked()[1].reason() == "odd");
  CHECK(ask("freeze").exit_code == 0);
  CHECK(ask("unfreeze").exit_code == 0);
  CHECK(cluster.freeze.asked()[0].frozen());
  CHECK_FALSE(cluster.freeze.asked()[1].frozen());
}

TEST_SUITE_END();
