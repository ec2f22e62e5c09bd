#include "simulation/placement_objective.hpp"

#include "scheduling/assert.hpp"
#include "scheduling/rng.hpp"
#include "simulation/openb_track.hpp"
#include "simulation/placement_genome.hpp"
#include "simulation/placement_rollout.hpp"
#include "simulation/synthetic_track.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace skerry {
namespace {

/// Of a tilted mix: a frequency becomes up to some three times more or less.
constexpr double tilt_deviation = 0.6;

/// Streams of a scenario.
constexpr std::uint64_t goal_stream = 0x676f616c;
constexpr std::uint64_t openb_stream = 0x6f70656e;
constexpr std::uint64_t load_stream = 0x6c6f6164;

std::size_t drawn(std::span<const double> shares, rng& random) {
  auto left
      = random.uniform() * std::accumulate(shares.begin(), shares.end(), 0.0);
  for (std::size_t i = 0; i < shares.size(); ++i)
    if ((left -= shares[i]) < 0)
      return i;
  return static_cast<std::size_t>(std::ranges::max_element(shares)
                                  - shares.begin());
}

template <class T>
void shuffle(std::vector<T>& all, rng& random) {
  for (auto left = all.size(); left > 1; --left)
    std::swap(all[left - 1], all[random.below(left)]);
}

/// How likely each pod is to come.
std::vector<double> tilted_frequencies(std::span<const openb_pod> pods,
                                       rng& random) {
  std::array<double, task_classes * 2> factor{};
  for (auto& each : factor)
    each = std::exp(tilt_deviation * random.normal());
  std::vector<double> up_to;
  double sum = 0;
  for (const auto& pod : pods)
    up_to.push_back(sum += factor[static_cast<std::size_t>(class_of(pod)) * 2
                                  + (pod.gpu_models.empty() ? 0 : 1)]);
  return up_to;
}

} // namespace

result<> validate(const placement_training& training) {
  const auto fault = [](std::string text) {
    return error{error_code::invalid_argument, std::move(text)};
  };
  double sum = 0;
  for (const auto share : training.shares) {
    if (!(share >= 0 && share <= 1e6))
      return fault(fmt::format("a share of {} (want 0 to a million)", share));
    sum += share;
  }
  if (sum <= 0)
    return fault("no goal has a share");
  const auto wants = [&](placement_goal goal) {
    return training.shares[static_cast<std::size_t>(goal)] > 0;
  };
  if (training.cluster_divisor < 1)
    return fault("the cluster is cut into 0 parts (want 1 or more)");
  if (wants(placement_goal::synthetic))
    if (auto ok = validate(training.synthetic); !ok)
      return ok;
  if (!wants(placement_goal::openb) && !wants(placement_goal::departures))
    return done{};
  if (training.nodes.size() < training.cluster_divisor
      || training.lists.empty())
    return fault("openb and departures want nodes and lists of pods");
  if (gpu_capacity_milli(training.nodes) == 0)
    return fault("no node has a GPU");
  for (const auto& pods : training.lists)
    if (std::ranges::none_of(
            pods, [](const auto& pod) { return gpu_milli_of(pod) > 0; }))
      return fault("a list without a pod that asks for GPUs");
  if (!wants(placement_goal::departures))
    return done{};
  if (training.offered_loads.empty())
    return fault("departures want an offered load");
  for (const auto& pods : training.lists)
    for (const auto load : training.offered_loads) {
      auto options = training.departures;
      options.offered_load = load;
      if (auto made
          = make_departures_workload(training.nodes, pods, 1, options);
          !made)
        return made.failure();
    }
  return done{};
}

namespace {

/// One draw of cluster and arrivals.
class openb_draw {
public:
  openb_draw(const placement_training& from, std::uint64_t number) {
    rng random{number ^ openb_stream};
    draw_nodes(from, random);
    const auto& pods = from.lists[random.below(from.lists.size())];
    if (random.uniform() < from.tilted_share)
      draw_tilted(pods, random);
    else
      draw_from(pods, random);
  }

  std::shared_ptr<placement_rollout> rollout() { return std::move(into_); }

private:
  void draw_nodes(const placement_training& from, rng& random) {
    std::vector<std::uint32_t> order(from.nodes.size());
    std::iota(order.begin(), order.end(), 0U);
    shuffle(order, random);
    const auto wanted = from.nodes.size() / from.cluster_divisor;
    for (const auto n : order) {
      if (into_->nodes.size() >= wanted && into_->capacity > 0)
        break;
      SKERRY_ASSERT(into_->nodes.add_node(node_spec_of(from.nodes[n])));
      into_->capacity += std::int64_t{from.nodes[n].gpus} * 1000;
    }
  }

  /// As the published orders are: the list once, in any order, as far as it
  /// goes, then pods drawn from it.
  void draw_from(std::span<const openb_pod> pods, rng& random) {
    std::vector<std::uint32_t> order(pods.size());
    std::iota(order.begin(), order.end(), 0U);
    shuffle(order, random);
    for (const auto& pod : pods)
      into_->workload.push_back(task_shape_of(pod));
    fill(pods, [&](std::size_t k) {
      return k < order.size() ? order[k] : random.below(pods.size());
    });
  }

  void draw_tilted(std::span<const openb_pod> pods, rng& random) {
    const auto up_to = tilted_frequencies(pods, random);
    const auto any = [&] {
      const auto found
          = std::ranges::upper_bound(up_to, random.uniform() * up_to.back());
      return static_cast<std::size_t>(std::min(found, up_to.end() - 1)
                                      - up_to.begin());
    };
    for (std::size_t i = 0; i < pods.size(); ++i)
      into_->workload.push_back(task_shape_of(pods[any()]));
    fill(pods, [&](std::size_t) { return any(); });
  }

  /// @param pick Gives the position of the k-th pod to come.
  template <class Pick>
  void fill(std::span<const openb_pod> pods, Pick&& pick) {
    const auto most = std::size_t{20} * pods.size();
    std::int64_t asked = 0;
    while (static_cast<double>(asked) * 100
               < placement_rollout::last_load_percent
                     * static_cast<double>(into_->capacity)
           && into_->arrivals.size() < most) {
      const auto& pod = pods[pick(into_->arrivals.size())];
      const auto shape = into_->nodes.intern(task_shape_of(pod));
      SKERRY_ASSERT(shape);
      into_->arrivals.push_back({*shape, gpu_milli_of(pod)});
      asked += gpu_milli_of(pod);
    }
  }

  std::shared_ptr<placement_rollout> into_
      = std::make_shared<placement_rollout>();
};

} // namespace

placement_objective::placement_objective(placement_training training)
    : training_{std::move(training)}, space_{placement_space()},
      recent_{std::make_unique<recent_rollouts>()} {
  SKERRY_ASSERT(validate(training_));
}

placement_objective::~placement_objective() = default;

double placement_objective::cost(std::span<const double> genes,
                                 std::uint64_t scenario) const {
  const auto weights = weights_of(genes);
  rng random{scenario ^ goal_stream};
  const auto goal
      = static_cast<placement_goal>(drawn(training_.shares, random));
  if (goal == placement_goal::openb)
    return openb_cost(weights, scenario);
  return goal == placement_goal::departures ? departures_cost(weights, scenario)
                                            : synthetic_cost(weights, scenario);
}

double placement_objective::openb_cost(const placement_weights& weights,
                                       std::uint64_t scenario) const {
  return recent_
      ->find(scenario,
             [&] {
               return openb_draw{training_, scenario}.rollout();
             })
      ->cost(weights);
}

double placement_objective::departures_cost(const placement_weights& weights,
                                            std::uint64_t scenario) const {
  const auto& pods = training_.lists[scenario % training_.lists.size()];
  rng random{scenario ^ load_stream};
  auto options = training_.departures;
  options.offered_load
      = training_.offered_loads[random.below(training_.offered_loads.size())];
  const auto run = run_departures_track(
      training_.nodes, pods, policy_choice{"evolved", weights}, scenario,
      options, placement_search::index, clock_ns{});
  SKERRY_ASSERT(run);
  const auto& waits = run->all.wait_seconds;
  const auto pending_pods = waits.mean * static_cast<double>(waits.count)
                            / static_cast<double>(options.measured_seconds);
  const auto gpus = static_cast<double>(run->gpu_capacity_milli) / 1000;
  return 100 * std::log1p(run->pending_gpu_percent + pending_pods / gpus * 100);
}

double placement_objective::synthetic_cost(const placement_weights& weights,
                                           std::uint64_t scenario) const {
  const auto run = run_synthetic_track(
      training_.synthetic, policy_choice{"evolved", weights}, scenario,
      placement_search::index, clock_ns{});
  SKERRY_ASSERT(run);
  double sum = 0;
  int counted = 0;
  for (std::size_t r = 0; r < metered_kinds; ++r)
    if (run->capacity[r] > 0) {
      sum += run->pending[r] * 100;
      ++counted;
    }
  return counted == 0 ? 0 : sum / counted;
}

} // namespace skerry
