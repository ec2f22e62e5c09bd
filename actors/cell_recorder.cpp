#include "actors/cell_recorder.hpp"

#include <algorithm>
#include <iterator>
#include <limits>
#include <string_view>

namespace skerry {
namespace {

/// Whose choices cost little beside the policy's own.
constexpr std::string_view advisor_names[]{"first-fit", "best-fit-all"};

double seconds_between(std::int64_t from_ms, std::int64_t to_ms) {
  return from_ms > 0 && to_ms > from_ms
             ? static_cast<double>(to_ms - from_ms) / 1000
             : 0;
}

} // namespace

cell_recorder::cell_recorder(const experience_recorder_options& options,
                             const ledger& on, std::uint64_t policy_version)
    : on_{&on}, recorder_{options, on.nodes()}, policy_version_{
                                                    policy_version} {
  for (const auto name : advisor_names)
    advisors_.push_back(make_policy({name}, on.nodes(), {}).value());
}

void cell_recorder::decided(const mesh::v1::Award& award, shape_id shape,
                            const std::optional<placement>& chosen,
                            instant now) {
  if (!recorder_.wants(now.unix_milliseconds))
    return;
  std::vector<placement> advised;
  if (chosen)
    for (const auto& advisor : advisors_)
      if (const auto other = advisor->choose(shape))
        advised.push_back(*other);
  decided_task task{.id = award.task()};
  const auto& profile = award.profile();
  const auto expected = profile.expected_duration();
  task.facts = {.wait_seconds = seconds_between(
                    award.submitted_unix_milliseconds(), now.unix_milliseconds),
                .expected_run_seconds
                = static_cast<double>(expected.p50_milliseconds()) / 1000,
                .attempt = std::max<std::uint32_t>(award.attempt(), 1),
                .priority = profile.priority(),
                .tasks_running = on_->count(task_state::running)
                                 + on_->count(task_state::placed),
                .tasks_pending = on_->count(task_state::pending)};
  if (expected.p90_milliseconds() > 0)
    task.target_seconds
        = static_cast<double>(expected.p90_milliseconds()) / 1000;
  recorder_.decided(task, shape, chosen, advised, 1, policy_version_,
                    now.unix_milliseconds);
}

void cell_recorder::ended(const mesh::v1::AllocationRecord& record,
                          const v1::Outcome& outcome,
                          std::int64_t submitted_ms) {
  const auto started = outcome.started_unix_milliseconds();
  recorder_.ended(record.task(), std::max<std::uint32_t>(record.attempt(), 1),
                  {.wait_seconds
                   = static_cast<float>(seconds_between(submitted_ms, started)),
                   .run_seconds = static_cast<float>(seconds_between(
                       started, outcome.ended_unix_milliseconds())),
                   .finished = outcome.succeeded()});
}

void cell_recorder::tick(instant now, outbox& out) {
  auto complete = recorder_.take(now.unix_milliseconds);
  out.experiences.insert(out.experiences.end(),
                         std::make_move_iterator(complete.begin()),
                         std::make_move_iterator(complete.end()));
}

void cell_recorder::finish(instant now, outbox& out) {
  recorder_.cut(false);
  constexpr auto patience = std::numeric_limits<std::int64_t>::max() / 2;
  tick({now.steady_milliseconds, patience}, out);
}

} // namespace skerry
