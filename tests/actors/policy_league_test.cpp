#include "actors/policy_league.hpp"

#include <limits>

#include <doctest/doctest.h>

using namespace skerry;

TEST_SUITE_BEGIN("actors/policy_league");

namespace {

constexpr std::size_t large = task_groups - 1;
constexpr std::int64_t minute = 60'000;

/// Weights that are nobody else's.
placement_weights weights_number(double number) {
  auto out = fgd_weights();
  out.of[0][0] = number / 100;
  return out;
}

league_options switched_on() {
  league_options out;
  out.mode = league_mode::on;
  return out;
}

struct fixture {
  policy_league league{switched_on(), policy_choice{"best-fit"},
                       policy_choice{"skerry", weights_number(1)}, 0};
  /// What a policy gets; the others get 80.
  std::map<std::string, double> allocated;
  std::map<std::string, double> wait_of_large;
  std::size_t new_tasks = 1'000;
  std::int64_t now = 0;

  void round() {
    std::vector<shadow_series> all;
    for (const auto& policy : league.field()) {
      auto& series = all.emplace_back();
      series.name = policy.name;
      for (int i = 0; i < 24; ++i) {
        auto& at = series.episodes.emplace_back();
        at.allocated_percent
            = (allocated.contains(policy.name) ? allocated[policy.name] : 80)
              + i % 3;
        at.group_wait_p99_percent[large] = wait_of_large[policy.name];
      }
    }
    league.conclude(all, new_tasks, now += 2 * minute);
  }

  std::string submit(const char* name, double number) {
    auto made = league.submit(name, weights_number(number), "operator", now);
    REQUIRE(made);
    return *made;
  }

  policy_standing standing(const std::string& name) const {
    return league.find(name)->standing;
  }

  std::vector<std::string> log() {
    std::vector<std::string> out;
    for (const auto& event : league.take_events())
      out.push_back(event.policy + ": " + event.from + "->" + event.to + " by "
                    + event.by);
    return out;
  }
};

} // namespace

TEST_CASE_FIXTURE(fixture, "what is better twice rules, by way of a canary") {
  CHECK(submit("a-0", 2) == "a-0@1");
  allocated["a-0@1"] = 82;
  (void)league.take_events();
  const auto before = league.ruling_version();
  round();
  CHECK(standing("a-0@1") == policy_standing::canary);
  CHECK(league.ruling().active.name == "best-fit");
  CHECK(league.ruling().canary->name == "a-0@1");
  CHECK(league.ruling().canary_share == 0.1);
  CHECK(league.ruling_version() > before);
  round();
  CHECK(league.ruling().active.name == "a-0@1");
  CHECK_FALSE(league.ruling().canary);
  CHECK(league.promotions() == 1);
  CHECK(log()
        == std::vector<std::string>{"skerry: shadow->standby by league",
                                    "a-0@1: shadow->canary by league",
                                    "best-fit: active->standby by league",
                                    "a-0@1: canary->active by league"});
}

TEST_CASE_FIXTURE(fixture, "a canary that is not better again goes back") {
  submit("a-0", 2);
  allocated["a-0@1"] = 82;
  round();
  allocated["a-0@1"] = 79;
  round();
  CHECK(standing("a-0@1") == policy_standing::standby);
  CHECK(league.find("a-0@1")->reason.starts_with("not better for sure"));
  CHECK_FALSE(league.ruling().canary);
  CHECK(league.active() == "best-fit");
}

TEST_CASE_FIXTURE(fixture, "a canary serves its time before it may rule") {
  submit("a-0", 2);
  allocated["a-0@1"] = 82;
  round();
  now -= 2 * minute; // So that the next round comes at the same time.
  round();
  CHECK(standing("a-0@1") == policy_standing::canary);
}

TEST_CASE_FIXTURE(fixture, "five policies that must not rule, and why not") {
  // Obviously bad; better on the mean, at the cost of large tasks; NaN. What
  // cannot even be read (another schema, flipped bits) is in
  // actors/league_worker.
  submit("bad", 2);
  submit("sly", 3);
  allocated = {{"bad@1", 60}, {"sly@1", 85}};
  wait_of_large = {{"sly@1", 30}};
  auto poisoned = fgd_weights();
  poisoned.of[1][2] = std::numeric_limits<double>::quiet_NaN();
  const auto refused = league.submit("nan", poisoned, "islands", now);
  REQUIRE_FALSE(refused);
  CHECK(refused.failure().code == error_code::invalid_argument);
  CHECK(league.find("nan") == nullptr);
  (void)league.take_events();
  round();
  CHECK(league.active() == "best-fit");
  CHECK_FALSE(league.ruling().canary);
  CHECK(league.find("bad")->reason.starts_with("not better for sure: -20.00"));
  CHECK(league.find("sly")->reason.starts_with("large tasks wait longer"));
  league.refuse("flipped", "checksum differs", "islands", now);
  const auto last = league.take_events().back();
  CHECK(last.policy == "flipped");
  CHECK(last.to == "refused");
  CHECK(last.reason == "checksum differs");
}

TEST_CASE_FIXTURE(fixture, "a ruler that has become worse yields at once") {
  submit("a-0", 2);
  REQUIRE(league.promote("a-0", true, now));
  CHECK(league.active() == "a-0@1");
  allocated = {{"a-0@1", 78}, {"best-fit", 78}, {"fgd", 81}};
  round();
  CHECK(league.active() == "fgd");
  CHECK(standing("a-0@1") == policy_standing::standby);
  CHECK(league.find("a-0")->reason == "worse than fgd: -3.00 +- 0.00 points");
}

TEST_CASE_FIXTURE(fixture, "who is behind the configured policy makes room") {
  REQUIRE(league.promote("fgd", true, now));
  // It would not pass the gate, but it is what the operator has chosen.
  allocated = {{"best-fit", 83}, {"worst-fit", 84}};
  wait_of_large = {{"best-fit", 30}, {"worst-fit", 30}};
  round();
  CHECK(league.active() == "best-fit");
  CHECK(league.find("fgd")->reason
        == "worse than best-fit: -3.00 +- 0.00 "
           "points");
}

TEST_CASE_FIXTURE(fixture, "a heuristic, too, must be better twice") {
  allocated = {{"fgd", 85}};
  round();
  CHECK(league.active() == "best-fit");
  CHECK(league.canary() == "fgd");
  round();
  CHECK(league.active() == "fgd");
}

TEST_CASE_FIXTURE(fixture, "a canary is judged again on tasks that are new") {
  submit("a-0", 2);
  allocated["a-0@1"] = 82;
  round();
  new_tasks = 199;
  round();
  CHECK(standing("a-0@1") == policy_standing::canary);
  new_tasks = 200;
  round();
  CHECK(standing("a-0@1") == policy_standing::active);
}

TEST_CASE_FIXTURE(fixture, "a ruler that fails in real decisions is refused") {
  submit("a-0", 2);
  REQUIRE(league.promote("a-0", true, now));
  round();
  const auto best = league.best_heuristic();
  league.alarm("a-0@1", "an invalid proposal: node n3", now);
  CHECK(league.active() == best);
  CHECK(standing("a-0@1") == policy_standing::refused);
  allocated["a-0@1"] = 99;
  round();
  round();
  CHECK(league.active() == best); // Only an operator brings it back.
}

TEST_CASE_FIXTURE(fixture, "a frozen league promotes nothing, but drops") {
  submit("a-0", 2);
  submit("b-0", 3);
  allocated = {{"a-0@1", 90}, {"fgd", 85}};
  REQUIRE(league.promote("b-0", true, now));
  league.freeze(true, now);
  CHECK(league.submit("c-0", weights_number(4), "islands", now).failure().code
        == error_code::conflict);
  round();
  CHECK(league.active() == "fgd");
  CHECK_FALSE(league.ruling().canary);
  CHECK(league.find("a-0")->reason.ends_with("learning is frozen"));
  league.freeze(false, now);
  round();
  CHECK(league.canary() == "a-0@1"); // It is looked at again.
}

TEST_CASE_FIXTURE(fixture, "an operator promotes by steps and rolls back") {
  submit("a-0", 2);
  submit("b-0", 3);
  CHECK(league.promote("z", false, now).failure().code
        == error_code::not_found);
  REQUIRE(league.promote("a-0", false, now));
  CHECK(league.canary() == "a-0@1");
  REQUIRE(league.promote("a-0@1", false, now)); // Again is the same.
  CHECK(league.canary() == "a-0@1");
  REQUIRE(league.promote("a-0@1", true, now));
  REQUIRE(league.promote("a-0@1", true, now));
  CHECK(league.active() == "a-0@1");
  REQUIRE(league.promote("b-0", false, now));
  REQUIRE(league.roll_back("", "looks odd", now)); // The canary.
  CHECK(standing("b-0") == policy_standing::refused);
  CHECK(league.active() == "a-0@1");
  REQUIRE(league.roll_back("b-0", "", now)); // It decides nothing any more.
  CHECK(league.roll_back("z", "", now).failure().code == error_code::not_found);
  REQUIRE(league.roll_back("a-0", "", now)); // The ruler.
  CHECK(league.active() == "best-fit");
  CHECK(standing("a-0") == policy_standing::refused);
  CHECK(league.roll_back("", "", now).failure().code == error_code::conflict);
}

TEST_CASE("a league that is not on says what it would do, and does nothing") {
  auto options = switched_on();
  options.mode = league_mode::shadow;
  fixture f;
  f.league = policy_league{options, policy_choice{"best-fit"},
                           policy_choice{"skerry", weights_number(1)}, 0};
  f.allocated = {{"skerry", 90}, {"fgd", 85}};
  f.round();
  f.round();
  CHECK(f.league.active() == "best-fit");
  CHECK_FALSE(f.league.ruling().canary);
  CHECK(f.league.find("skerry")->reason.ends_with("the league is not on"));
}

TEST_CASE_FIXTURE(fixture, "weights that are known come in once") {
  submit("a-0", 2);
  const auto again = league.submit("b-0", weights_number(2), "islands", now);
  CHECK(again.failure().code == error_code::already_exists);
  CHECK(submit("a-0", 3) == "a-0@2");
  CHECK(league.find("a-0")->policy.name == "a-0@2");
}

TEST_CASE("the oldest on standby make room for new ones") {
  auto options = switched_on();
  options.max_members = 4;
  options.candidates_per_round = 8;
  fixture f;
  f.league = policy_league{options, policy_choice{"best-fit"},
                           policy_choice{"skerry", weights_number(1)}, 0};
  for (int i = 2; i < 5; ++i)
    f.submit("a", i);
  CHECK(f.league.submit("a", weights_number(5), "islands", 0).failure().code
        == error_code::limit_exceeded); // None is on standby yet.
  f.round();
  f.submit("a", 6);
  CHECK(f.league.find("a@1") == nullptr);
  CHECK(f.league.find("skerry") != nullptr);
}

TEST_CASE_FIXTURE(fixture, "who ruled before a restart rules after it") {
  submit("a-0", 2);
  REQUIRE(league.promote("a-0", true, now));
  league.freeze(true, now);
  const auto kept = league.keep();
  const std::vector members{*league.find("a-0")};
  const auto start = [&](league_options options, const char* configured) {
    policy_league out{options, policy_choice{configured},
                      policy_choice{"skerry", weights_number(1)}, now};
    return out;
  };
  auto again = start(switched_on(), "best-fit");
  again.resume(members, kept, now);
  CHECK(again.active() == "a-0@1");
  CHECK(again.frozen());
  CHECK(again.promotions() == 1);
  REQUIRE(again.roll_back("", "", now));
  CHECK(again.active() == "best-fit");

  auto changed = start(switched_on(), "fgd");
  changed.resume(members, kept, now);
  CHECK(changed.active() == "fgd");
  CHECK(changed.take_events().back().reason
        == "the configuration names fgd now");

  auto damaged = start(switched_on(), "best-fit");
  damaged.resume({}, kept, now);
  CHECK(damaged.active() == "best-fit");
  CHECK(damaged.take_events().back().reason
        == "it is not among the policies that could be read");
  CHECK(damaged.submit("a-0", weights_number(2), "islands", now).failure().code
        == error_code::conflict); // Still frozen.
}

TEST_SUITE_END();
