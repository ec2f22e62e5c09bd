#include "scheduling/usage_estimates.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace skerry {
namespace {

/// The level begins at the full flavour and walks down to the use.
class threshold_estimate final : public usage_estimate {
public:
  explicit threshold_estimate(std::span<const double> parameters)
      : grow_above_{parameters[0]}, shrink_below_{parameters[1]},
        grow_{parameters[2]}, shrink_{parameters[3]} {}

  void see(double used_percent) override {
    if (used_percent > grow_above_ * level_)
      level_ = std::min(100.0, level_ * grow_);
    else if (used_percent < shrink_below_ * level_)
      level_ = std::max(1.0, level_ * shrink_);
  }

  double demand() const override { return level_; }

private:
  double grow_above_;
  double shrink_below_;
  double grow_;
  double shrink_;
  double level_ = 100;
};

class percentile_estimate final : public usage_estimate {
public:
  explicit percentile_estimate(std::span<const double> parameters)
      : uses_{parameters[0]}, share_{parameters[1]} {}

  void see(double used_percent) override { uses_.add(used_percent); }

  double demand() const override {
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

class window_max_estimate final : public usage_estimate {
public:
  explicit window_max_estimate(std::span<const double> parameters)
      : uses_{parameters[0]} {}

  void see(double used_percent) override { uses_.add(used_percent); }
  double demand() const override { return uses_.largest(); }

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

class ewma_estimate final : public usage_estimate {
public:
  explicit ewma_estimate(std::span<const double> parameters)
      : uses_{parameters[0]}, sigmas_{parameters[1]} {}

  void see(double used_percent) override { uses_.add(used_percent); }

  double demand() const override {
    return uses_.mean() + sigmas_ * uses_.deviation();
  }

private:
  moving_moments uses_;
  double sigmas_;
};

class window_sigma_estimate final : public usage_estimate {
public:
  explicit window_sigma_estimate(std::span<const double> parameters)
      : largest_{parameters[0]}, moments_{parameters[1]}, sigmas_{
                                                              parameters[2]} {}

  void see(double used_percent) override {
    largest_.add(used_percent);
    moments_.add(used_percent);
  }

  double demand() const override {
    return largest_.largest() + sigmas_ * moments_.deviation();
  }

private:
  sliding_maximum largest_;
  moving_moments moments_;
  double sigmas_;
};

} // namespace

std::unique_ptr<usage_estimate>
make_estimate(resize_method method, std::span<const double> parameters) {
  switch (method) {
  case resize_method::full:
    break;
  case resize_method::threshold:
    return std::make_unique<threshold_estimate>(parameters);
  case resize_method::percentile:
    return std::make_unique<percentile_estimate>(parameters);
  case resize_method::window_max:
    return std::make_unique<window_max_estimate>(parameters);
  case resize_method::ewma:
    return std::make_unique<ewma_estimate>(parameters);
  case resize_method::window_sigma:
    return std::make_unique<window_sigma_estimate>(parameters);
  }
  SKERRY_ASSERT(!"a method that estimates");
  return nullptr;
}

} // namespace skerry
