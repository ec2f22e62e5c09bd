#include "simulation/lublin.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

namespace skerry {
namespace {

// Names as in the paper.
constexpr double serial_probability = 0.244;
constexpr double power_of_two_probability = 0.576;
constexpr double narrowest_log2 = 0.8;
/// Below the widest; the model wants 1.5 to 3.5.
constexpr double middle_below_widest_log2 = 2.5;
constexpr double narrow_probability = 0.86;

struct gamma_distribution {
  double shape;
  double scale;
};
constexpr gamma_distribution short_run{4.2, 0.94};
constexpr gamma_distribution long_run{312, 0.03};
constexpr double short_probability_per_processor = -0.0054;
constexpr double short_probability = 0.78;
constexpr double longest_run_log = 12;

/// In the rush hours 10.2303; the factor makes it that of all hours.
constexpr gamma_distribution points_log{10.2303 * 1.0225, 0.4871};
constexpr double most_points_log = 13;
constexpr gamma_distribution hour_of_day{8.1737, 3.9631};
constexpr std::size_t slots = 48; ///< Half-hours of a day.
constexpr double slot_seconds = 1800;
constexpr std::size_t first_slot = 11; ///< Where the third gamma's day begins.

/// For `shape` of at least 1.
/// @source Marsaglia and Tsang, "A simple method for generating gamma
///         variables", 2000.
double draw(const gamma_distribution& from, rng& random) {
  const auto d = from.shape - 1.0 / 3;
  const auto c = 1 / std::sqrt(9 * d);
  while (true) {
    const auto x = random.normal();
    const auto root = 1 + c * x;
    if (root <= 0)
      continue;
    const auto v = root * root * root;
    const auto u = 1 - random.uniform(); // Above 0.
    if (std::log(u) < 0.5 * x * x + d - d * v + d * std::log(v))
      return d * v * from.scale;
  }
}

double draw_at_most(const gamma_distribution& from, double most, rng& random) {
  auto drawn = draw(from, random);
  while (drawn > most)
    drawn = draw(from, random);
  return drawn;
}

/// The distribution function, by its series, which converges fast enough for
/// the few dozen values at hand.
double distribution_function(const gamma_distribution& of, double value) {
  const auto x = value / of.scale;
  auto term = 1 / of.shape;
  auto sum = term;
  for (auto shape = of.shape + 1; term > sum * 1e-15; ++shape) {
    term *= x / shape;
    sum += term;
  }
  return sum * std::exp(of.shape * std::log(x) - x - std::lgamma(of.shape));
}

/// The price of each half-hour in points; 1 on average.
std::array<double, slots> slot_prices() {
  std::array<double, slots> prices{};
  double sum = 0;
  for (auto slot = first_slot; slot < first_slot + slots; ++slot) {
    const auto middle = static_cast<double>(slot);
    const auto share = distribution_function(hour_of_day, middle + 0.5)
                       - distribution_function(hour_of_day, middle - 0.5);
    prices[(slot - 1) % slots] = share;
    sum += share;
  }
  for (auto& price : prices)
    price *= static_cast<double>(slots) / sum;
  return prices;
}

/// Seconds at which jobs arrive, from midnight on.
class arrivals {
public:
  double next(rng& random) {
    auto points = std::exp(draw_at_most(points_log, most_points_log, random))
                  / slot_seconds;
    while (points > left_ * prices_[slot_]) {
      points -= left_ * prices_[slot_];
      now_ += left_ * slot_seconds;
      left_ = 1;
      slot_ = (slot_ + 1) % slots;
    }
    const auto part = points / prices_[slot_];
    now_ += part * slot_seconds;
    left_ -= part;
    return now_;
  }

private:
  std::array<double, slots> prices_ = slot_prices();
  double now_ = 0;
  std::size_t slot_ = 0;
  double left_ = 1; ///< Part of the slot that has not passed.
};

std::int64_t draw_processors(std::int64_t most, rng& random) {
  const auto widest = std::log2(static_cast<double>(most));
  const auto middle = widest - middle_below_widest_log2;
  const auto kind = random.uniform();
  if (kind < serial_probability)
    return 1;
  auto log2
      = random.uniform() < narrow_probability
            ? narrowest_log2 + random.uniform() * (middle - narrowest_log2)
            : middle + random.uniform() * (widest - middle);
  if (kind < serial_probability + power_of_two_probability)
    log2 = std::round(log2);
  return std::min(std::llround(std::exp2(log2)), static_cast<long long>(most));
}

std::int64_t draw_run_seconds(std::int64_t processors, rng& random) {
  const auto probability
      = short_probability
        + short_probability_per_processor * static_cast<double>(processors);
  const auto& from = random.uniform() < probability ? short_run : long_run;
  const auto log = draw_at_most(from, longest_run_log, random);
  return std::max(static_cast<std::int64_t>(std::exp(log)), std::int64_t{1});
}

} // namespace

result<> validate(const lublin_options& options) {
  std::string faults;
  if (options.jobs == 0)
    faults += "a log without jobs";
  if (options.processors < 4 || options.processors > 65'536)
    faults += fmt::format("{}a machine of {} processors (want 4 to 65536)",
                          faults.empty() ? "" : "; ", options.processors);
  if (!(options.gap_factor > 0 && options.gap_factor <= 1000))
    faults += fmt::format("{}gaps times {} (want above 0, at most 1000)",
                          faults.empty() ? "" : "; ", options.gap_factor);
  if (faults.empty())
    return done{};
  return {error_code::invalid_argument, std::move(faults)};
}

std::vector<swf_job> make_lublin_log(const lublin_options& options,
                                     rng& random) {
  std::vector<swf_job> jobs;
  jobs.reserve(options.jobs);
  arrivals times;
  for (std::size_t i = 0; i < options.jobs; ++i) {
    swf_job job;
    job.number = static_cast<std::int64_t>(i) + 1;
    job.submit_seconds
        = static_cast<std::int64_t>(times.next(random) * options.gap_factor);
    job.processors = draw_processors(options.processors, random);
    job.run_seconds = draw_run_seconds(job.processors, random);
    job.requested_seconds = job.run_seconds;
    jobs.push_back(job);
  }
  return jobs;
}

} // namespace skerry
