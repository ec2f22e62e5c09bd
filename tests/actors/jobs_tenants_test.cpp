#include "scheduling/rng.hpp"
#include "tests/actors/queue_world.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <map>

#include <doctest/doctest.h>

using namespace skerry;
using namespace skerry::testing;

TEST_SUITE_BEGIN("actors/jobs_tenants");

namespace {

constexpr std::int64_t minute = 60'000;

jobs_options with(std::vector<tenant_options> tenants) {
  jobs_options out;
  out.tenants = std::move(tenants);
  return out;
}

std::string tenant_of(const std::string& task) {
  return task.substr(0, task.find('-'));
}

/// Core seconds of two tenants that always have more to do, over an hour.
std::map<std::string, double> saturate(std::uint64_t seed, double weight_b) {
  queue_world world{with({{"a", 1, {}}, {"b", weight_b, {}}})};
  for (int i = 0; i < 10; ++i)
    world.add_node(fmt::format("n{}", i), 10);
  rng random{seed};
  std::map<std::string, double> cores;
  std::map<std::string, std::int64_t> began;
  world.on_start = [&](const std::string& task) { began[task] = world.now(); };
  world.on_end = [&](const std::string& task) {
    // After the first minutes, in which the cluster fills.
    if (began.at(task) >= 5 * minute)
      cores[tenant_of(task)]
          += static_cast<double>(world.now() - began.at(task)) / 1000;
  };
  // Both ask for about three times what there is; a in small jobs of short
  // tasks, b in large ones of long ones.
  int number = 0;
  for (std::int64_t now = 0; now < 60 * minute; now += minute) {
    for (int i = 0; i < 60; ++i)
      REQUIRE_FALSE(world.submit(work_of(
          fmt::format("a-{}", number++), 5,
          10'000 + static_cast<std::int64_t>(random.below(100'000)), "a")));
    REQUIRE_FALSE(world.submit(work_of(
        fmt::format("b-{}", number++), 150,
        60'000 + static_cast<std::int64_t>(random.below(120'000)), "b")));
    world.run_until(now + minute);
  }
  return cores;
}

} // namespace

TEST_CASE("two tenants of weights 1 and 3 get a quarter and three quarters") {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const auto cores = saturate(seed, 3);
    const auto share = cores.at("a") / (cores.at("a") + cores.at("b"));
    MESSAGE("seed ", seed, ": the tenant of weight 1 of 4 has had ",
            100 * share, " %");
    CHECK(share > 0.25 * 0.95);
    CHECK(share < 0.25 * 1.05);
  }
}

TEST_CASE("who is alone has all, and whoever comes is owed for the past") {
  queue_world world{with({})};
  world.add_node("n", 10);
  REQUIRE_FALSE(world.submit(work_of("a-1", 1000, minute, "a")));
  world.run_until(30 * minute);
  CHECK(world.owned().status("a-1")->running() == 10);
  // What has run is not stopped, but all that ends makes room for b.
  REQUIRE_FALSE(world.submit(work_of("b-1", 30, minute, "b")));
  world.run_until(32 * minute);
  // The mean of a over an hour's half-life is 29 %: with 3.5 of 10 cores its
  // charge is as large as that of b with 6.5.
  const auto running = world.owned().status("b-1")->running();
  CHECK(running >= 6);
  CHECK(running <= 7);
}

TEST_CASE("a quota is never exceeded, by whatever comes and goes") {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    queue_world world{
        with({{"a", 1, {{7'000, 0, 0}}}, {"b", 1, {{0, 9LL << 30, 0}}}}), 2};
    for (int i = 0; i < 4; ++i)
      world.add_node(fmt::format("n{}", i), 8, 64, i % 2);
    rng random{seed};
    std::vector<std::string> ids;
    for (int i = 0; i < 200; ++i) {
      const auto* tenant = random.below(2) == 0 ? "a" : "b";
      auto job
          = work_of(fmt::format("{}-{}", tenant, i),
                    1 + static_cast<std::uint32_t>(random.below(5)),
                    static_cast<std::int64_t>(random.below(30'000)), tenant);
      job.set_gang(random.below(3) == 0);
      auto& profile = *job.mutable_groups(0)->mutable_profile();
      profile.set_max_attempts(2);
      job.mutable_groups(0)->mutable_work()->mutable_simulated()->set_exit_code(
          random.below(5) == 0 ? 1 : 0);
      if (!world.submit(job))
        ids.push_back(job.id());
      if (!ids.empty() && random.below(10) == 0)
        world.cancel(ids[random.below(ids.size())]);
      world.run_until(world.now()
                      + static_cast<std::int64_t>(random.below(5'000)));
    }
    CHECK_FALSE(world.quota_was_exceeded);
    world.run_until(world.now() + 60 * minute);
    for (const auto& id : ids) {
      CAPTURE(id);
      CHECK(world.owned().status(id)->queued() == 0);
    }
  }
}

TEST_CASE("what is over the quota waits, what is larger is refused") {
  queue_world world{with({{"a", 1, {{2'000, 0, 0}}}})};
  world.add_node("n", 10);
  REQUIRE_FALSE(world.submit(work_of("a-1", 5, minute, "a")));
  world.run_until(1'000);
  CHECK(world.owned().status("a-1")->running() == 2);
  CHECK(world.task("a-1.task.4").waits_for()
        == "the quota of tenant a has no room for it now");
  auto large = work_of("a-2", 3, minute, "a");
  large.set_gang(true);
  const auto refused = world.submit(large);
  REQUIRE(refused);
  CHECK(refused->code == error_code::infeasible);
  CHECK(refused->message
        == "job a-2: group task: the gang asks for more than the quota of "
           "tenant a, so it could never start");
  // What may grow counts as if it had.
  auto elastic = work_of("a-3", 1, minute, "a");
  auto& profile = *elastic.mutable_groups(0)->mutable_profile();
  *profile.mutable_minimum() = profile.demand();
  *profile.mutable_maximum() = profile.demand();
  profile.mutable_maximum()->set_cpu_millicores(3'000);
  CHECK(world.submit(elastic));
}

TEST_CASE("a low priority starts in the end, whoever comes before it") {
  auto how = with({});
  how.age_milliseconds = 10 * minute;
  queue_world world{how};
  world.add_node("n", 1);
  std::int64_t started = -1;
  world.on_start = [&](const std::string& task) {
    if (task == "low-1.task.0")
      started = world.now();
  };
  // There is always one that came later and is of higher priority.
  REQUIRE_FALSE(world.submit(work_of("high-0", 1, 10'000, "x", 5)));
  REQUIRE_FALSE(world.submit(work_of("low-1", 1, 10'000, "y", 0)));
  for (int i = 1; started < 0 && world.now() < 120 * minute; ++i) {
    REQUIRE_FALSE(
        world.submit(work_of(fmt::format("high-{}", i), 1, 10'000, "x", 5)));
    world.run_until(world.now() + 10'000);
  }
  // Five priorities are worth 50 minutes, and ages are looked at every eighth
  // of ten minutes; then it is the turn of who is charged less.
  CHECK(started >= 50 * minute);
  CHECK(started <= 52 * minute);
}

TEST_CASE("new names do not keep an old tenant from its turn") {
  auto how = with({});
  how.age_milliseconds = 10 * minute;
  queue_world world{how};
  world.add_node("n", 1);
  // It has had all for an hour: every newcomer is charged less.
  REQUIRE_FALSE(world.submit(work_of("old-1", 1, 60 * minute, "old")));
  world.run_until(60 * minute);
  std::int64_t started = -1;
  world.on_start = [&](const std::string& task) {
    if (task == "old-2.task.0")
      started = world.now();
  };
  REQUIRE_FALSE(world.submit(work_of("old-2", 1, 10'000, "old")));
  for (int i = 0; started < 0 && world.now() < 240 * minute; ++i) {
    const auto id = fmt::format("new{}-1", i);
    REQUIRE_FALSE(world.submit(work_of(id, 1, 10'000, tenant_of(id))));
    world.run_until(world.now() + 10'000);
  }
  CHECK(started >= 0);
  CHECK(started <= 72 * minute);
}
