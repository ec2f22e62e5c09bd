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

double requested_of(const queued_job& job) {
  return static_cast<double>(std::max<std::int64_t>(job.requested_seconds, 10));
}

/// Numbers may mean other jobs in another log.
bool is_of(const scored_job& scored, const queued_job& job) {
  return scored.number == job.number
         && scored.submit_seconds == job.submit_seconds
         && scored.processors == job.processors
         && scored.requested == requested_of(job);
}

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
  steps_.assign(1, {0, state.free_processors});
  for (const auto& [job, start_seconds] : state.running)
    steps_.push_back(
        {std::max<std::int64_t>(
             start_seconds + job.requested_seconds - state.now_seconds, 0),
         job.processors});
  std::ranges::sort(std::span{steps_}.subspan(1), {}, &step::seconds);
  accumulate();
}

void free_forecast::reset(std::int64_t now_seconds,
                          std::int64_t free_processors,
                          std::span<const processor_claim> claims) {
  steps_.assign(1, {0, free_processors});
  for (auto claim = claims.rbegin(); claim != claims.rend(); ++claim)
    steps_.push_back(
        {std::max<std::int64_t>(claim->expected_end_seconds - now_seconds, 0),
         claim->processors});
  accumulate();
}

void free_forecast::accumulate() {
  std::int64_t free = 0;
  for (auto& [seconds, processors, logarithm] : steps_) {
    processors = free += processors;
    logarithm = std::log(1 + static_cast<double>(seconds));
  }
}

const free_forecast::step&
free_forecast::step_of(std::int64_t processors) const {
  if (processors <= steps_.front().processors)
    return steps_.front();
  const auto found
      = std::ranges::lower_bound(steps_, processors, {}, &step::processors);
  return found == steps_.end() ? steps_.back() : *found;
}

std::array<double, queue_feature_count>
features_of(const queued_job& job, const queue_state& state,
            const free_forecast& forecast) {
  const auto requested = requested_of(job);
  const auto processors = static_cast<double>(job.processors);
  const auto wait = static_cast<double>(state.now_seconds - job.submit_seconds);
  const auto r = std::log(requested) / 10;
  const auto p = std::log(processors) / 5;
  const auto share = processors / static_cast<double>(state.processors);
  const auto w = std::log(1 + wait) / 10;
  const auto s = std::log(1 + wait / requested) / 5;
  const auto fits = job.processors <= state.free_processors ? 1.0 : 0.0;
  const auto u = forecast.log_until(job.processors) / 10;
  const auto crowd = std::log(static_cast<double>(state.waiting.size())) / 5;
  return {r,         p,        r * r, p * p, r * p,     r * r * r, share,
          r * share, w,        r * w, s,     s * s,     r * s,     p * s,
          fits,      r * fits, u,     r * u, r * crowd, p * crowd};
}

scored_job queue_scorer::prepare(const queued_job& job) const {
  using of = queue_feature;
  const auto weight = [this](queue_feature feature) {
    return weights_[static_cast<std::size_t>(feature)];
  };
  const auto requested = requested_of(job);
  const auto log_requested = std::log(requested);
  const auto r = log_requested / 10;
  const auto p = std::log(static_cast<double>(job.processors)) / 5;
  const auto share = static_cast<double>(job.processors) / processors_;
  return {
      .number = job.number,
      .submit_seconds = job.submit_seconds,
      .processors = job.processors,
      .requested = requested,
      .log_requested = log_requested,
      .fixed = r * weight(of::log_requested) + p * weight(of::log_processors)
               + r * r * weight(of::log_requested_squared)
               + p * p * weight(of::log_processors_squared)
               + r * p * weight(of::log_area_product)
               + r * r * r * weight(of::log_requested_cubed)
               + share * weight(of::share)
               + r * share * weight(of::log_requested_share),
      .by_wait = weight(of::log_wait) + r * weight(of::log_requested_wait),
      .by_slowdown = weight(of::log_slowdown)
                     + r * weight(of::slowdown_requested)
                     + p * weight(of::slowdown_processors),
      .by_fit = weight(of::fits) + r * weight(of::fits_requested),
      .by_until
      = weight(of::log_until_free) + r * weight(of::until_free_requested),
      .by_crowd
      = r * weight(of::crowd_requested) + p * weight(of::crowd_processors),
  };
}

double queue_scorer::crowd_of(std::size_t waiting) {
  return std::log(static_cast<double>(waiting)) / 5;
}

double queue_scorer::score(const scored_job& job, const scored_state& state,
                           double crowd, const free_forecast& forecast) const {
  const auto wait = static_cast<double>(state.now_seconds - job.submit_seconds);
  const auto w = std::log(1 + wait) / 10;
  const auto s = (std::log(job.requested + wait) - job.log_requested) / 5;
  const auto u = forecast.log_until(job.processors) / 10;
  constexpr auto squared
      = static_cast<std::size_t>(queue_feature::log_slowdown_squared);
  return job.fixed + job.by_wait * w
         + s * (job.by_slowdown + s * weights_[squared])
         + (job.processors <= state.free_processors ? job.by_fit : 0)
         + job.by_until * u + job.by_crowd * crowd;
}

/// Most jobs were there at the choice before. Numbers rise along the queue.
void scorer_policy::prepare(const queue_state& state) {
  const queue_scorer scorer{weights_, state.processors};
  std::swap(waiting_, before_);
  waiting_.clear();
  if (processors_ != state.processors)
    before_.clear();
  processors_ = state.processors;
  auto known = before_.begin();
  for (const auto& job : state.waiting) {
    while (known != before_.end() && known->number < job.number)
      ++known;
    waiting_.push_back(known != before_.end() && is_of(*known, job)
                           ? *known
                           : scorer.prepare(job));
  }
}

std::size_t scorer_policy::choose(const queue_state& state) {
  SKERRY_ASSERT(!state.waiting.empty());
  if (state.waiting.size() == 1)
    return 0;
  prepare(state);
  forecast_.reset(state);
  return queue_scorer{weights_, state.processors}.lowest(
      {state.now_seconds, state.free_processors, state.waiting.size()},
      forecast_,
      [this](std::size_t i) -> const scored_job& { return waiting_[i]; });
}

} // namespace skerry
