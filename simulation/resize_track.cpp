#include "simulation/resize_track.hpp"

#include <algorithm>
#include <cmath>

namespace skerry {
namespace {

double percent_of(std::int64_t part, std::int64_t whole) {
  return whole == 0
             ? 0
             : 100 * static_cast<double>(part) / static_cast<double>(whole);
}

int whole_limit(double demand_percent) {
  const auto limit
      = limit_needed(std::clamp(demand_percent, 0.0, 100.0), tolerated_stretch);
  return std::clamp(static_cast<int>(std::ceil(limit)), least_limit_percent,
                    100);
}

} // namespace

double stretch_of(int demand_percent, int backlog_percent, int limit_percent) {
  const auto load = static_cast<double>(demand_percent + backlog_percent)
                    / static_cast<double>(limit_percent);
  const auto alone = 1 - std::min(demand_percent, 99) / 100.0;
  return alone / std::max(0.01, 1 - load);
}

resize_totals& resize_totals::operator+=(const resize_totals& other) {
  vm_intervals += other.vm_intervals;
  limits += other.limits;
  resizes += other.resizes;
  used += other.used;
  work += other.work;
  violating_work += other.violating_work;
  throttled_work += other.throttled_work;
  return *this;
}

double resize_totals::charged_reserve_percent() const {
  return percent_of(limits + resizes, vm_intervals) / 100;
}

double resize_totals::violation_percent() const {
  return percent_of(violating_work, work);
}

double resize_totals::throttled_work_percent() const {
  return percent_of(throttled_work, work);
}

double resize_totals::utilisation_percent() const {
  return percent_of(used, limits);
}

double resize_totals::resizes_per_vm_day() const {
  return percent_of(resizes, vm_intervals) / 100
         * static_cast<double>(intervals_per_day - warm_up_intervals);
}

double stretch_quantile(std::vector<stretched_work> work, double share) {
  std::ranges::sort(work, {}, &stretched_work::stretch);
  double total = 0;
  for (const auto& each : work)
    total += each.work;
  double so_far = 0;
  for (const auto& each : work) {
    so_far += each.work;
    if (so_far >= share * total && so_far > 0)
      return each.stretch;
  }
  return 1;
}

resize_totals run_vm_day(const vm_day& vm, const limit_choice& choose,
                         std::vector<stretched_work>* stretches) {
  resize_totals totals;
  usage_seen seen;
  int backlog = 0;
  for (std::size_t t = 0; t < intervals_per_day; ++t) {
    const auto before = seen.limit_percent;
    const auto chosen = t > 0 ? choose(t, seen) : 100;
    const bool scored = t >= warm_up_intervals;
    const auto limit = scored ? chosen : 100;
    const int demand = vm.demand_percent[t];
    const auto stretch = stretch_of(demand, backlog, limit);
    const auto used = std::min(limit, demand + backlog);
    backlog += demand - used;
    seen = {static_cast<double>(used), limit, backlog > 0};
    if (!scored)
      continue;
    ++totals.vm_intervals;
    totals.limits += limit;
    totals.resizes += limit != before;
    totals.used += used;
    totals.work += demand;
    if (seen.throttled)
      totals.throttled_work += demand;
    if (seen.throttled || stretch > tolerated_stretch)
      totals.violating_work += demand;
    if (stretches != nullptr)
      stretches->push_back({seen.throttled ? worst_stretch : stretch, demand});
  }
  return totals;
}

resize_totals run_resize_track(std::span<const resize_case> cases,
                               const resize_policy& policy,
                               std::vector<stretched_work>* stretches) {
  resize_totals totals;
  for (const auto& [vm, prior] : cases) {
    const auto chooser = make_resizer(policy, *prior);
    totals += run_vm_day(
        *vm,
        [&chooser](std::size_t /*t*/, const usage_seen& seen) {
          return chooser->next_limit(seen);
        },
        stretches);
  }
  return totals;
}

resize_totals run_hindsight(std::span<const resize_case> cases, hindsight what,
                            double safety,
                            std::vector<stretched_work>* stretches) {
  resize_totals totals;
  for (const auto& each : cases) {
    const auto& demand = each.vm->demand_percent;
    const auto peak = whole_limit(safety * *std::ranges::max_element(demand));
    totals += run_vm_day(
        *each.vm,
        [&](std::size_t t, const usage_seen& /*seen*/) {
          return what == hindsight::peak ? peak
                                         : whole_limit(safety * demand[t]);
        },
        stretches);
  }
  return totals;
}

} // namespace skerry
