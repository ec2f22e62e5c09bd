#include "actors/league_judge.hpp"

#include "actors/idle_thread.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace skerry {
namespace {

/// Between two looks whether something is to be done.
constexpr std::int64_t idle_milliseconds = 50;
/// A cell that has not answered is asked again.
constexpr std::int64_t patience_milliseconds = 5'000;
/// A thread that was held up is not late for long.
constexpr double longest_pause_seconds = 1;

std::uint64_t cpu_nanoseconds() {
  return static_cast<std::uint64_t>(own_cpu_seconds() * 1e9);
}

} // namespace

void league_judge::show(cell_history history) {
  const std::lock_guard lock{mutex_};
  shown_ = std::move(history);
}

std::optional<cell_history> league_judge::take_shown() {
  const std::lock_guard lock{mutex_};
  return std::exchange(shown_, std::nullopt);
}

std::int64_t league_judge::work(instant now) {
  if (!std::exchange(lowered_, true) && options_.league.when_idle)
    run_when_idle();
  if (options_.stop && *options_.stop)
    return 1'000;
  if (!judging_)
    return wait_for_history(now);
  const auto wall = wall_seconds();
  const auto cpu = own_cpu_seconds();
  if (!judging_->step(options_.stop.get())
      && !(options_.stop && *options_.stop)) {
    options_.end(judging_->series(), record_, own_cpu_seconds());
    judging_.reset();
  }
  const auto used = own_cpu_seconds() - cpu;
  const auto pause = used / options_.league.cpu_share - (wall_seconds() - wall);
  return static_cast<std::int64_t>(
      std::ceil(std::clamp(pause, 0.0, longest_pause_seconds) * 1000));
}

std::int64_t league_judge::wait_for_history(instant now) {
  if (auto history = take_shown()) {
    looking_ = false;
    begin(*std::move(history));
    return 0;
  }
  const auto time = now.steady_milliseconds;
  if (looking_ ? time >= look_again_at_ : time >= next_round_at_) {
    if (!looking_)
      next_round_at_ = time + options_.league.round_milliseconds;
    looking_ = true;
    look_again_at_ = time + patience_milliseconds;
    options_.look_at_cell();
  }
  return idle_milliseconds;
}

void league_judge::begin(cell_history history) {
  auto round = options_.begin(std::move(history));
  if (!round)
    return;
  auto record = record_of(std::move(round->history));
  const auto ended = std::ranges::count_if(record.tasks, &recorded_task::ended);
  const auto tasks = record.tasks.size();
  auto episodes
      = shadow_episodes::make(std::move(record), options_.league.episodes);
  if (!episodes)
    return options_.trouble(episodes.failure().message);
  record_ = fmt::format("{} nodes, {} tasks ({} have ended), {} is scarce",
                        episodes->nodes(), tasks, ended,
                        metered_names[index_of(episodes->demand().scarcest())]);
  judging_ = std::make_unique<shadow_evaluation>(
      std::make_shared<const shadow_episodes>(*std::move(episodes)),
      std::move(round->field), options_.league.rules.episodes, round->seed,
      cpu_nanoseconds);
}

} // namespace skerry
