#pragma once

#include "scheduling/backfill.hpp"
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
  /// The same for processors that are claimed until some time.
  /// @param claims Falling by expected end.
  /// @cost O(n) for n claims.
  void reset(std::int64_t now_seconds, std::int64_t free_processors,
             std::span<const processor_claim> claims);

  /// Seconds from now until `processors` are free; 0 if they are.
  /// @cost O(log n).
  std::int64_t seconds_until(std::int64_t processors) const {
    return step_of(processors).seconds;
  }

  /// ln(1 + seconds_until(processors)), without taking a logarithm.
  double log_until(std::int64_t processors) const {
    return step_of(processors).logarithm;
  }

private:
  struct step {
    std::int64_t seconds = 0;
    std::int64_t processors = 0; ///< Free from then on.
    double logarithm = 0;        ///< Of 1 + seconds.
  };

  const step& step_of(std::int64_t processors) const;
  void accumulate();

  std::vector<step> steps_; ///< Rising in both.
};

/// The features of a job that waits.
std::array<double, queue_feature_count>
features_of(const queued_job& job, const queue_state& state,
            const free_forecast& forecast);

/// A job as a scorer keeps it: its features that stay as they are, weighted,
/// and what the others are multiplied by.
struct scored_job {
  std::int64_t number = 0;
  std::int64_t submit_seconds = 0;
  std::int64_t processors = 0;
  double requested = 0;     ///< Seconds, at least 10.
  double log_requested = 0; ///< Its logarithm.
  double fixed = 0;
  double by_wait = 0;
  double by_slowdown = 0;
  double by_fit = 0;
  double by_until = 0;
  double by_crowd = 0;
};

/// What all jobs of a queue have in common when one of them is chosen.
struct scored_state {
  std::int64_t now_seconds = 0;
  std::int64_t free_processors = 0;
  std::size_t waiting = 1; ///< Jobs.
};

/// Scores jobs by weights, fast: the sum of weights times features, reordered
/// so that two logarithms a job are left.
class queue_scorer {
public:
  /// @param processors Of the machine.
  /// @pre Valid weights.
  queue_scorer(const queue_weights& weights, std::int64_t processors)
      : weights_{weights}, processors_{static_cast<double>(processors)} {}

  scored_job prepare(const queued_job& job) const;

  /// Of the jobs numbered `from(0)` to `from(state.waiting - 1)` the place of
  /// that with the lowest score; of equals the first.
  template <class At>
  std::size_t lowest(const scored_state& state, const free_forecast& forecast,
                     At&& job_at) const {
    const auto crowd = crowd_of(state.waiting);
    std::size_t first = 0;
    auto least = score(job_at(0), state, crowd, forecast);
    for (std::size_t i = 1; i < state.waiting; ++i) {
      const auto found = score(job_at(i), state, crowd, forecast);
      if (found < least) {
        least = found;
        first = i;
      }
    }
    return first;
  }

  /// The score of one job; smallest first.
  double score(const scored_job& job, const scored_state& state,
               const free_forecast& forecast) const {
    return score(job, state, crowd_of(state.waiting), forecast);
  }

private:
  static double crowd_of(std::size_t waiting);
  double score(const scored_job& job, const scored_state& state, double crowd,
               const free_forecast& forecast) const;

  queue_weights weights_;
  double processors_ = 1;
};

/// Goes by a score.
class scorer_policy final : public queue_policy {
public:
  /// @pre Valid weights.
  explicit scorer_policy(const queue_weights& weights) : weights_{weights} {}

  /// @cost O(waiting jobs), two logarithms a job.
  std::size_t choose(const queue_state& state) override;

private:
  void prepare(const queue_state& state);

  queue_weights weights_;
  free_forecast forecast_;          ///< Kept for its memory.
  std::vector<scored_job> waiting_; ///< As in the state.
  std::vector<scored_job> before_;  ///< As at the choice before.
  std::int64_t processors_ = 0; ///< Of the machine that they are prepared for.
};

} // namespace skerry
