#include "scheduling/task_sizer.hpp"

#include <cstdint>
#include <optional>

#include <doctest/doctest.h>

using namespace skerry;

TEST_SUITE_BEGIN("scheduling/task_sizer");

namespace {

constexpr std::int64_t mebi = std::int64_t{1} << 20;
constexpr task_size least{100, 64 * mebi};
constexpr task_size most{4'000, 1'024 * mebi};

/// The last interval's use decides, whatever came before.
sizing_rules simple_rules() {
  sizing_rules rules;
  rules.cpu = {.method = resize_method::window_max,
               .parameters = {1, 0.1, 2}, // Window, dead band, boost.
               .stretch = 2};
  rules.warm_up = 3;
  rules.memory_window = 5;
  rules.least_headroom_bytes = mebi;
  return rules;
}

struct watched {
  sizing_rules rules = simple_rules();
  task_sizer sizer{rules, least, most};
  task_size size = most;

  size_proposal pass(task_use use) {
    use.milliseconds = use.milliseconds == 0 ? 1'000 : use.milliseconds;
    sizer.see(use);
    const auto proposal = sizer.propose(size);
    REQUIRE(proposal);
    CHECK(proposal->size.cpu_millicores >= least.cpu_millicores);
    CHECK(proposal->size.cpu_millicores <= most.cpu_millicores);
    CHECK(proposal->size.memory_bytes >= least.memory_bytes);
    CHECK(proposal->size.memory_bytes <= most.memory_bytes);
    return *proposal;
  }
  /// Until it may be made smaller.
  void warm_up(const task_use& use, std::uint32_t intervals = 3) {
    for (std::uint32_t i = 1; i < intervals; ++i)
      (void)pass(use);
  }
};

} // namespace

TEST_CASE("CPU follows use through the stretch, after a warm-up") {
  watched w;
  const task_use use{.cpu_millicores = 800};
  CHECK(w.pass(use).size == most);
  const auto early = w.pass(use);
  CHECK(early.size == most);
  CHECK(early.cpu == size_proposal::why::warm_up);
  // 20 % of the most need 20 / (1 - 80 % / 2) = 33.3 %: 34 % of 4 cores.
  const auto late = w.pass(use);
  CHECK(late.size.cpu_millicores == 1'360);
  CHECK(late.cpu == size_proposal::why::use);
  CHECK(to_string(late) == "0.80 cores used");
}

TEST_CASE("growth does not wait for the warm-up") {
  watched w;
  w.size = {1'000, 1'024 * mebi};
  const auto grown = w.pass({.cpu_millicores = 900});
  CHECK(grown.size.cpu_millicores > 1'000);
  // Throttled hides how much it wants: at least twice as much, says the boost.
  const auto boosted = w.pass({.cpu_millicores = 400, .throttled = 0.3});
  CHECK(boosted.size.cpu_millicores == 2'000);
  CHECK(boosted.cpu == size_proposal::why::throttled);
  CHECK(to_string(boosted) == "0.40 cores used, throttled 30 % of its time");
}

TEST_CASE("short bursts do not count as throttled") {
  watched w;
  w.warm_up({.cpu_millicores = 400});
  w.size.cpu_millicores = 1'000;
  const auto proposal = w.pass({.cpu_millicores = 400, .throttled = 0.1});
  CHECK(proposal.size.cpu_millicores < 1'000);
}

TEST_CASE("uses of one interval are weighted by their time") {
  watched w;
  w.sizer.see({.milliseconds = 3'000, .cpu_millicores = 1'000});
  const auto proposal
      = w.pass({.milliseconds = 1'000, .cpu_millicores = 2'000});
  CHECK(proposal.used_millicores == doctest::Approx(1'250));
}

TEST_CASE("an interval without news is no sign of idleness") {
  watched w;
  w.warm_up({.cpu_millicores = 800});
  CHECK(!w.sizer.propose(w.size));
}

TEST_CASE("a size between two hundredths stays when it fits") {
  watched w;
  w.warm_up({.cpu_millicores = 800});
  w.size.cpu_millicores = 1'371; // 34.3 %.
  CHECK(w.pass({.cpu_millicores = 800}).size.cpu_millicores == 1'371);
}

TEST_CASE("memory is the maximum of a window and its head-room") {
  watched w;
  w.warm_up({.memory_bytes = 200 * mebi}, 4);
  const auto early = w.pass({.memory_bytes = 200 * mebi});
  CHECK(early.size.memory_bytes == most.memory_bytes); // It is not full.
  CHECK(early.memory == size_proposal::why::warm_up);
  for (int i = 0; i < 4; ++i)
    CHECK(w.pass({.memory_bytes = 100 * mebi}).size.memory_bytes == 250 * mebi);
  // Five intervals after the last of 200 MiB.
  CHECK(w.pass({.memory_bytes = 100 * mebi}).size.memory_bytes == 125 * mebi);
}

TEST_CASE("memory that half uses its head-room gets more") {
  watched w;
  w.size.memory_bytes = 250 * mebi;
  CHECK(w.pass({.memory_bytes = 220 * mebi}).size.memory_bytes == 250 * mebi);
  CHECK(w.pass({.memory_bytes = 230 * mebi}).size.memory_bytes == 288 * mebi);
}

TEST_CASE("a peak between two looks counts once") {
  watched w;
  w.warm_up({.memory_bytes = 100 * mebi, .peak_memory_bytes = 400 * mebi}, 5);
  CHECK(w.pass({.memory_bytes = 100 * mebi, .peak_memory_bytes = 400 * mebi})
            .size.memory_bytes
        == 500 * mebi);
  CHECK(w.pass({.memory_bytes = 100 * mebi, .peak_memory_bytes = 400 * mebi})
            .size.memory_bytes
        == 125 * mebi);
}

TEST_CASE("after a kill for want of memory there is half as much again") {
  watched w;
  w.size.memory_bytes = 200 * mebi;
  const auto killed
      = w.pass({.memory_bytes = 50 * mebi, .out_of_memory_kills = 1});
  CHECK(killed.size.memory_bytes == 300 * mebi);
  CHECK(killed.memory == size_proposal::why::killed);
  // It is remembered for the window, and told once.
  w.size.memory_bytes = 300 * mebi;
  const auto after
      = w.pass({.memory_bytes = 50 * mebi, .out_of_memory_kills = 1});
  CHECK(after.size.memory_bytes == 300 * mebi);
  CHECK(after.memory == size_proposal::why::fits);
}

TEST_CASE("a task that waits for memory gets more") {
  watched w;
  w.size.memory_bytes = 200 * mebi;
  const auto more
      = w.pass({.memory_bytes = 150 * mebi, .memory_pressure = 0.5});
  CHECK(more.size.memory_bytes == 250 * mebi);
  CHECK(more.memory == size_proposal::why::pressure);
}

TEST_CASE("a refused shrink is not tried again for longer and longer") {
  watched w;
  const task_use use{.memory_bytes = 100 * mebi};
  w.warm_up(use, 5);
  REQUIRE(w.pass(use).size.memory_bytes == 125 * mebi);
  const auto tries_after = [&] {
    w.sizer.shrink_refused();
    int intervals = 1;
    while (w.pass(use).memory == size_proposal::why::back_off)
      ++intervals;
    return intervals;
  };
  CHECK(tries_after() == 4);
  CHECK(tries_after() == 8);
}

TEST_CASE("what is not measured and what has no limit stays") {
  watched w;
  w.warm_up({});
  CHECK(w.pass({}).size.memory_bytes == most.memory_bytes);
  const auto rules = simple_rules();
  task_sizer only_cpu{rules, {100, 0}, {4'000, 0}};
  for (int i = 0; i < 3; ++i)
    only_cpu.see({.milliseconds = 1, .memory_bytes = mebi});
  const auto proposal = only_cpu.propose({4'000, 0});
  REQUIRE(proposal);
  CHECK(proposal->size.memory_bytes == 0);
}

TEST_CASE("the shipped policies have the parameters of their methods") {
  for (const auto method : all_resize_methods()) {
    const auto policy = shipped_resize_policy(method);
    const auto known = parameters_of(method, false);
    REQUIRE(policy.parameters.size() == known.size());
    for (std::size_t i = 0; i < known.size(); ++i) {
      CHECK(policy.parameters[i] >= known[i].lower);
      CHECK(policy.parameters[i] <= known[i].upper);
    }
  }
}

TEST_SUITE_END();
