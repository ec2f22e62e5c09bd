#include "simulation/placement_rollout.hpp"

#include "scheduling/assert.hpp"
#include "scheduling/placement_index.hpp"
#include "simulation/load_meter.hpp"

#include <array>

namespace skerry {
namespace {

/// What each of `openb_loads` counts. At 95 % the last tasks decide, a few of
/// them; counted once, large tasks are let starve there for more later on.
constexpr std::array<double, openb_loads.size()> load_weights{0, 0, 2, 1,
                                                              1, 0, 1};

/// Arrivals between two looks at the flag: some 0.1 ms.
constexpr std::size_t between_looks = 64;

double mean_allocated(const load_figures& at) {
  double sum = 0;
  double weight = 0;
  for (std::size_t i = 0; i < at.size(); ++i)
    if (at[i]) {
      sum += load_weights[i] * *at[i];
      weight += load_weights[i];
    }
  return weight == 0 ? 0 : sum / weight;
}

} // namespace

double placement_rollout::cost(const placement_weights& weights,
                               const std::atomic<bool>* stop) {
  auto by = borrow();
  by->begin_cluster(weights);
  auto filled = nodes;
  placement_index index{filled, *by};
  load_meter meter{capacity};
  for (std::size_t i = 0; i < arrivals.size(); ++i) {
    if (i % between_looks == 0 && stop != nullptr && *stop)
      break;
    const auto [shape, size] = arrivals[i];
    const auto best = index.best(shape);
    if (best)
      SKERRY_ASSERT(filled.take(
          best->node, shape,
          by->choose_devices(filled, filled.shape(shape), best->node)));
    meter.arrived(size, best.has_value());
  }
  give_back(std::move(by));
  return 100 - mean_allocated(meter.allocated_percent());
}

std::unique_ptr<weighted_scorer> placement_rollout::borrow() {
  const std::scoped_lock lock{mutex_};
  if (scorers_.empty())
    return std::make_unique<weighted_scorer>("", placement_weights{}, workload);
  auto out = std::move(scorers_.back());
  scorers_.pop_back();
  return out;
}

void placement_rollout::give_back(std::unique_ptr<weighted_scorer> by) {
  const std::scoped_lock lock{mutex_};
  scorers_.push_back(std::move(by));
}

} // namespace skerry
