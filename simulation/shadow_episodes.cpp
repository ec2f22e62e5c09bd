#include "simulation/shadow_episodes.hpp"

#include "scheduling/cluster.hpp"
#include "scheduling/task_class.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace skerry {
namespace {

constexpr std::size_t large_group = task_groups - 1;
static_assert(large_group == task_classes, "The others are the classes.");
/// Relative to the mean size in their class.
constexpr double large_from = 1.5;
/// Arrivals relative to the tasks that run at once, within bounds: a stretch
/// long enough to tell policies apart, short enough to draw dozens of them.
constexpr double turnovers = 2;
constexpr std::size_t fewest_arrivals = 200;
constexpr std::size_t most_arrivals = 1'500;
/// Of the record, of which an episode takes as many, some more than once: so
/// episodes differ as records do, and what is better on most of them is not so
/// by the few large tasks that came of late.
/// @source Kuensch, "The jackknife and the bootstrap for general stationary
///         observations", Annals of Statistics 1989.
constexpr std::size_t segments = 8;
/// What policies are told of the record: a mix is known from so many.
constexpr std::size_t most_history = 512;
/// Tasks of a profile that have ended, to tell how long others of it run.
constexpr std::size_t enough_lifetimes = 20;

/// Alone on its nodes: what a task asks of others cannot be replayed on a part
/// of the cell.
task_shape alone(task_shape shape) {
  shape.affinity.clear();
  shape.anti_affinity.clear();
  shape.spread.reset();
  return shape;
}

} // namespace

result<> validate(const shadow_episode_options& options) {
  const auto fault = [](std::string text) {
    return error{error_code::invalid_argument, std::move(text)};
  };
  if (options.nodes < 1 || options.tasks_at_once < 1 || options.block < 1)
    return fault("a shadow episode has nodes, tasks and blocks of at least 1");
  if (!(options.lowest_load > 0 && options.highest_load <= 10
        && options.lowest_load <= options.highest_load))
    return fault(fmt::format("a shadow load of {} to {}, must be above 0 and "
                             "at most 10",
                             options.lowest_load, options.highest_load));
  if (!(options.load_spread >= 0 && options.load_spread < options.lowest_load))
    return fault(fmt::format("a spread of {} around the shadow load, must be 0 "
                             "or more and below the lowest",
                             options.load_spread));
  return done{};
}

result<shadow_episodes> shadow_episodes::make(cell_record record,
                                              shadow_episode_options options) {
  if (auto ok = validate(options); !ok)
    return ok.failure();
  shadow_episodes out;
  out.options_ = options;
  cluster whole;
  for (const auto& node : record.nodes)
    if (auto added = whole.add_node(node); !added)
      return added.failure();
  out.nodes_ = std::move(record.nodes);
  out.weigh(record);
  out.take_tasks(std::move(record.tasks), whole);
  out.learn_lifetimes();
  out.group();
  if (std::ranges::none_of(out.tasks_, [&](const auto& task) {
        return out.size_of(task.profile) > 0;
      }))
    return {error_code::insufficient,
            "no task is known that fits the nodes and asks for something"};
  const auto apart = out.tasks_.size() / most_history + 1;
  for (std::size_t i = 0; i < out.tasks_.size(); i += apart)
    out.history_.push_back(out.profiles_[out.tasks_[i].profile].profile.shape);
  return out;
}

/// Those that would fit an empty cell; their classes are those of their shapes
/// until `group`.
void shadow_episodes::take_tasks(std::vector<recorded_task> tasks,
                                 cluster& whole) {
  constexpr auto no_profile = ~std::uint32_t{0};
  std::vector<std::uint32_t> profile_of_shape;
  std::int64_t before = tasks.empty() ? 0 : tasks.front().arrival_milliseconds;
  for (auto& task : tasks) {
    task.shape = alone(std::move(task.shape));
    const auto shape = whole.intern(task.shape);
    if (!shape || !whole.can_ever_fit(whole.shape(*shape)))
      continue;
    if (index_of(*shape) >= profile_of_shape.size())
      profile_of_shape.resize(index_of(*shape) + 1, no_profile);
    auto& profile = profile_of_shape[index_of(*shape)];
    if (profile == no_profile) {
      profile = static_cast<std::uint32_t>(profiles_.size());
      profiles_.push_back(
          {{.shape = task.shape},
           static_cast<std::uint32_t>(class_of(whole.shape(*shape)))});
    }
    tasks_.push_back(
        {.profile = profile,
         .run_milliseconds = std::max<std::int64_t>(task.run_milliseconds, 0),
         .gap_milliseconds
         = std::max<std::int64_t>(task.arrival_milliseconds - before, 0),
         .ended = task.ended});
    before = task.arrival_milliseconds;
  }
}

/// By profile where enough of it have ended, otherwise by class.
void shadow_episodes::learn_lifetimes() {
  std::vector<std::vector<observed_lifetime>> profiles(profiles_.size());
  std::array<std::vector<observed_lifetime>, task_classes> classes;
  for (const auto& task : tasks_) {
    const observed_lifetime seen{task.run_milliseconds, task.ended};
    profiles[task.profile].push_back(seen);
    classes[profiles_[task.profile].task_class].push_back(seen);
  }
  for (auto& seen : classes)
    lifetimes_.emplace_back(std::move(seen));
  for (std::size_t p = 0; p < profiles.size(); ++p) {
    lifetime_model own{std::move(profiles[p])};
    const bool is_enough = own.ended() >= enough_lifetimes;
    lifetimes_of_.push_back(is_enough ? lifetimes_.size()
                                      : profiles_[p].task_class);
    if (is_enough)
      lifetimes_.push_back(std::move(own));
  }
}

/// What is asked of the cell is what it holds and what waits for it; of an idle
/// one, what its tasks asked for while they came.
void shadow_episodes::weigh(const cell_record& record) {
  auto asked = as_doubles(record.in_use);
  const auto ask = [&](const task_shape& shape, double times) {
    const auto amounts = metered_of(shape);
    for (std::size_t kind = 0; kind < metered_kinds; ++kind)
      asked[kind] += record.part * times * static_cast<double>(amounts[kind]);
  };
  for (const auto& task : record.tasks)
    if (task.waits)
      ask(task.shape, 1);
  if (asked == decltype(asked){} && !record.tasks.empty()) {
    const auto span = std::max<std::int64_t>(
        record.tasks.back().arrival_milliseconds
            - record.tasks.front().arrival_milliseconds,
        1);
    for (const auto& task : record.tasks)
      ask(task.shape, static_cast<double>(task.run_milliseconds)
                          / static_cast<double>(span));
  }
  // However many wait for one kind, they say no more than that it is too
  // little.
  const auto capacity = metered_of(nodes_);
  for (std::size_t kind = 0; kind < metered_kinds; ++kind)
    asked[kind]
        = std::min(asked[kind],
                   options_.highest_load * static_cast<double>(capacity[kind]));
  demand_ = pressure{asked, capacity};
  load_ = std::clamp(demand_.highest(), options_.lowest_load,
                     options_.highest_load);
}

/// Of the whole cell.
double shadow_episodes::size_of(std::uint32_t profile) const {
  return demand_.share_of(
      as_doubles(metered_of(profiles_[profile].profile.shape)),
      metered_of(nodes_));
}

void shadow_episodes::group() {
  std::array<double, task_classes> sums{};
  std::array<double, task_classes> counts{};
  for (const auto& task : tasks_) {
    const auto of = profiles_[task.profile].task_class;
    sums[of] += size_of(task.profile);
    ++counts[of];
  }
  for (std::uint32_t p = 0; p < profiles_.size(); ++p)
    if (auto& of = profiles_[p].task_class;
        size_of(p) * counts[of] >= large_from * sums[of])
      of = large_group;
}

std::int64_t shadow_episodes::run_of(const known_task& task,
                                     rng& random) const {
  if (task.ended)
    return std::max<std::int64_t>(task.run_milliseconds, 1);
  return lifetimes_[lifetimes_of_[task.profile]].draw(task.run_milliseconds,
                                                      random);
}

// -- one episode --------------------------------------------------------------

struct shadow_episodes::drawing {
  const shadow_episodes* from;
  rng random;
  queueing_workload out = {};
  std::vector<std::uint32_t> fitting = {}; ///< Tasks, in the record's order.
  std::vector<std::int64_t> runs = {};     ///< Theirs.
  double capacity = 0;                     ///< Part of the cell's.
  double mean_gap = 0;                     ///< Of the record.
  double size_time = 0;                    ///< Mean, in part of the cell x ms.
  double mean_run = 0;                     ///< In ms.
  double tasks_at_once = 0;                ///< Expected at a load of 1.
  std::size_t residents_drawn = 0;

  void nodes() {
    std::vector<std::uint32_t> order(from->nodes_.size());
    std::iota(order.begin(), order.end(), 0U);
    for (auto left = order.size(); left > 1; --left)
      std::swap(order[left - 1], order[random.below(left)]);
    const auto whole = metered_of(from->nodes_);
    const auto at_once = at_once_in_all();
    for (const auto n : order) {
      if (capacity > 0
          && (out.nodes.size() >= from->options_.nodes
              || capacity * at_once
                     > static_cast<double>(from->options_.tasks_at_once)))
        break;
      out.nodes.push_back(from->nodes_[n]);
      capacity += from->demand_.share_of(
          as_doubles(metered_of(from->nodes_[n])), whole);
    }
  }

  /// Tasks in the cell when all of it is in use.
  double at_once_in_all() const {
    double run = 0;
    double work = 0;
    for (const auto& task : from->tasks_) {
      const auto took = static_cast<double>(
          std::max<std::int64_t>(task.run_milliseconds, 1));
      run += took;
      work += took * from->size_of(task.profile);
    }
    return work > 0 ? run / work : 0;
  }

  void profiles() {
    cluster part;
    for (const auto& node : out.nodes)
      SKERRY_ASSERT(part.add_node(node)); // As in `make`.
    out.profiles = from->profiles_;
    std::vector<bool> fits;
    for (const auto& entry : out.profiles) {
      const auto shape = part.intern(entry.profile.shape);
      fits.push_back(shape && part.can_ever_fit(part.shape(*shape)));
    }
    for (std::size_t s = 0; s < segments; ++s) {
      const auto segment = random.below(segments);
      for (auto t = segment * from->tasks_.size() / segments;
           t < (segment + 1) * from->tasks_.size() / segments; ++t)
        if (fits[from->tasks_[t].profile])
          take(static_cast<std::uint32_t>(t));
    }
    const auto count = static_cast<double>(fitting.size());
    mean_gap /= count;
    mean_run /= count;
    size_time /= count;
    tasks_at_once = capacity * mean_run / size_time;
  }

  void take(std::uint32_t task) {
    const auto run = from->run_of(from->tasks_[task], random);
    fitting.push_back(task);
    runs.push_back(run);
    mean_gap += static_cast<double>(from->tasks_[task].gap_milliseconds);
    mean_run += static_cast<double>(run);
    size_time += static_cast<double>(run) * size(task);
  }

  double size(std::uint32_t task) const {
    return from->size_of(from->tasks_[task].profile);
  }

  void residents(double load) {
    std::vector<double> up_to;
    double sum = 0;
    for (const auto run : runs)
      up_to.push_back(sum += static_cast<double>(run));
    double asked = 0;
    const auto full = from->demand_.mean() / from->demand_.highest();
    while (asked < std::min(load, full) * capacity
           && out.arrivals.size() < 2 * from->options_.tasks_at_once) {
      const auto found
          = std::ranges::upper_bound(up_to, random.uniform() * sum);
      const auto at = static_cast<std::size_t>(std::min(found, up_to.end() - 1)
                                               - up_to.begin());
      const auto left = random.below(static_cast<std::uint64_t>(runs[at])) + 1;
      out.arrivals.push_back({0, static_cast<std::int64_t>(left),
                              from->tasks_[fitting[at]].profile});
      asked += size(fitting[at]);
    }
  }

  void arrivals(double load) {
    const auto count
        = std::clamp(static_cast<std::size_t>(turnovers * tasks_at_once),
                     fewest_arrivals, most_arrivals);
    const auto gap = size_time / (load * capacity); // The mean, in ms.
    double time = 0;
    while (out.arrivals.size() < count + residents_drawn) {
      const auto first = random.below(fitting.size());
      for (std::size_t i = 0; i < from->options_.block; ++i) {
        const auto at = (first + i) % fitting.size();
        const auto& task = from->tasks_[fitting[at]];
        time += mean_gap > 0 ? static_cast<double>(task.gap_milliseconds)
                                   / mean_gap * gap
                             : gap;
        out.arrivals.push_back(
            {static_cast<std::int64_t>(time), runs[at], task.profile});
      }
    }
    out.end_milliseconds = static_cast<std::int64_t>(time) + 1;
  }
};

queueing_workload shadow_episodes::draw(std::uint64_t seed) const {
  drawing made{this, rng{seed}};
  // Sizes are of all kinds, the load is where it is tightest.
  const auto load
      = (load_ + (2 * made.random.uniform() - 1) * options_.load_spread)
        * demand_.mean() / demand_.highest();
  // A few nodes may be without what is scarce, or fit none that wants it.
  for (int tries = 0; tries < 16 && !(made.size_time > 0); ++tries) {
    made = drawing{this, made.random};
    made.nodes();
    made.profiles();
  }
  made.out.classes = task_groups;
  made.out.history = history_;
  if (!(made.size_time > 0))
    return std::move(made.out); // Nothing happens in it.
  made.residents(load);
  made.residents_drawn = made.out.arrivals.size();
  made.arrivals(load);
  return std::move(made.out);
}

} // namespace skerry
