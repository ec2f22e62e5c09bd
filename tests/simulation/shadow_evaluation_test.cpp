#include "simulation/shadow_evaluation.hpp"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include <doctest/doctest.h>

using namespace skerry;
using namespace skerry::literals;

TEST_SUITE_BEGIN("simulation/shadow_evaluation");

namespace {

/// Nodes of eight GPUs and tasks of 1, 2 and 8, for a second to a minute.
cell_record gpu_record(std::size_t tasks) {
  cell_record out;
  for (int n = 0; n < 12; ++n) {
    node_spec node{fmt::format("n{}", n), {64_cores, 256_GiB}};
    node.devices.assign(8, {.model = "A100"});
    out.nodes.push_back(std::move(node));
  }
  rng random{7};
  for (std::size_t i = 0; i < tasks; ++i) {
    const int gpus = std::array{1, 1, 1, 2, 8}[random.below(5)];
    recorded_task task{.shape = {.demand = {2_cores, 4_GiB}}};
    task.shape.devices = {{.count = gpus}};
    task.arrival_milliseconds = static_cast<std::int64_t>(i) * 500;
    task.run_milliseconds
        = static_cast<std::int64_t>(random.below(59'000)) + 1'000;
    task.ended = i % 4 != 0;
    out.tasks.push_back(std::move(task));
  }
  return out;
}

int class_of_task(const queueing_profile& profile) {
  const auto gpus = profile.profile.shape.devices[0].count;
  return gpus > 1 ? 2 : 1;
}

std::shared_ptr<const shadow_episodes> episodes_of(cell_record record) {
  auto made = shadow_episodes::make(std::move(record), {});
  REQUIRE(made);
  return std::make_shared<const shadow_episodes>(*std::move(made));
}

} // namespace

TEST_CASE("an episode follows from its seed, and others differ") {
  const auto of = episodes_of(gpu_record(400));
  CHECK(of->demand().scarcest() == metered::gpu);
  const auto a = of->draw(1);
  CHECK(a.arrivals == of->draw(1).arrivals);
  CHECK(a.arrivals != of->draw(2).arrivals);
  CHECK(a.classes == task_groups);
  CHECK(a.end_milliseconds > 0);
  // Residents come at 0, and hold no more than one task beyond the GPUs.
  std::int64_t gpus = 0;
  for (const auto& arrival : a.arrivals)
    if (arrival.time_milliseconds == 0)
      gpus += a.profiles[arrival.profile].profile.shape.devices[0].count;
  CHECK(gpus > 12 * 8 * 0.75);
  CHECK(gpus < 12 * 8 + 16);
}

TEST_CASE("large tasks are a group of their own, whatever their class") {
  const auto episode = episodes_of(gpu_record(400))->draw(1);
  for (const auto& [profile, group] : episode.profiles) {
    const auto gpus = profile.shape.devices[0].count;
    // 1, 1, 1, 2 and 8 have a mean of 2.6; large is from 3.9.
    CHECK(task_group_names[group]
          == (gpus == 8   ? "large"
              : gpus == 2 ? "several-gpus"
                          : "one-gpu"));
  }
}

TEST_CASE("the load offered is within its bounds") {
  shadow_episode_options options;
  options.lowest_load = options.highest_load = 1;
  const auto of = shadow_episodes::make(gpu_record(2'000), options);
  REQUIRE(of);
  double sum = 0;
  constexpr int draws = 40;
  for (std::uint64_t seed = 0; seed < draws; ++seed) {
    const auto episode = of->draw(seed);
    double work = 0;
    for (const auto& arrival : episode.arrivals)
      if (arrival.time_milliseconds > 0)
        work += static_cast<double>(
            arrival.run_milliseconds
            * episode.profiles[arrival.profile].profile.shape.devices[0].count);
    sum += work
           / static_cast<double>(
               episode.end_milliseconds
               * static_cast<std::int64_t>(episode.nodes.size()) * 8);
  }
  // Blocks of 16 that are not quite the mix: some per cent.
  CHECK(sum / draws == doctest::Approx(1).epsilon(0.05));
}

TEST_CASE("equal policies get equal figures, better ones higher") {
  shadow_evaluation of{
      episodes_of(gpu_record(400)),
      {"first-fit", {"twin", first_fit_weights()}, "worst-fit"},
      20,
      1};
  while (of.step()) {
  }
  const auto& series = of.series();
  REQUIRE(series[0].episodes.size() == 20);
  CHECK(series[0].episodes == series[1].episodes);
  // Worst-fit leaves no node empty for the tasks of 8 GPUs.
  CHECK(mean_of(series[0].episodes).allocated_percent
        > mean_of(series[2].episodes).allocated_percent);
  constexpr auto large = task_groups - 1;
  CHECK(mean_of(series[0].episodes).group_wait_p99_percent[large]
        < mean_of(series[2].episodes).group_wait_p99_percent[large]);
}

TEST_CASE("a policy that cannot be made is in trouble, and the others go on") {
  auto poisoned = first_fit_weights();
  poisoned.of[0][0] = std::numeric_limits<double>::quiet_NaN();
  shadow_evaluation of{
      episodes_of(gpu_record(200)), {{"poisoned", poisoned}, "best-fit"}, 2, 1};
  while (of.step()) {
  }
  CHECK(of.series()[0].trouble != "");
  CHECK(of.series()[0].episodes.empty());
  CHECK(of.series()[1].episodes.size() == 2);
}

TEST_CASE("a run that is stopped does not count") {
  shadow_evaluation of{episodes_of(gpu_record(200)), {"best-fit"}, 2, 1};
  const std::atomic<bool> stop = true;
  CHECK_FALSE(of.step(&stop));
  CHECK(of.series()[0].episodes.empty());
}

TEST_CASE("a record without a task that fits is not enough") {
  auto record = gpu_record(3);
  for (auto& task : record.tasks)
    task.shape.devices[0].count = 9;
  CHECK(shadow_episodes::make(std::move(record), {}).failure().code
        == error_code::insufficient);
  CHECK(shadow_episodes::make({}, {}).failure().code
        == error_code::insufficient);
}

TEST_CASE("tasks that still run are given the run time of longer ones") {
  auto record = gpu_record(50);
  for (auto& task : record.tasks) {
    task.run_milliseconds = 5'000;
    task.ended = false;
  }
  record.tasks.front().run_milliseconds = 90'000;
  record.tasks.front().ended = true;
  record.tasks.front().shape = record.tasks[1].shape;
  const auto episode = episodes_of(record)->draw(3);
  std::vector<std::int64_t> unknown;
  for (const auto& arrival : episode.arrivals) {
    const auto of = class_of_task(episode.profiles[arrival.profile]);
    if (arrival.time_milliseconds > 0
        && of == class_of_task(episode.profiles[0]))
      CHECK(arrival.run_milliseconds == 90'000);
    else if (arrival.time_milliseconds > 0)
      unknown.push_back(arrival.run_milliseconds);
  }
  REQUIRE(unknown.size() > 20);
  std::ranges::sort(unknown);
  // Twice as long as so far, more or less.
  CHECK(unknown.front() >= 5'000);
  CHECK(unknown[unknown.size() / 2] > 6'000);
  CHECK(unknown[unknown.size() / 2] < 20'000);
  CHECK(unknown.back() <= 40'000);
}

TEST_CASE("an episode is as full as the cell, within its bounds") {
  const auto load_at = [](double share) {
    auto record = gpu_record(400);
    record.in_use[index_of(metered::gpu)]
        = static_cast<std::int64_t>(share * 12 * 8 * 1000);
    double sum = 0;
    constexpr int draws = 40;
    const auto of = episodes_of(std::move(record));
    for (std::uint64_t seed = 0; seed < draws; ++seed) {
      const auto episode = of->draw(seed);
      for (const auto& arrival : episode.arrivals)
        if (arrival.time_milliseconds == 0)
          sum += episode.profiles[arrival.profile]
                     .profile.shape.devices[0]
                     .count
                 / static_cast<double>(episode.nodes.size()) / 8;
    }
    return sum / draws;
  };
  // Whole tasks: the last is up to eight GPUs of 96 too many.
  CHECK(load_at(0.3) == doctest::Approx(0.72).epsilon(0.05));
  CHECK(load_at(0.9) == doctest::Approx(0.92).epsilon(0.05));
}

TEST_SUITE_END();
