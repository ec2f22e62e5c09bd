#include "simulation/experience_tap.hpp"

#include <limits>
#include <string_view>
#include <utility>

namespace skerry {
namespace {

constexpr std::string_view advisor_names[]{"fgd", "best-fit"};
constexpr auto ever = std::numeric_limits<std::int64_t>::max();

} // namespace

experience_tap::experience_tap(experience_recorder_options options,
                               experience_sink sink)
    : options_{std::move(options)}, sink_{std::move(sink)} {
  options_.patience_ms = ever / 2; // Longer than a run, shorter than ever.
}

void experience_tap::begin(const ledger& on, const policy_choice& policy,
                           std::span<const task_shape> workload) {
  on_ = &on;
  recorder_
      = std::make_unique<experience_recorder>(options_, on.nodes(), workload);
  advisors_.clear();
  for (const auto name : advisor_names)
    advisors_.push_back(
        make_policy({name}, on.nodes(), {.workload = workload}).value());
  policy_version_ = version_of(policy);
}

void experience_tap::decided(std::string_view task, profile_id profile,
                             const std::optional<placement>& chosen,
                             std::int64_t wait_milliseconds,
                             std::int64_t now_milliseconds) {
  if (!recorder_->wants(now_milliseconds))
    return;
  const auto& asked = on_->profile(profile);
  std::vector<placement> advised;
  if (chosen)
    for (const auto& advisor : advisors_)
      if (const auto other = advisor->choose(asked.shape))
        advised.push_back(*other);
  recorder_->decided(
      {.id = task,
       .facts = {.wait_seconds = static_cast<double>(wait_milliseconds) / 1000,
                 .tasks_running = on_->count(task_state::running)
                                  + on_->count(task_state::placed),
                 .tasks_pending = on_->count(task_state::pending)}},
      asked.shape, chosen, advised, 1, policy_version_, now_milliseconds);
  hand_on();
}

void experience_tap::ended(std::string_view task,
                           std::int64_t wait_milliseconds,
                           std::int64_t run_milliseconds) {
  const auto seconds = [](std::int64_t milliseconds) {
    return static_cast<float>(milliseconds) / 1000;
  };
  recorder_->ended(task, 1,
                   {.wait_seconds = seconds(wait_milliseconds),
                    .run_seconds = seconds(run_milliseconds),
                    .finished = true});
  hand_on();
}

void experience_tap::hand_on() {
  for (const auto& each : recorder_->take(0))
    sink_(each);
}

void experience_tap::finish() {
  recorder_->cut(true);
  for (const auto& each : recorder_->take(ever))
    sink_(each);
}

} // namespace skerry
