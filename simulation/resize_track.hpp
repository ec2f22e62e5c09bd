#pragma once

#include "scheduling/resize_policy.hpp"
#include "simulation/planetlab_reader.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace skerry {

/// The first two hours of a day run at the full flavour and are not scored.
inline constexpr std::size_t warm_up_intervals = 24;
/// Work that was stretched more than this, or throttled, is in violation.
inline constexpr double tolerated_stretch = 5;
/// The largest stretch there is; throttled work counts with it.
inline constexpr double worst_stretch = 100;

/// Response time in an interval, against that of the same VM under its full
/// flavour: processor sharing at the load (demand + backlog) / limit.
/// @returns In [.., worst_stretch]; the worst where the limit does not suffice.
double stretch_of(int demand_percent, int backlog_percent, int limit_percent);

/// Sums over scored intervals, in percent of a flavour times intervals.
struct resize_totals {
  std::int64_t vm_intervals = 0;
  std::int64_t limits = 0;
  std::int64_t resizes = 0; ///< Each costs 1 % for an interval.
  std::int64_t used = 0;
  std::int64_t work = 0; ///< Arriving demand.
  std::int64_t violating_work = 0;
  std::int64_t throttled_work = 0;

  resize_totals& operator+=(const resize_totals& other);

  /// Mean of the limits and of what changing them has cost, in % of the
  /// flavour: the figure to be lowered.
  double charged_reserve_percent() const;
  /// Share of the work in violation, in %.
  double violation_percent() const;
  double throttled_work_percent() const;
  double utilisation_percent() const; ///< Use of what was reserved.
  double resizes_per_vm_day() const;
};

/// Work by how it was stretched.
struct stretched_work {
  double stretch = 1;
  int work = 0;
};

/// The stretch that `share` of the work does not exceed; 1 without work.
/// @cost O(n log n).
double stretch_quantile(std::vector<stretched_work> work, double share);

/// Chooses the limit of interval `t` after what was seen in the one before.
/// Called for each but the first; in the warm-up its choice has no effect.
using limit_choice = std::function<int(std::size_t t, const usage_seen& seen)>;

/// One VM through its day.
///
///     used <- min(limit, demand + backlog); the rest is the new backlog
///     throttled if there is any; violation if throttled or stretched too far
///
/// @param stretches Gets the scored work, unless null.
resize_totals run_vm_day(const vm_day& vm, const limit_choice& choose,
                         std::vector<stretched_work>* stretches = nullptr);

/// A VM and what is known of it from other days.
struct resize_case {
  const vm_day* vm = nullptr;
  const usage_prior* prior = nullptr;
};

/// All under one policy, each by itself.
resize_totals run_resize_track(std::span<const resize_case> cases,
                               const resize_policy& policy,
                               std::vector<stretched_work>* stretches
                               = nullptr);

/// What no policy can know, as a yardstick: one limit for the whole day, by the
/// largest demand times `safety`; or each interval's demand beforehand.
enum class hindsight : std::uint8_t { peak, clairvoyant };
resize_totals run_hindsight(std::span<const resize_case> cases, hindsight what,
                            double safety,
                            std::vector<stretched_work>* stretches = nullptr);

} // namespace skerry
