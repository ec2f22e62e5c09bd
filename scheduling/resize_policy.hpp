#pragma once

#include "scheduling/result.hpp"
#include "scheduling/usage_histogram.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace skerry {

/// What a machine sees of a task or VM in one interval, in percent of its
/// flavour (the most it may ever have). The demand is not among it: a
/// throttled task hides how much it would have used.
struct usage_seen {
  double used_percent = 0;
  int limit_percent = 100;
  bool throttled = false; ///< Work was left over when the interval ended.
};

/// Less than this is not given: a task must be able to show that it wants more.
inline constexpr int least_limit_percent = 3;

/// The limit at which a demand is served `stretch` times slower than under the
/// full flavour, by processor sharing.
/// @param demand_percent In [0, 100].
/// @param stretch        Above 1.
/// @returns At most 100.
double limit_needed(double demand_percent, double stretch);

/// How the demand of the next interval is estimated.
enum class resize_method : std::uint8_t {
  full,         ///< Not at all: the whole flavour, always.
  threshold,    ///< A level moved by factors when use leaves a band below it.
  percentile,   ///< Of a decaying histogram, as Kubernetes' VPA does.
  window_max,   ///< The largest use of the last intervals.
  ewma,         ///< Exponentially weighted mean + k deviations.
  window_sigma, ///< `window_max` + k exponentially weighted deviations.
  /// The demand at which a limit is cheapest, if work beyond it costs `safety`
  /// times its expected amount: the newsvendor's choice, for the mixture of a
  /// long and a short histogram, some surprise and the prior.
  expected_cost,
  /// A weighted sum of what the others look at: `usage_features`.
  evolved,
};

std::span<const resize_method> all_resize_methods();
/// The name in the field's spelling, for example "window-max".
std::string_view to_string(resize_method method);
/// @returns `invalid_argument` with the names there are.
result<resize_method> find_resize_method(std::string_view name);

/// A number of a method that may be tuned.
struct resize_parameter {
  std::string_view name;
  double lower = 0;
  double upper = 1;
  double start = 0; ///< A sound choice by hand.
};

/// Those of the method itself, then those that all share:
///   dead_band  a limit is lowered only by more than this share of it
///   boost      after throttling the limit grows at least by this factor
/// With history also:
///   prior_weight    of the history's quantile in the estimate, the rest being
///                   what is seen
///   prior_quantile  which one
/// but for `expected_cost`, for which the prior counts as observations, and
/// `evolved`, which weighs three figures of it.
std::vector<resize_parameter> parameters_of(resize_method method,
                                            bool with_history);

/// Where a search for parameters may begin, the best first: values of all that
/// `parameters_of` lists.
std::vector<std::vector<double>> starting_points_of(resize_method method,
                                                    bool with_history);

/// How limits are chosen.
struct resize_policy {
  resize_method method = resize_method::full;
  /// By `parameters_of(method, with_history)`, within their bounds.
  std::vector<double> parameters = {};
  bool with_history = false;
  /// Multiplies the estimated demand, or prices what is beyond it; positive.
  /// Brings a policy to the violation that is allowed.
  double safety = 1;
  /// What the limit aims at; above 1.
  double stretch = 5;
};

/// What is known of a task from before it started.
struct usage_prior {
  usage_weights weights{}; ///< Sum to 1, or all 0 when nothing is known.
};

/// Chooses the limits of one task, interval by interval.
class resizer {
public:
  resizer() = default;
  resizer(const resizer&) = delete;
  resizer& operator=(const resizer&) = delete;
  virtual ~resizer() = default;

  /// @param seen In the interval that has just ended, under the limit in force.
  /// @returns The limit for the next one, in [least_limit_percent, 100]. The
  ///          same as the one in force: leave it.
  virtual int next_limit(const usage_seen& seen) = 0;
};

/// For one task. Its limit is
///
///     demand <- estimate(all that was seen, safety), mostly a product
///     limit  <- limit_needed(demand, stretch), rounded up
///     after throttling at least boost * the limit in force
///     the limit in force, if it is larger by no more than the dead band
///
/// @param policy Outlives the resizer.
/// @param prior  Looked at if the policy is `with_history`.
/// @pre The policy's parameters are as many as `parameters_of` says.
std::unique_ptr<resizer> make_resizer(const resize_policy& policy,
                                      const usage_prior& prior);

} // namespace skerry
