#include "actors/league_role.hpp"
#include "messages/policy_file.hpp"

#include <bit>
#include <map>

#include <doctest/doctest.h>

using namespace skerry;

TEST_SUITE_BEGIN("actors/league_role");

namespace {

placement_weights weights_number(double number) {
  auto out = fgd_weights();
  out.of[0][0] = number / 100;
  return out;
}

v1::Policy policy(const char* name, double number) {
  return to_proto(name, weights_number(number));
}

/// A league and the disk that it writes to.
struct fixture {
  std::map<std::string, std::string> disk;
  std::vector<std::string> rulings;
  std::unique_ptr<league_role> role;
  instant now{0, 1'000};

  fixture() { start(); }

  void start() {
    policy_store kept;
    for (const auto& [key, value] : disk)
      CHECK(kept.recover(key, value));
    league_role_options options{.server = "a",
                                .league = {},
                                .shipped = policy("skerry", 1),
                                .configured = policy_choice{"best-fit"}};
    options.league.rules.mode = league_mode::on;
    options.league.rules.canary_tasks = 0; // Series here are of no record.
    options.rule = [this](const policy_ruling& ruling) {
      rulings.push_back(ruling.active.name
                        + (ruling.canary ? "+" + ruling.canary->name : ""));
    };
    outbox out;
    role = std::make_unique<league_role>(std::move(options), std::move(kept),
                                         now, out);
    write(out);
  }

  void write(const outbox& out) {
    for (const auto& [key, value] : out.writes)
      if (value)
        disk[key] = *value;
      else
        disk.erase(key);
  }

  v1::LeagueStatus run(const v1::PolicyCommand& command) {
    outbox out;
    auto done = role->run(command, now, out);
    write(out);
    return done;
  }

  v1::LeagueStatus submit(const v1::Policy& policy) {
    v1::PolicyCommand command;
    *command.mutable_submit()->mutable_policy() = policy;
    return run(command);
  }

  v1::LeagueStatus promote(const char* name, bool at_once) {
    v1::PolicyCommand command;
    command.mutable_promote()->set_name(name);
    command.mutable_promote()->set_at_once(at_once);
    return run(command);
  }

  v1::LeagueStatus list(const char* name = "") {
    v1::PolicyCommand command;
    command.mutable_list()->set_name(name);
    command.mutable_list()->set_events(100);
    return run(command);
  }

  void judge(const std::map<std::string, double>& allocated) {
    std::vector<shadow_series> all;
    for (const auto& choice : role->state().field()) {
      auto& series = all.emplace_back();
      series.name = choice.name;
      for (int i = 0; i < 24; ++i)
        series.episodes.emplace_back().allocated_percent
            = allocated.contains(choice.name) ? allocated.at(choice.name) : 80;
    }
    now.unix_milliseconds += 120'000;
    outbox out;
    role->end_round(all, "4 nodes, 99 tasks", 1.5, now, out);
    write(out);
  }
};

} // namespace

TEST_CASE_FIXTURE(fixture,
                  "a candidate comes to rule, and rules after a start") {
  CHECK(submit(policy("mine", 2)).done() == "mine@1 waits to be judged");
  CHECK(submit(policy("mine", 2)).done()
        == "the weights are those of mine@1 (shadow)");
  judge({{"mine@1", 85}});
  judge({{"mine@1", 85}});
  CHECK(rulings == std::vector<std::string>{"best-fit+mine@1", "mine@1"});
  start();
  CHECK(role->ruling().active.name == "mine@1");
  CHECK(*role->ruling().active.weights == weights_number(2));
  const auto status = list("mine");
  CHECK(status.active() == "mine@1");
  CHECK(status.promotions() == 1);
  REQUIRE(status.policies_size() == 1);
  CHECK(status.policies(0).standing() == "active");
  CHECK(*weights_from(status.policies(0).policy()) == weights_number(2));
  // The newest first; who only waited or stood by is not in it.
  std::vector<std::string> log;
  for (const auto& event : status.events())
    log.push_back(event.policy() + " " + event.to() + " by " + event.by());
  CHECK(log
        == std::vector<std::string>{
            "mine@1 active by start", "best-fit standby by start",
            "mine@1 active by league", "best-fit standby by league",
            "mine@1 canary by league", "mine@1 shadow by operator"});
}

TEST_CASE_FIXTURE(fixture,
                  "NaN, another schema, flipped bits: refused, logged") {
  auto nan = weights_number(2);
  nan.of[0][1] = std::numeric_limits<double>::quiet_NaN();
  auto foreign = policy("foreign", 3);
  foreign.set_feature_schema("0123456789abcdef");
  seal(foreign);
  auto flipped = policy("flipped", 4);
  auto& weight = *flipped.mutable_placement(0)->mutable_weights(0);
  weight.set_weight(std::bit_cast<double>(
      std::bit_cast<std::uint64_t>(weight.weight()) ^ (1ULL << 40)));
  for (const auto& bad : {to_proto("nan", nan), foreign, flipped}) {
    const auto answer = submit(bad);
    CHECK(answer.error_code() != 0);
    const auto events = list().events();
    REQUIRE(!events.empty());
    CHECK(events[0].policy() == bad.name());
    CHECK(events[0].to() == "refused");
    CHECK(events[0].reason() == answer.error_message());
  }
  CHECK(list().events(0).reason().find("checksum") != std::string::npos);
  CHECK(role->state().members().size() == 9); // 8 heuristics and skerry.
  CHECK(rulings.empty());
}

TEST_CASE_FIXTURE(fixture, "what is damaged in the store is told and deleted") {
  (void)submit(policy("mine", 2));
  (void)promote("mine", true);
  auto& bytes = disk.at("policy/mine@1");
  bytes[bytes.size() / 2] ^= 4;
  start();
  CHECK(role->ruling().active.name == "best-fit");
  CHECK_FALSE(disk.contains("policy/mine@1"));
  const auto status = list();
  CHECK(status.trouble().starts_with("policy/mine@1 was damaged"));
  bool told = false;
  for (const auto& event : status.events())
    told = told
           || (event.policy() == "policy/mine@1" && event.to() == "refused"
               && event.by() == "start");
  CHECK(told);
  start(); // And once is enough.
  CHECK(list().trouble().empty());
}

TEST_CASE_FIXTURE(fixture, "operators promote, roll back and freeze") {
  (void)submit(policy("mine", 2));
  CHECK(promote("mine", false).done() == "mine is the canary");
  CHECK(list().canary() == "mine@1");
  CHECK(promote("mine", true).active() == "mine@1");
  const auto unknown = promote("nobody", true);
  CHECK(unknown.error_code()
        == static_cast<std::uint32_t>(error_code::not_found));
  v1::PolicyCommand back;
  back.mutable_roll_back()->set_reason("too odd");
  CHECK(run(back).done() == "best-fit rules");
  CHECK(list().events(1).reason() == "rolled back by an operator: too odd");
  v1::PolicyCommand freeze;
  freeze.mutable_freeze()->set_frozen(true);
  CHECK(run(freeze).frozen());
  start();
  CHECK(role->frozen());
}

TEST_CASE_FIXTURE(fixture, "champions that have gained are candidates") {
  std::vector<v1::IslandStatus> islands(3);
  for (int i = 0; i < 3; ++i) {
    islands[i].set_start_cost(10);
    islands[i].set_best(i == 1 ? 10 : 9); // The second is where it began.
    *islands[i].mutable_policy()
        = policy(("a-" + std::to_string(i)).c_str(), 10 + i);
  }
  islands[2].mutable_policy()->set_checksum("broken");
  cell_history history;
  history.tasks.resize(64);
  outbox out;
  const auto round = role->begin_round(history, islands, now, out);
  REQUIRE(round);
  bool there = false;
  for (const auto& choice : round->field)
    there = there || choice.name == "a-0@1";
  CHECK(there);
  CHECK(role->state().find("a-1") == nullptr);
  CHECK(role->state().find("a-2") == nullptr);
  // The same again is no other candidate.
  (void)role->begin_round(history, islands, now, out);
  CHECK(role->state().find("a-0@2") == nullptr);
}

TEST_CASE_FIXTURE(fixture, "little is known of the cell: no round") {
  cell_history history;
  history.tasks.resize(63);
  outbox out;
  CHECK_FALSE(role->begin_round(history, {}, now, out));
  CHECK(list().record() == "63 tasks, 64 are needed");
}

TEST_CASE_FIXTURE(fixture, "what fails in real decisions is out") {
  (void)submit(policy("mine", 2));
  (void)promote("mine", true);
  outbox out;
  role->alarm({"mine@1", "an invalid proposal: there is no node 7"}, now, out);
  CHECK(rulings.back() == "best-fit");
  CHECK(role->state().find("mine")->standing == policy_standing::refused);
}

TEST_SUITE_END();
