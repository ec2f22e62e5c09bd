#include "simulation/queue_objective.hpp"

#include "evolution/queue_replay.hpp"
#include "scheduling/assert.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <string>
#include <string_view>
#include <utility>

namespace skerry {
namespace {

/// Features are near one in size, and a score may be scaled at will.
constexpr double largest_gene = 10;
constexpr double first_step = 0.2;

search_space space_of_weights() {
  auto space = cube(queue_feature_count, -largest_gene, largest_gene);
  space.scale.assign(queue_feature_count, first_step);
  for (const auto& [order, weights] : orders_as_weights())
    space.starting_points.emplace_back(weights.begin(), weights.end());
  return space;
}

} // namespace

result<> validate(const queue_objective_options& options) {
  std::string faults;
  const auto want = [&faults](bool good, std::string_view fault) {
    if (!good)
      faults += fmt::format("{}{}", faults.empty() ? "" : "; ", fault);
  };
  want(options.window_jobs >= 2, "windows of fewer than 2 jobs");
  want(options.windows >= 1, "a cost over no window");
  want(options.synthetic_share >= 0 && options.synthetic_share <= 1,
       "a synthetic share outside [0, 1]");
  want(options.least_gap_factor <= options.most_gap_factor,
       "a range of gap factors that ends before it begins");
  for (const auto factor : {options.least_gap_factor, options.most_gap_factor})
    if (auto ok = validate(
            lublin_options{options.window_jobs, options.processors, factor});
        !ok)
      want(false, ok.failure().message);
  if (faults.empty())
    return done{};
  return {error_code::invalid_argument, std::move(faults)};
}

queue_objective::queue_objective(const queue_objective_options& options,
                                 std::vector<std::vector<swf_job>> training)
    : options_{options}, training_{std::move(training)},
      space_{space_of_weights()} {
  SKERRY_ASSERT(validate(options).has_value());
  for (const auto& part : training_)
    SKERRY_ASSERT(part.size() >= options.window_jobs);
}

std::vector<swf_job> queue_objective::draw_window(rng& random) const {
  if (training_.empty() || random.uniform() < options_.synthetic_share) {
    const auto range = options_.most_gap_factor - options_.least_gap_factor;
    const lublin_options model{options_.window_jobs, options_.processors,
                               options_.least_gap_factor
                                   + range * random.uniform()};
    return make_lublin_log(model, random);
  }
  std::uint64_t places = 0;
  for (const auto& part : training_)
    places += part.size() - options_.window_jobs + 1;
  auto place = random.below(places);
  for (const auto& part : training_) {
    const auto here = part.size() - options_.window_jobs + 1;
    if (place < here) {
      const auto first = part.begin() + static_cast<std::ptrdiff_t>(place);
      return {first, first + static_cast<std::ptrdiff_t>(options_.window_jobs)};
    }
    place -= here;
  }
  SKERRY_ASSERT(!"a place in some part");
  return {};
}

double queue_objective::cost(std::span<const double> genes,
                             std::uint64_t scenario) const {
  queue_weights weights{};
  std::ranges::copy(genes, weights.begin());
  rng random{scenario};
  double sum = 0;
  for (std::uint32_t i = 0; i < options_.windows; ++i) {
    const auto drawn = draw_window(random);
    const auto window
        = with_estimates(drawn, options_.estimates, random.bits());
    std::vector<recorded_job> record;
    record.reserve(window.size());
    for (const auto& job : window)
      record.push_back(
          {{static_cast<std::int64_t>(record.size()), job.submit_seconds,
            job.requested_seconds, job.processors},
           job.run_seconds});
    scorer_policy policy{weights};
    const auto slowdowns
        = replay(record, options_.processors, options_.backfill, policy);
    sum = std::reduce(slowdowns.begin(), slowdowns.end(), sum);
  }
  return sum / static_cast<double>(options_.windows * options_.window_jobs);
}

} // namespace skerry
