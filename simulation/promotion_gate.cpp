#include "simulation/promotion_gate.hpp"

#include <fmt/format.h>

#include <cmath>

namespace skerry {
namespace {

/// @returns Which figure is none; empty when all are.
std::string not_finite(const shadow_figures& of) {
  if (!std::isfinite(of.allocated_percent))
    return "allocated";
  if (!std::isfinite(of.unstarted_percent))
    return "unstarted";
  bool waits = std::isfinite(of.wait_p99_percent);
  for (std::size_t g = 0; g < task_groups; ++g)
    waits = waits && std::isfinite(of.group_wait_p99_percent[g])
            && std::isfinite(of.group_wait_percent[g]);
  return waits ? std::string{} : "wait";
}

std::string guard_fault(const shadow_figures& candidate,
                        const shadow_figures& ruling,
                        const gate_limits& limits) {
  const auto too_long = [&](double of, double before) {
    return of > before * (1 + limits.wait_share) + limits.wait_points;
  };
  const auto longer = [](std::string_view who, std::string_view what, double of,
                         double before) {
    return fmt::format("{} wait longer: {} {:.1f} % of an episode against "
                       "{:.1f} %",
                       who, what, of, before);
  };
  for (std::size_t g = 0; g < task_groups; ++g) {
    const auto who = fmt::format("{} tasks", task_group_names[g]);
    if (const auto wait = candidate.group_wait_p99_percent[g],
        before = ruling.group_wait_p99_percent[g];
        too_long(wait, before))
      return longer(who, "p99", wait, before);
    // p99 of a few large ones is the one that never starts, under any policy.
    if (const auto wait = candidate.group_wait_percent[g],
        before = ruling.group_wait_percent[g];
        too_long(wait, before))
      return longer(who, "mean", wait, before);
  }
  if (too_long(candidate.wait_p99_percent, ruling.wait_p99_percent))
    return longer("tasks", "p99", candidate.wait_p99_percent,
                  ruling.wait_p99_percent);
  if (candidate.unstarted_percent
      > ruling.unstarted_percent + limits.unstarted_points)
    return fmt::format("{:.2f} % of the tasks do not start, against {:.2f} %",
                       candidate.unstarted_percent, ruling.unstarted_percent);
  return {};
}

std::string too_slow(const shadow_figures& of, const gate_limits& limits) {
  if (of.decision_p99_us <= limits.decision_us)
    return {};
  return fmt::format("a decision takes {:.0f} us (p99), the limit is {:.0f}",
                     of.decision_p99_us, limits.decision_us);
}

} // namespace

result<> validate(const gate_limits& limits) {
  const auto fault = [](std::string text) {
    return error{error_code::invalid_argument, std::move(text)};
  };
  if (limits.fewest_episodes < 2)
    return fault("a gate needs 2 episodes or more");
  for (const auto limit :
       {limits.wait_share, limits.wait_points, limits.unstarted_points,
        limits.behind_heuristic_points})
    if (!(limit >= 0))
      return fault(fmt::format("a limit of {}, must be 0 or more", limit));
  if (!(limits.decision_us > 0))
    return fault("the limit of a decision's time must be above 0");
  return done{};
}

gate_verdict judge(const shadow_series& candidate, const shadow_series& ruling,
                   const shadow_series& heuristic, const gate_limits& limits) {
  gate_verdict out;
  for (const auto* each : {&candidate, &ruling, &heuristic})
    if (!each->trouble.empty()) {
      out.reason
          = fmt::format("{} cannot be run: {}", each->name, each->trouble);
      return out;
    }
  const auto count = candidate.episodes.size();
  if (count < limits.fewest_episodes || ruling.episodes.size() != count
      || heuristic.episodes.size() != count) {
    out.reason = fmt::format("{} episodes in common, {} are needed", count,
                             limits.fewest_episodes);
    return out;
  }
  const auto mean = mean_of(candidate.episodes);
  if (const auto what = not_finite(mean); !what.empty()) {
    out.reason = fmt::format("its figure {} is not finite", what);
    return out;
  }
  out.gain = paired_difference(candidate.objective(), ruling.objective());
  const auto gain = fmt::format("{:+.2f} +- {:.2f} points of {}", out.gain.mean,
                                out.gain.half_width, ruling.name);
  if (!(out.gain.mean - out.gain.half_width > 0)) {
    out.reason = fmt::format("not better for sure: {}", gain);
    return out;
  }
  out.reason = guard_fault(mean, mean_of(ruling.episodes), limits);
  if (out.reason.empty())
    out.reason = too_slow(mean, limits);
  if (const auto behind
      = paired_difference(candidate.objective(), heuristic.objective());
      out.reason.empty() && behind.mean < -limits.behind_heuristic_points)
    out.reason = fmt::format("{:+.2f} points of {}, the best heuristic",
                             behind.mean, heuristic.name);
  out.passes = out.reason.empty();
  out.reason = out.passes ? fmt::format("better: {}", gain)
                          : fmt::format("{} ({})", out.reason, gain);
  return out;
}

std::string unfit(const shadow_series& policy, const gate_limits& limits) {
  if (!policy.trouble.empty())
    return fmt::format("it cannot be run: {}", policy.trouble);
  if (policy.episodes.size() < limits.fewest_episodes)
    return {};
  const auto mean = mean_of(policy.episodes);
  if (const auto what = not_finite(mean); !what.empty())
    return fmt::format("its figure {} is not finite", what);
  return too_slow(mean, limits);
}

std::string behind(const shadow_series& ruling, const shadow_series& other,
                   const gate_limits& limits) {
  if (ruling.episodes.size() < limits.fewest_episodes
      || ruling.episodes.size() != other.episodes.size())
    return {};
  const auto ahead = paired_difference(ruling.objective(), other.objective());
  if (ahead.mean + ahead.half_width >= -limits.behind_heuristic_points)
    return {};
  return fmt::format("worse than {}: {:+.2f} +- {:.2f} points", other.name,
                     ahead.mean, ahead.half_width);
}

} // namespace skerry
