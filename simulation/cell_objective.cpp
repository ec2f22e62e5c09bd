#include "simulation/cell_objective.hpp"

#include "scheduling/assert.hpp"
#include "scheduling/fnv.hpp"
#include "scheduling/rng.hpp"
#include "scheduling/task_class.hpp"
#include "simulation/placement_genome.hpp"
#include "simulation/placement_rollout.hpp"
#include "simulation/synthetic.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

namespace skerry {
namespace {

/// Of a tilted mix: a frequency becomes up to some three times more or less.
constexpr double tilt = 0.6;
/// In a rollout; more tasks than 32 nodes take at once.
constexpr std::size_t max_arrivals_drawn = 20'000;
constexpr std::uint64_t cell_stream = 0x63656c6c;

/// What load can be measured in.
enum class scarce : std::uint8_t { cpu, memory, gpu };
constexpr std::array scarce_kinds{scarce::cpu, scarce::memory, scarce::gpu};

std::int64_t has(const node_spec& node, scarce of) {
  if (of == scarce::cpu)
    return node.capacity[resource_kind::cpu];
  if (of == scarce::memory)
    return node.capacity[resource_kind::memory];
  std::int64_t sum = 0;
  for (const auto& device : node.devices)
    if (device.kind == "gpu")
      sum += device.capacity_milli;
  return sum;
}

std::int64_t wants(const task_shape& task, scarce of) {
  if (of == scarce::cpu)
    return task.demand[resource_kind::cpu];
  if (of == scarce::memory)
    return task.demand[resource_kind::memory];
  std::int64_t sum = 0;
  for (const auto& request : task.devices)
    if (request.kind == "gpu")
      sum += request.share_milli > 0 ? request.share_milli
                                     : std::int64_t{request.count} * 1000;
  return sum;
}

/// Of which the tasks want most relative to what the nodes have.
scarce tightest(const placement_picture& of) {
  auto best = scarce::cpu;
  double most = -1;
  for (const auto kind : scarce_kinds) {
    double there = 0;
    double wanted = 0;
    for (const auto& node : of.nodes)
      there += static_cast<double>(has(node, kind));
    for (const auto& task : of.tasks)
      wanted += static_cast<double>(wants(task, kind));
    if (there > 0 && wanted / there > most) {
      most = wanted / there;
      best = kind;
    }
  }
  return best;
}

} // namespace

std::uint64_t placement_picture::fingerprint() const {
  fnv1a hash;
  for (const auto& node : nodes)
    hash.text(
        fmt::format("{} {} {} {}", node.name, node.capacity[resource_kind::cpu],
                    node.capacity[resource_kind::memory], node.devices.size()));
  for (const auto& task : tasks)
    hash.text(fmt::format("{} {} {}", task.demand[resource_kind::cpu],
                          task.demand[resource_kind::memory],
                          wants(task, scarce::gpu)));
  return hash.text(fmt::format("{}", share)).value();
}

placement_picture synthetic_picture(std::uint64_t seed) {
  auto made
      = generate_synthetic({.nodes = 96, .hours = 4, .warm_up_hours = 1}, seed);
  SKERRY_ASSERT(made); // The options are good ones.
  return {.nodes = std::move(made->queue.nodes),
          .tasks = std::move(made->queue.history)};
}

/// A picture without the tasks that could never run there.
struct cell_objective::view {
  placement_picture of;
  scarce load = scarce::cpu;

  static result<view> make(placement_picture from) {
    cluster whole;
    for (const auto& node : from.nodes)
      if (auto added = whole.add_node(node); !added)
        return added.failure();
    std::vector<task_shape> tasks;
    for (auto& task : from.tasks)
      if (const auto shape = whole.intern(task);
          shape && whole.can_ever_fit(whole.shape(*shape)))
        tasks.push_back(std::move(task));
    from.tasks = std::move(tasks);
    view out{.of = std::move(from)};
    out.load = tightest(out.of);
    return out;
  }

  bool is_of_use() const {
    return of.share > 0 && std::ranges::any_of(of.tasks, [this](const auto& t) {
             return wants(t, load) > 0;
           });
  }
};

/// One draw of nodes and arrivals.
struct cell_objective::draw {
  const view& from;
  const cell_objective_options& options;
  rng& random;
  std::shared_ptr<placement_rollout> into
      = std::make_shared<placement_rollout>();

  void nodes() {
    std::vector<std::uint32_t> order(from.of.nodes.size());
    std::iota(order.begin(), order.end(), 0U);
    for (auto left = order.size(); left > 1; --left)
      std::swap(order[left - 1], order[random.below(left)]);
    for (const auto n : order) {
      if (into->nodes.size() >= options.nodes_per_rollout && into->capacity > 0)
        break;
      const auto& node = from.of.nodes[n];
      SKERRY_ASSERT(into->nodes.add_node(node)); // As in `view::make`.
      into->capacity += has(node, from.load);
    }
  }

  void arrivals() {
    std::array<double, task_classes> factor{};
    const bool tilted = random.uniform() < options.tilted_share;
    for (auto& each : factor)
      each = tilted ? std::exp(tilt * random.normal()) : 1;
    std::vector<placement_rollout::arrival> known;
    std::vector<double> up_to;
    double sum = 0;
    for (const auto& task : from.of.tasks) {
      const auto shape = into->nodes.intern(task);
      if (!shape || !into->nodes.can_ever_fit(into->nodes.shape(*shape)))
        continue; // It needs a node that was not drawn.
      known.push_back({*shape, wants(task, from.load)});
      const auto& compiled = into->nodes.shape(*shape);
      up_to.push_back(sum += factor[index_of(class_of(compiled))]);
      into->workload.push_back(task);
    }
    std::int64_t asked = 0;
    while (!known.empty() && into->arrivals.size() < max_arrivals_drawn
           && static_cast<double>(asked) * 100
                  < placement_rollout::last_load_percent
                        * static_cast<double>(into->capacity)) {
      const auto found
          = std::ranges::upper_bound(up_to, random.uniform() * sum);
      const auto at = std::min(found, up_to.end() - 1) - up_to.begin();
      into->arrivals.push_back(known[static_cast<std::size_t>(at)]);
      asked += into->arrivals.back().size;
    }
  }
};

result<std::unique_ptr<cell_objective>>
cell_objective::make(std::vector<placement_picture> pictures,
                     cell_objective_options options) {
  std::vector<view> views;
  fnv1a hash;
  for (auto& picture : pictures) {
    hash.text(fmt::format("{:x}", picture.fingerprint()));
    auto seen = view::make(std::move(picture));
    if (!seen)
      return seen.failure();
    if (seen->is_of_use())
      views.push_back(*std::move(seen));
  }
  if (views.empty())
    return {error_code::insufficient, "no task is known that fits the nodes"};
  return std::unique_ptr<cell_objective>{
      new cell_objective{std::move(views), std::move(options), hash.value()}};
}

cell_objective::cell_objective(std::vector<view> views,
                               cell_objective_options options,
                               std::uint64_t fingerprint)
    : options_{std::move(options)}, views_{std::move(views)},
      space_{placement_space()},
      fingerprint_{fingerprint}, recent_{std::make_unique<recent_rollouts>()} {
  auto& starts = space_.starting_points;
  starts.insert(starts.begin(), options_.starts.begin(), options_.starts.end());
}

cell_objective::~cell_objective() = default;

double cell_objective::cost(std::span<const double> genes,
                            std::uint64_t scenario) const {
  const auto rollout = recent_->find(scenario, [&] {
    rng random{scenario ^ cell_stream};
    double sum = 0;
    for (const auto& each : views_)
      sum += each.of.share;
    auto left = random.uniform() * sum;
    std::size_t which = 0;
    while (which + 1 < views_.size() && (left -= views_[which].of.share) >= 0)
      ++which;
    draw made{views_[which], options_, random};
    made.nodes();
    made.arrivals();
    return made.into;
  });
  return rollout->cost(weights_of(genes), options_.stop.get());
}

} // namespace skerry
