#include "scheduling/usage_estimates.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

namespace skerry {
namespace {

/// How much of an estimate is what was known before.
struct prior_share {
  double weight = 0;
  double demand = 0;
};

/// A single number, times the safety.
class scalar_estimate : public usage_estimate {
public:
  explicit scalar_estimate(prior_share prior) : prior_{prior} {}

  double demand(double safety) const final {
    const auto seen = estimate();
    return safety * (seen + prior_.weight * (prior_.demand - seen));
  }

private:
  /// From what was seen alone.
  virtual double estimate() const = 0;

  prior_share prior_;
};

/// The level begins at the full flavour and walks down to the use.
class threshold_estimate final : public scalar_estimate {
public:
  threshold_estimate(std::span<const double> parameters, prior_share prior)
      : scalar_estimate{prior}, grow_above_{parameters[0]},
        shrink_below_{parameters[1]}, grow_{parameters[2]},
        shrink_{parameters[3]} {}

  void see(double used_percent) override {
    if (used_percent > grow_above_ * level_)
      level_ = std::min(100.0, level_ * grow_);
    else if (used_percent < shrink_below_ * level_)
      level_ = std::max(1.0, level_ * shrink_);
  }

  double estimate() const override { return level_; }

private:
  double grow_above_;
  double shrink_below_;
  double grow_;
  double shrink_;
  double level_ = 100;
};

class percentile_estimate final : public scalar_estimate {
public:
  percentile_estimate(std::span<const double> parameters, prior_share prior)
      : scalar_estimate{prior}, uses_{parameters[0]}, share_{parameters[1]} {}

  void see(double used_percent) override { uses_.add(used_percent); }

  double estimate() const override {
    return static_cast<double>(uses_.quantile(share_));
  }

private:
  usage_histogram uses_;
  double share_;
};

/// The largest of the last `window` values, in amortised O(1): a value that a
/// later one reaches can never be the largest again.
class sliding_maximum {
public:
  explicit sliding_maximum(double window)
      : window_{std::max<std::size_t>(1, std::llround(window))},
        ring_(window_) {}

  void add(double value) {
    ++now_;
    if (size_ > 0 && ring_[first_].at + window_ <= now_) {
      first_ = (first_ + 1) % window_;
      --size_;
    }
    while (size_ > 0 && ring_[(first_ + size_ - 1) % window_].value <= value)
      --size_;
    ring_[(first_ + size_++) % window_] = {value, now_};
  }

  double largest() const { return ring_[first_].value; }

private:
  struct entry {
    double value = 0;
    std::size_t at = 0;
  };

  std::size_t window_;
  std::vector<entry> ring_; ///< Falling values, from `first_` on.
  std::size_t first_ = 0;
  std::size_t size_ = 0;
  std::size_t now_ = 0;
};

class window_max_estimate final : public scalar_estimate {
public:
  window_max_estimate(std::span<const double> parameters, prior_share prior)
      : scalar_estimate{prior}, uses_{parameters[0]} {}

  void see(double used_percent) override { uses_.add(used_percent); }
  double estimate() const override { return uses_.largest(); }

private:
  sliding_maximum uses_;
};

/// Exponentially weighted mean and deviation.
class moving_moments {
public:
  explicit moving_moments(double half_life)
      : rate_{1 - std::exp2(-1 / half_life)} {}

  void add(double value) {
    const auto off = begun_ ? value - mean_ : 0;
    mean_ = begun_ ? mean_ + rate_ * off : value;
    variance_ = (1 - rate_) * (variance_ + rate_ * off * off);
    begun_ = true;
  }

  double mean() const { return mean_; }
  double deviation() const { return std::sqrt(variance_); }

private:
  double rate_;
  bool begun_ = false;
  double mean_ = 0;
  double variance_ = 0;
};

class ewma_estimate final : public scalar_estimate {
public:
  ewma_estimate(std::span<const double> parameters, prior_share prior)
      : scalar_estimate{prior}, uses_{parameters[0]}, sigmas_{parameters[1]} {}

  void see(double used_percent) override { uses_.add(used_percent); }

  double estimate() const override {
    return uses_.mean() + sigmas_ * uses_.deviation();
  }

private:
  moving_moments uses_;
  double sigmas_;
};

class window_sigma_estimate final : public scalar_estimate {
public:
  window_sigma_estimate(std::span<const double> parameters, prior_share prior)
      : scalar_estimate{prior}, largest_{parameters[0]},
        moments_{parameters[1]}, sigmas_{parameters[2]} {}

  void see(double used_percent) override {
    largest_.add(used_percent);
    moments_.add(used_percent);
  }

  double estimate() const override {
    return largest_.largest() + sigmas_ * moments_.deviation();
  }

private:
  sliding_maximum largest_;
  moving_moments moments_;
  double sigmas_;
};

/// Uses that may come, each with the weight of as many observations.
///
///     uses    <- long histogram + short one + surprise + prior
///     demand  <- argmin over d: limit needed for d + price * work beyond d
class expected_cost_estimate final : public usage_estimate {
public:
  expected_cost_estimate(const resize_policy& policy, const usage_prior& prior)
      : uses_{policy.parameters[0]}, recent_{policy.parameters[1]},
        recent_observations_{policy.parameters[2]}, margin_{
                                                        policy.parameters[4]} {
    // Anything may come, each as likely: else what was never seen is free.
    const auto surprise = policy.parameters[3];
    known_.fill(surprise / usage_bins);
    const bool is_known
        = policy.with_history
          && std::ranges::any_of(prior.weights, [](auto w) { return w > 0; });
    const auto known = is_known ? policy.parameters.back() : 0;
    for (std::size_t bin = 0; bin < usage_bins; ++bin) {
      known_[bin] += known * prior.weights[bin];
      const auto demand = std::min(100.0, margin_ * static_cast<double>(bin));
      limits_[bin] = limit_needed(demand, policy.stretch);
    }
    known_observations_ = surprise + known;
  }

  void see(double used_percent) override {
    uses_.add(used_percent);
    recent_.add(used_percent);
  }

  double demand(double safety) const override {
    const auto one = 1 / uses_.newest_weight();
    const auto recent = recent_observations_
                        / (recent_.observations() * recent_.newest_weight());
    const auto all
        = uses_.observations() + recent_observations_ + known_observations_;
    const auto price = safety * usual_price / all;
    std::size_t cheapest = usage_bins - 1;
    auto least = limits_[cheapest];
    double beyond = 0; // Work, observation by observation.
    for (auto bin = usage_bins - 1; bin > 0; --bin) {
      const auto weight = one * uses_.weights()[bin]
                          + recent * recent_.weights()[bin] + known_[bin];
      beyond += weight * static_cast<double>(bin);
      const auto cost = limits_[bin - 1] + price * beyond;
      if (cost < least) {
        least = cost;
        cheapest = bin - 1;
      }
    }
    return margin_ * static_cast<double>(cheapest);
  }

private:
  /// Of work in violation, in limits: so that a safety of 1 allows some 5 %.
  static constexpr double usual_price = 12;

  usage_histogram uses_;
  usage_histogram recent_;
  double recent_observations_;
  double margin_;
  usage_weights known_{};
  double known_observations_ = 0;
  usage_weights limits_{}; ///< Needed for each bin.
};

constexpr std::array<std::string_view, 9> feature_names{
    "ten",      "last",           "recent_mean", "mean",        "deviation",
    "hour_max", "four_hours_max", "day_max",     "quantile_95",
};

class evolved_estimate final : public usage_estimate {
public:
  evolved_estimate(const resize_policy& policy, const usage_prior& prior)
      : weights_{std::span{policy.parameters}.first(feature_names.size())} {
    known_ = 10 * weights_[0];
    if (!policy.with_history)
      return;
    double mean = 0;
    for (std::size_t bin = 0; bin < usage_bins; ++bin)
      mean += static_cast<double>(bin) * prior.weights[bin];
    const auto of_prior = std::span{policy.parameters}.last(3);
    const auto quantile = [&](double share) {
      return static_cast<double>(quantile_of(prior.weights, share));
    };
    known_ += of_prior[0] * mean + of_prior[1] * quantile(0.9)
              + of_prior[2] * quantile(0.99);
  }

  void see(double used_percent) override {
    last_ = used_percent;
    recent_.add(used_percent);
    moments_.add(used_percent);
    hour_.add(used_percent);
    four_hours_.add(used_percent);
    day_max_ = std::max(day_max_, used_percent);
    uses_.add(used_percent);
  }

  double demand(double safety) const override {
    const auto& w = weights_;
    const auto sum = known_ + w[1] * last_ + w[2] * recent_.mean()
                     + w[3] * moments_.mean() + w[4] * moments_.deviation()
                     + w[5] * hour_.largest() + w[6] * four_hours_.largest()
                     + w[7] * day_max_
                     + w[8] * static_cast<double>(uses_.quantile(0.95));
    return safety * sum;
  }

private:
  std::span<const double> weights_;
  double known_ = 0; ///< What does not change.
  double last_ = 0;
  moving_moments recent_{3};
  moving_moments moments_{36};
  sliding_maximum hour_{12};
  sliding_maximum four_hours_{48};
  double day_max_ = 0;
  usage_histogram uses_{288};
};

/// Those of the rules are the last two parameters.
prior_share share_of(const resize_policy& policy, const usage_prior& prior) {
  if (!policy.with_history)
    return {};
  const auto last = std::span{policy.parameters}.last(2);
  return {last[0], static_cast<double>(quantile_of(prior.weights, last[1]))};
}

} // namespace

std::span<const std::string_view> usage_feature_names() {
  return feature_names;
}

std::unique_ptr<usage_estimate> make_estimate(const resize_policy& policy,
                                              const usage_prior& prior) {
  const auto& parameters = policy.parameters;
  switch (policy.method) {
  case resize_method::full:
    break;
  case resize_method::threshold:
    return std::make_unique<threshold_estimate>(parameters,
                                                share_of(policy, prior));
  case resize_method::percentile:
    return std::make_unique<percentile_estimate>(parameters,
                                                 share_of(policy, prior));
  case resize_method::window_max:
    return std::make_unique<window_max_estimate>(parameters,
                                                 share_of(policy, prior));
  case resize_method::ewma:
    return std::make_unique<ewma_estimate>(parameters, share_of(policy, prior));
  case resize_method::window_sigma:
    return std::make_unique<window_sigma_estimate>(parameters,
                                                   share_of(policy, prior));
  case resize_method::expected_cost:
    return std::make_unique<expected_cost_estimate>(policy, prior);
  case resize_method::evolved:
    return std::make_unique<evolved_estimate>(policy, prior);
  }
  SKERRY_ASSERT(!"a method that estimates");
  return nullptr;
}

} // namespace skerry
