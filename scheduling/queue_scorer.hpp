#pragma once

#include "scheduling/queue_policy.hpp"
#include "scheduling/result.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace skerry {

/// A priority of queued jobs that is learned: a linear score over named
/// features of the job and the state of the queue; the smallest goes first.
///
/// Logarithms are scaled so that features are near one in size, which suits an
/// optimiser that starts with one step size for all weights.

/// In the order of the weights. Appended to only: weights on disk rely on it.
enum class queue_feature : std::uint8_t {
  log_requested,
  log_processors,
  log_requested_squared,
  log_processors_squared,
  log_area_product,
  log_requested_cubed,
  share,
  log_requested_share,
  log_wait,
  log_requested_wait,
  log_slowdown,
  log_slowdown_squared,
  slowdown_requested,
  slowdown_processors,
  fits,
  fits_requested,
  log_until_free,
  until_free_requested,
  crowd_requested,
  crowd_processors,
};
inline constexpr std::size_t queue_feature_count = 20;

struct queue_feature_info {
  std::string_view name;
  std::string_view meaning;
};

/// By `queue_feature`.
std::span<const queue_feature_info, queue_feature_count> queue_feature_table();

/// Identifies the features: weights for others mean nothing. Changes with any
/// name or meaning, and with the order.
std::uint64_t queue_feature_schema();

/// By `queue_feature`; a larger weight puts jobs rich in the feature later.
using queue_weights = std::array<double, queue_feature_count>;

/// The orders sqrt-area, saf and sjf as weights: log requested + 0.5, 1 and 0
/// times log processors. Where training starts.
std::span<const std::pair<queue_order, queue_weights>> orders_as_weights();

/// Refuses weights that are not finite or above 10^6 in size.
/// @returns `invalid_argument` naming the features.
result<> validate(const queue_weights& weights);

/// When how many processors will be free if nothing else starts and every
/// running job ends as requested; a job that overran its request may end now.
class free_forecast {
public:
  /// @cost O(n log n) for n running jobs.
  void reset(const queue_state& state);

  /// Seconds from now until `processors` are free; 0 if they are.
  /// @cost O(log n).
  std::int64_t seconds_until(std::int64_t processors) const;

private:
  struct step {
    std::int64_t seconds = 0;
    std::int64_t processors = 0; ///< Free from then on.
  };
  std::vector<step> steps_; ///< Rising in both.
};

/// The features of a job that waits.
std::array<double, queue_feature_count>
features_of(const queued_job& job, const queue_state& state,
            const free_forecast& forecast);

/// Goes by a score.
class scorer_policy final : public queue_policy {
public:
  /// @pre Valid weights.
  explicit scorer_policy(const queue_weights& weights) : weights_{weights} {}

  /// @cost O(waiting jobs * features), four logarithms a job.
  std::size_t choose(const queue_state& state) override;

private:
  queue_weights weights_;
  free_forecast forecast_; ///< Kept for its memory.
};

/// The score of one job; smallest first.
double score(const queue_weights& weights, const queued_job& job,
             const queue_state& state, const free_forecast& forecast);

} // namespace skerry
