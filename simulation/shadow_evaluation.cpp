#include "simulation/shadow_evaluation.hpp"

#include "scheduling/fnv.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace skerry {
namespace {

/// Arrivals and departures between two looks at the flag: some 0.5 ms.
constexpr int between_looks = 64;

double percent(double part, double of) {
  return of > 0 ? 100 * part / of : 0;
}

shadow_figures figures_of(const queueing_report& report,
                          const queueing_workload& episode,
                          const pressure& demand) {
  const auto seconds = static_cast<double>(episode.end_milliseconds) / 1000;
  shadow_figures out;
  out.allocated_percent
      = 100 * demand.share_of(report.all.mean_allocated, report.capacity);
  out.unstarted_percent
      = percent(static_cast<double>(report.all.pending_at_end),
                static_cast<double>(report.all.submitted));
  out.wait_p99_percent = percent(report.all.wait_seconds.p99, seconds);
  for (std::size_t g = 0; g < task_groups; ++g) {
    const auto& waits = report.classes[g].wait_seconds;
    out.group_wait_p99_percent[g] = percent(waits.p99, seconds);
    out.group_wait_percent[g] = percent(waits.mean, seconds);
  }
  out.decision_p99_us = report.decision_times.p99_us;
  return out;
}

/// Neighbouring seeds give unlike episodes.
std::uint64_t seed_of(std::uint64_t seed, std::size_t episode) {
  return fnv1a{}.text(fmt::format("{}/{}", seed, episode)).value();
}

} // namespace

std::vector<double> shadow_series::objective() const {
  std::vector<double> out;
  for (const auto& each : episodes)
    out.push_back(each.allocated_percent);
  return out;
}

shadow_figures mean_of(const std::vector<shadow_figures>& episodes) {
  shadow_figures sum;
  const auto share
      = episodes.empty() ? 0 : 1.0 / static_cast<double>(episodes.size());
  for (const auto& each : episodes) {
    sum.allocated_percent += share * each.allocated_percent;
    sum.unstarted_percent += share * each.unstarted_percent;
    sum.wait_p99_percent += share * each.wait_p99_percent;
    for (std::size_t g = 0; g < task_groups; ++g) {
      sum.group_wait_p99_percent[g] += share * each.group_wait_p99_percent[g];
      sum.group_wait_percent[g] += share * each.group_wait_percent[g];
    }
    sum.decision_p99_us += share * each.decision_p99_us;
  }
  return sum;
}

shadow_evaluation::shadow_evaluation(std::shared_ptr<const shadow_episodes> of,
                                     std::vector<policy_choice> field,
                                     std::size_t episodes, std::uint64_t seed,
                                     clock_ns now)
    : of_{std::move(of)}, field_{std::move(field)}, episodes_{episodes},
      seed_{seed}, now_{std::move(now)} {
  for (const auto& policy : field_)
    series_.push_back({.name = policy.name, .episodes = {}, .trouble = {}});
}

bool shadow_evaluation::step(const std::atomic<bool>* stop) {
  if (episode_ == episodes_ || field_.empty() || (stop != nullptr && *stop))
    return false;
  if (policy_ == 0)
    drawn_ = of_->draw(seed_of(seed_, episode_));
  if (series_[policy_].trouble.empty())
    run(policy_, stop);
  if (++policy_ == field_.size()) {
    policy_ = 0;
    ++episode_;
  }
  return true;
}

void shadow_evaluation::run(std::size_t policy, const std::atomic<bool>* stop) {
  auto& series = series_[policy];
  queueing_cluster cluster{drawn_, now_};
  if (auto ok = cluster.prepare(field_[policy], seed_, placement_search::index);
      !ok) {
    series.trouble = ok.failure().message;
    return series.episodes.clear();
  }
  int left = between_looks;
  while (cluster.step())
    if (--left == 0) {
      if (stop != nullptr && *stop)
        return;
      left = between_looks;
    }
  series.episodes.push_back(
      figures_of(cluster.report(), drawn_, of_->demand()));
}

} // namespace skerry
