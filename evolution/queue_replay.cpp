#include "evolution/queue_replay.hpp"

#include "evolution/queue_machine.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace skerry {
namespace {

/// Lets a policy choose heads for a machine.
class policy_chooser {
public:
  policy_chooser(std::span<const queued_job> jobs,
                 std::span<const std::int64_t> run_seconds,
                 std::int64_t processors, queue_policy& policy)
      : jobs_{jobs}, run_seconds_{run_seconds},
        processors_{processors}, policy_{policy}, slowdowns_(jobs.size()) {}

  void arrived(std::uint32_t job) { policy_.submitted(jobs_[job]); }

  void started(std::uint32_t job, std::int64_t now_seconds) {
    running_.push_back({jobs_[job], now_seconds});
    slowdowns_[job] = bounded_slowdown(now_seconds - jobs_[job].submit_seconds,
                                       run_seconds_[job]);
  }

  void ended(std::uint32_t job) {
    std::erase_if(running_, [&](const running_job& running) {
      return running.job.number == jobs_[job].number;
    });
    policy_.ended(jobs_[job], run_seconds_[job]);
  }

  std::uint32_t choose(queue_machine& machine) {
    const auto waiting = machine.waiting();
    waiting_.clear();
    for (const auto job : waiting)
      waiting_.push_back(jobs_[job]);
    return waiting[policy_.choose({machine.now_seconds(), processors_,
                                   machine.free_processors(), waiting_,
                                   running_})];
  }

  std::vector<double> slowdowns() && { return std::move(slowdowns_); }

private:
  std::span<const queued_job> jobs_;
  std::span<const std::int64_t> run_seconds_; ///< By job.
  std::int64_t processors_;
  queue_policy& policy_;
  std::vector<queued_job> waiting_;
  std::vector<running_job> running_;
  std::vector<double> slowdowns_; ///< By job.
};

} // namespace

std::vector<double> replay(std::span<const recorded_job> jobs,
                           std::int64_t processors, backfilling backfill,
                           queue_policy& policy) {
  std::vector<queued_job> queued;
  std::vector<std::int64_t> run_seconds;
  std::vector<machine_job> played;
  for (const auto& [job, run] : jobs) {
    if (run == 0)
      continue;
    queued.push_back(job);
    run_seconds.push_back(run);
    played.push_back(
        {job.submit_seconds, job.requested_seconds, run, job.processors});
  }
  queue_machine machine{backfill};
  policy_chooser chooser{queued, run_seconds, processors, policy};
  machine.play({.free_processors = processors}, played, chooser);
  return std::move(chooser).slowdowns();
}

} // namespace skerry
