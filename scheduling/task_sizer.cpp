#include "scheduling/task_sizer.hpp"

#include "scheduling/assert.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string_view>

namespace skerry {
namespace {

constexpr double mebibyte = 1 << 20;
/// Memory is given in whole ones: nobody reads bytes.
constexpr std::int64_t memory_step = 1 << 20;

std::int64_t rounded_up(double bytes) {
  return static_cast<std::int64_t>(std::ceil(bytes / memory_step))
         * memory_step;
}

std::string_view cause_of(size_proposal::why why) {
  using enum size_proposal::why;
  switch (why) {
  case fits:
    return ", which fits";
  case use:
  case throttled: // Told by its number.
    return "";
  case pressure:
    return ", and it waits for more";
  case killed:
    return ", and it was killed for want of more";
  case warm_up:
    return ", but it has not been watched for long";
  case back_off:
    return ", but its node has refused to make it smaller";
  }
  return "";
}

} // namespace

resize_policy shipped_resize_policy(resize_method method) {
  resize_policy out{.method = method, .parameters = {}};
  switch (method) {
  case resize_method::threshold:
    out.parameters = {0.694, 0.457, 1.88, 0.988, 0.125, 1.6};
    out.safety = 1.08;
    break;
  case resize_method::percentile:
    out.parameters = {492, 0.994, 0.016, 2.29};
    out.safety = 1.47;
    break;
  case resize_method::window_max:
    out.parameters = {136, 0.093, 1.18};
    out.safety = 1.45;
    break;
  case resize_method::window_sigma:
    out.parameters = {32, 102, 1.48, 0.106, 2.38};
    out.safety = 1.67;
    break;
  case resize_method::expected_cost:
    out.parameters = {785, 2, 15, 1.35, 1.59, 0.159, 2.07};
    out.safety = 4.41;
    break;
  case resize_method::ewma:
    out.parameters = {41.8, 4.12, 0.182, 2.44};
    out.safety = 1.63;
    break;
  default:
    out.parameters = starting_points_of(method, false).front();
  }
  return out;
}

std::string to_string(const size_proposal& proposal) {
  auto text = fmt::format("{:.2f} cores used", proposal.used_millicores / 1000);
  if (proposal.throttled >= 0.005)
    text += fmt::format(", throttled {:.0f} % of its time",
                        proposal.throttled * 100);
  text += cause_of(proposal.cpu);
  if (proposal.maximum_bytes > 0)
    text += fmt::format("; {:.0f} MiB at most{}",
                        static_cast<double>(proposal.maximum_bytes) / mebibyte,
                        cause_of(proposal.memory));
  return text;
}

task_sizer::task_sizer(const sizing_rules& rules, task_size least,
                       task_size most)
    : rules_{&rules}, least_{least}, most_{most}, cpu_{make_resizer(rules.cpu,
                                                                    {})} {
  SKERRY_ASSERT(least.cpu_millicores <= most.cpu_millicores
                && least.memory_bytes <= most.memory_bytes);
}

void task_sizer::see(const task_use& use) {
  const auto milliseconds
      = static_cast<double>(std::max<std::int64_t>(use.milliseconds, 1));
  milliseconds_ += milliseconds;
  used_ += milliseconds * static_cast<double>(use.cpu_millicores);
  throttled_ += milliseconds * use.throttled;
  pressure_ += milliseconds * use.memory_pressure;
  memory_ = std::max(memory_, use.memory_bytes);
  // A new record was set since the last look, between two samples.
  if (use.peak_memory_bytes > peak_) {
    peak_ = use.peak_memory_bytes;
    memory_ = std::max(memory_, peak_);
  }
  if (use.out_of_memory_kills > kills_)
    new_kills_ += use.out_of_memory_kills - kills_;
  kills_ = use.out_of_memory_kills;
}

std::optional<size_proposal> task_sizer::propose(const task_size& in_force) {
  if (milliseconds_ == 0)
    return {};
  ++intervals_;
  size_proposal out{.size = in_force,
                    .used_millicores = used_ / milliseconds_,
                    .throttled = throttled_ / milliseconds_};
  if (most_.cpu_millicores > 0 && in_force.cpu_millicores > 0)
    out.size.cpu_millicores = next_cpu(in_force.cpu_millicores, out);
  if (most_.memory_bytes > 0 && in_force.memory_bytes > 0)
    out.size.memory_bytes = next_memory(in_force.memory_bytes, out);
  milliseconds_ = used_ = throttled_ = pressure_ = 0;
  memory_ = 0;
  new_kills_ = 0;
  return out;
}

std::int64_t task_sizer::next_cpu(std::int64_t in_force, size_proposal& out) {
  const auto most = static_cast<double>(most_.cpu_millicores);
  const auto percent = [&](double millicores) {
    return std::clamp(millicores / most * 100, 0.0, 100.0);
  };
  const bool was_throttled = out.throttled > rules_->throttled_above;
  const usage_seen seen{.used_percent = percent(out.used_millicores),
                        .limit_percent
                        = std::max(1, static_cast<int>(std::lround(percent(
                                          static_cast<double>(in_force))))),
                        .throttled = was_throttled};
  const auto limit = cpu_->next_limit(seen);
  if (limit == seen.limit_percent)
    return in_force;
  const auto floor = std::max(static_cast<double>(least_.cpu_millicores),
                              std::ceil(out.used_millicores));
  const auto wanted = std::min(most_.cpu_millicores,
                               static_cast<std::int64_t>(std::max(
                                   floor, std::ceil(limit * most / 100))));
  if (wanted < in_force && intervals_ < rules_->warm_up) {
    out.cpu = size_proposal::why::warm_up;
    return in_force;
  }
  if (wanted != in_force)
    out.cpu = was_throttled && wanted > in_force ? size_proposal::why::throttled
                                                 : size_proposal::why::use;
  return wanted;
}

void task_sizer::remember(std::int64_t memory_bytes) {
  while (!maxima_.empty() && maxima_.front().second <= intervals_)
    maxima_.pop_front();
  while (!maxima_.empty() && maxima_.back().first <= memory_bytes)
    maxima_.pop_back();
  maxima_.emplace_back(memory_bytes, intervals_ + rules_->memory_window);
}

std::int64_t task_sizer::next_memory(std::int64_t in_force,
                                     size_proposal& out) {
  using enum size_proposal::why;
  auto used = memory_;
  auto reason = use;
  const auto have = static_cast<double>(in_force);
  const auto headroom = rules_->memory_headroom;
  if (new_kills_ > 0) {
    // How much it wanted, nobody knows; it stays known for the window.
    used = std::max(used, static_cast<std::int64_t>(have * rules_->after_kill
                                                    / (1 + headroom)));
    reason = killed;
  } else if (pressure_ / milliseconds_ > rules_->memory_pressure_above) {
    used = std::max(used, in_force);
    reason = pressure;
  }
  if (used == 0)
    return in_force; // It is not measured.
  remember(used);
  const auto maximum = static_cast<double>(maxima_.front().first);
  out.maximum_bytes = maxima_.front().first;
  const auto spare = std::max(
      maximum * headroom, static_cast<double>(rules_->least_headroom_bytes));
  const auto wanted = std::clamp(rounded_up(maximum + spare),
                                 least_.memory_bytes, most_.memory_bytes);
  // Half of the head-room may be used before there is more of it.
  if (wanted > in_force && maximum + spare / 2 > have) {
    out.memory = reason;
    return wanted;
  }
  if (static_cast<double>(wanted) >= have * (1 - rules_->memory_dead_band))
    return in_force;
  const bool known = intervals_ >= rules_->memory_window;
  if (!known || intervals_ < no_shrink_until_) {
    out.memory = known ? back_off : warm_up;
    return in_force;
  }
  out.memory = use;
  return wanted;
}

void task_sizer::shrink_refused() {
  back_off_ = std::clamp(2 * back_off_, rules_->first_back_off,
                         rules_->last_back_off);
  no_shrink_until_ = intervals_ + back_off_;
}

} // namespace skerry
