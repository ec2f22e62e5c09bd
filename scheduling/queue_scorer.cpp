#include "scheduling/queue_scorer.hpp"

#include "scheduling/assert.hpp"
#include "scheduling/fnv.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>

namespace skerry {
namespace {

constexpr std::array<queue_feature_info, queue_feature_count> table{{
    {"log-requested", "r = ln(requested seconds, at least 10) / 10"},
    {"log-processors", "p = ln(processors) / 5"},
    {"log-requested^2", "r * r"},
    {"log-processors^2", "p * p"},
    {"log-requested*log-processors", "r * p"},
    {"log-requested^3", "r * r * r"},
    {"share", "processors / processors of the machine"},
    {"log-requested*share", "r * share"},
    {"log-wait", "w = ln(1 + seconds waited) / 10"},
    {"log-requested*log-wait", "r * w"},
    {"log-slowdown", "s = ln(1 + seconds waited / requested, at least 10) / 5"},
    {"log-slowdown^2", "s * s"},
    {"log-requested*log-slowdown", "r * s"},
    {"log-processors*log-slowdown", "p * s"},
    {"fits", "1 if the job could start now, else 0"},
    {"log-requested*fits", "r * fits"},
    {"log-until-free",
     "u = ln(1 + seconds until it could start, as requested) / 10"},
    {"log-requested*log-until-free", "r * u"},
    {"log-requested*crowd", "r * ln(jobs waiting) / 5"},
    {"log-processors*crowd", "p * ln(jobs waiting) / 5"},
}};

constexpr double largest_weight = 1e6;

} // namespace

std::span<const queue_feature_info, queue_feature_count> queue_feature_table() {
  return table;
}

std::uint64_t queue_feature_schema() {
  fnv1a hash;
  for (const auto& [name, meaning] : table)
    hash.text(name).text(meaning);
  return hash.value();
}

std::span<const std::pair<queue_order, queue_weights>> orders_as_weights() {
  // In the features' scales: r = ln requested / 10, p = ln processors / 5.
  const auto area = [](double processors) {
    queue_weights weights{};
    weights[static_cast<std::size_t>(queue_feature::log_requested)] = 1;
    weights[static_cast<std::size_t>(queue_feature::log_processors)]
        = processors / 2;
    return weights;
  };
  static const std::array<std::pair<queue_order, queue_weights>, 3> orders{
      {{queue_order::sqrt_area, area(0.5)},
       {queue_order::saf, area(1)},
       {queue_order::sjf, area(0)}}};
  return orders;
}

result<> validate(const queue_weights& weights) {
  std::string faults;
  for (std::size_t i = 0; i < weights.size(); ++i)
    if (!(std::abs(weights[i]) <= largest_weight))
      faults += fmt::format("{}the weight of {} is {} (want at most {} in "
                            "size)",
                            faults.empty() ? "" : "; ", table[i].name,
                            weights[i], largest_weight);
  if (faults.empty())
    return done{};
  return {error_code::invalid_argument, std::move(faults)};
}

void free_forecast::reset(const queue_state& state) {
  steps_.clear();
  for (const auto& [job, start_seconds] : state.running)
    steps_.push_back(
        {std::max<std::int64_t>(
             start_seconds + job.requested_seconds - state.now_seconds, 0),
         job.processors});
  std::ranges::sort(steps_, {}, &step::seconds);
  auto free = state.free_processors;
  for (auto& [seconds, processors] : steps_)
    processors = free += processors;
  steps_.insert(steps_.begin(), {0, state.free_processors});
}

std::int64_t free_forecast::seconds_until(std::int64_t processors) const {
  const auto found
      = std::ranges::lower_bound(steps_, processors, {}, &step::processors);
  return found == steps_.end() ? steps_.back().seconds : found->seconds;
}

std::array<double, queue_feature_count>
features_of(const queued_job& job, const queue_state& state,
            const free_forecast& forecast) {
  const auto requested
      = static_cast<double>(std::max<std::int64_t>(job.requested_seconds, 10));
  const auto processors = static_cast<double>(job.processors);
  const auto wait = static_cast<double>(state.now_seconds - job.submit_seconds);
  const auto until
      = static_cast<double>(forecast.seconds_until(job.processors));
  const auto r = std::log(requested) / 10;
  const auto p = std::log(processors) / 5;
  const auto share = processors / static_cast<double>(state.processors);
  const auto w = std::log1p(wait) / 10;
  const auto s = std::log1p(wait / requested) / 5;
  const auto fits = job.processors <= state.free_processors ? 1.0 : 0.0;
  const auto u = std::log1p(until) / 10;
  const auto crowd = std::log(static_cast<double>(state.waiting.size())) / 5;
  return {r,         p,        r * r, p * p, r * p,     r * r * r, share,
          r * share, w,        r * w, s,     s * s,     r * s,     p * s,
          fits,      r * fits, u,     r * u, r * crowd, p * crowd};
}

double score(const queue_weights& weights, const queued_job& job,
             const queue_state& state, const free_forecast& forecast) {
  const auto features = features_of(job, state, forecast);
  double sum = 0;
  for (std::size_t i = 0; i < queue_feature_count; ++i)
    sum += weights[i] * features[i];
  return sum;
}

std::size_t scorer_policy::choose(const queue_state& state) {
  SKERRY_ASSERT(!state.waiting.empty());
  if (state.waiting.size() == 1)
    return 0;
  forecast_.reset(state);
  std::size_t first = 0;
  auto lowest = score(weights_, state.waiting[0], state, forecast_);
  for (std::size_t i = 1; i < state.waiting.size(); ++i) {
    const auto found = score(weights_, state.waiting[i], state, forecast_);
    if (found < lowest) { // Of equals the first submitted, as in the list.
      lowest = found;
      first = i;
    }
  }
  return first;
}

} // namespace skerry
