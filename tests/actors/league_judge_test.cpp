#include "actors/league_judge.hpp"
#include "messages/policy_file.hpp"

#include <fmt/format.h>

#include <chrono>
#include <thread>

#include <doctest/doctest.h>

using namespace skerry;
using namespace skerry::literals;

TEST_SUITE_BEGIN("actors/league_judge");

namespace {

/// Eight nodes, tasks of a quarter and of a whole one.
cell_history history_of(std::size_t tasks) {
  cell_history out;
  for (int n = 0; n < 8; ++n)
    out.nodes.push_back({fmt::format("n{}", n), {8_cores, 64_GiB}});
  for (std::size_t i = 0; i < tasks; ++i) {
    task_shape shape{.demand = {i % 8 == 0 ? 8_cores : 2_cores, 1_GiB}};
    const auto came = static_cast<std::int64_t>(i) * 100;
    out.tasks.push_back(
        {std::make_shared<const task_shape>(shape), came, came, came + 1'500});
  }
  out.unix_milliseconds = 1'000'000;
  return out;
}

struct bench {
  int looks = 0;
  int rounds = 0;
  std::vector<shadow_series> judged;
  std::string record;
  std::string trouble;
  std::shared_ptr<std::atomic<bool>> stop
      = std::make_shared<std::atomic<bool>>(false);
  std::unique_ptr<league_judge> judge;

  bench() {
    league_judge_options options;
    options.league.cpu_share = 1;
    options.league.when_idle = false;
    options.league.rules.episodes = 3;
    options.league.round_milliseconds = 10'000;
    options.look_at_cell = [this] { ++looks; };
    options.begin = [this](cell_history history) {
      ++rounds;
      return std::optional{league_role::round{
          .field = {"best-fit", "worst-fit"}, .history = std::move(history)}};
    };
    options.end = [this](const std::vector<shadow_series>& series,
                         const std::string& on, double) {
      judged = series;
      record = on;
    };
    options.trouble = [this](const std::string& why) { trouble = why; };
    options.stop = stop;
    judge = std::make_unique<league_judge>(std::move(options));
  }

  void work(std::int64_t from, int slices) {
    for (int i = 0; i < slices; ++i)
      (void)judge->work({from + i, from + i});
  }
};

} // namespace

TEST_CASE_FIXTURE(bench, "a round: look, judge slice by slice, tell, rest") {
  work(0, 3);
  CHECK(looks == 1); // It waits for the answer.
  judge->show(history_of(200));
  work(3, 20);
  CHECK(rounds == 1);
  REQUIRE(judged.size() == 2);
  CHECK(judged[0].episodes.size() == 3);
  CHECK(judged[0].episodes[0].decision_p99_us > 0);
  CHECK(record == "8 nodes, 200 tasks (200 have ended), cpu is scarce");
  work(100, 5);
  CHECK(looks == 1);
  work(10'000, 1);
  CHECK(looks == 2);
}

TEST_CASE_FIXTURE(bench, "a cell that does not answer is asked again") {
  work(0, 1);
  work(4'000, 1);
  CHECK(looks == 1);
  work(5'000, 1);
  CHECK(looks == 2);
}

TEST_CASE_FIXTURE(bench, "a record of no use is said to be") {
  work(0, 1);
  auto history = history_of(64);
  history.nodes.clear();
  judge->show(history);
  work(1, 3);
  CHECK(trouble != "");
  CHECK(judged.empty());
}

TEST_CASE_FIXTURE(bench, "once it is to stop it judges nothing") {
  work(0, 1);
  judge->show(history_of(200));
  work(1, 1);
  *stop = true;
  work(2, 20);
  CHECK(judged.empty());
}

TEST_CASE("a judge that never ends keeps nobody from rolling back") {
  // The role answers under its own lock while the judge is in a round, for
  // ever: promotions, the watchdog and the store do not need it.
  league_role_options options{.server = "a",
                              .league = {},
                              .shipped = to_proto("skerry", fgd_weights()),
                              .configured = policy_choice{"best-fit"}};
  options.league.rules.mode = league_mode::on;
  std::string rules;
  options.rule
      = [&](const policy_ruling& ruling) { rules = ruling.active.name; };
  outbox out;
  league_role role{options, policy_store{}, {}, out};
  std::mutex lock;
  std::atomic<bool> end = false;
  std::atomic<bool> hangs = false;
  std::jthread judge{[&] {
    {
      const std::lock_guard held{lock};
      outbox mine;
      cell_history history = history_of(100);
      (void)role.begin_round(std::move(history), {}, {}, mine);
    }
    hangs = true;
    while (!end)
      std::this_thread::yield();
  }};
  while (!hangs)
    std::this_thread::yield();
  {
    const std::lock_guard held{lock};
    v1::PolicyCommand command;
    command.mutable_promote()->set_name("skerry");
    command.mutable_promote()->set_at_once(true);
    CHECK(role.run(command, {}, out).error_code() == 0);
    CHECK(rules == "skerry");
    role.alarm({"skerry", "it hangs"}, {}, out);
    CHECK(rules == "best-fit");
  }
  end = true;
}

TEST_SUITE_END();
