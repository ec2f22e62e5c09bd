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
/// Relative to the mean size of those that want what is scarce.
constexpr double large_from = 1.5;
/// Arrivals relative to the tasks that run at once, within bounds: a stretch
/// long enough to tell policies apart, short enough to draw dozens of them.
constexpr double turnovers = 2;
constexpr std::size_t fewest_arrivals = 200;
constexpr std::size_t most_arrivals = 1'500;
/// What policies are told of the record: a mix is known from so many.
constexpr std::size_t most_history = 512;
/// Of a task of which nothing better is known.
constexpr std::int64_t least_run_milliseconds = 1'000;

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
  constexpr auto no_profile = ~std::uint32_t{0};
  std::vector<std::uint32_t> profile_of_shape;
  std::int64_t before
      = record.tasks.empty() ? 0 : record.tasks.front().arrival_milliseconds;
  for (auto& task : record.tasks) {
    task.shape = alone(std::move(task.shape));
    const auto shape = whole.intern(task.shape);
    if (!shape || !whole.can_ever_fit(whole.shape(*shape)))
      continue;
    if (index_of(*shape) >= profile_of_shape.size())
      profile_of_shape.resize(index_of(*shape) + 1, no_profile);
    auto& profile = profile_of_shape[index_of(*shape)];
    if (profile == no_profile) {
      profile = static_cast<std::uint32_t>(out.profiles_.size());
      out.profiles_.push_back(
          {{.shape = task.shape},
           static_cast<std::uint32_t>(class_of(whole.shape(*shape)))});
    }
    out.tasks_.push_back(
        {.profile = profile,
         .run_milliseconds = std::max<std::int64_t>(task.run_milliseconds, 0),
         .gap_milliseconds
         = std::max<std::int64_t>(task.arrival_milliseconds - before, 0),
         .ended = task.ended});
    before = task.arrival_milliseconds;
  }
  out.nodes_ = std::move(record.nodes);
  out.find_scarce();
  out.group();
  if (std::ranges::none_of(out.tasks_, [&](const auto& task) {
        return out.size_of(task.profile) > 0;
      }))
    return {error_code::insufficient,
            "no task is known that fits the nodes and asks for what is scarce"};
  const auto apart = out.tasks_.size() / most_history + 1;
  for (std::size_t i = 0; i < out.tasks_.size(); i += apart)
    out.history_.push_back(out.profiles_[out.tasks_[i].profile].profile.shape);
  return out;
}

double shadow_episodes::size_of(std::uint32_t profile) const {
  return static_cast<double>(
      metered_of(profiles_[profile].profile.shape)[index_of(scarce_)]);
}

void shadow_episodes::find_scarce() {
  const auto capacity = metered_of(nodes_);
  std::array<double, metered_kinds> wanted{};
  for (const auto& task : tasks_) {
    const auto amounts = metered_of(profiles_[task.profile].profile.shape);
    const auto run = std::max(task.run_milliseconds, least_run_milliseconds);
    for (std::size_t kind = 0; kind < metered_kinds; ++kind)
      wanted[kind]
          += static_cast<double>(amounts[kind]) * static_cast<double>(run);
  }
  double most = -1;
  for (std::size_t kind = 0; kind < metered_kinds; ++kind) {
    if (capacity[kind] == 0)
      continue;
    const auto load = wanted[kind] / static_cast<double>(capacity[kind]);
    if (load > most) {
      most = load;
      scarce_ = static_cast<metered>(kind);
    }
  }
}

void shadow_episodes::group() {
  double sum = 0;
  double count = 0;
  for (const auto& task : tasks_)
    if (const auto size = size_of(task.profile); size > 0) {
      sum += size;
      ++count;
    }
  for (std::uint32_t p = 0; p < profiles_.size(); ++p)
    if (count > 0 && size_of(p) >= large_from * sum / count)
      profiles_[p].task_class = large_group;
  for (const auto& task : tasks_)
    if (task.ended)
      runs_[profiles_[task.profile].task_class].push_back(
          std::max<std::int64_t>(task.run_milliseconds, 1));
  for (auto& runs : runs_)
    std::ranges::sort(runs);
}

/// One that still runs will run as long as one of its group that had run longer
/// than it has; where there was none, twice as long as so far, as is usual
/// where most run briefly and a few for very long.
std::int64_t shadow_episodes::run_of(const known_task& task,
                                     rng& random) const {
  if (task.ended)
    return std::max<std::int64_t>(task.run_milliseconds, 1);
  const auto& runs = runs_[profiles_[task.profile].task_class];
  const auto longer = std::ranges::upper_bound(runs, task.run_milliseconds);
  if (longer == runs.end())
    return std::max(2 * task.run_milliseconds, least_run_milliseconds);
  return longer[static_cast<std::ptrdiff_t>(
      random.below(static_cast<std::uint64_t>(runs.end() - longer)))];
}

// -- one episode --------------------------------------------------------------

struct shadow_episodes::drawing {
  const shadow_episodes* from;
  rng random;
  queueing_workload out = {};
  std::vector<std::uint32_t> fitting = {}; ///< Tasks, in the record's order.
  std::vector<std::int64_t> runs = {};     ///< Theirs.
  double capacity = 0;
  double mean_gap = 0;      ///< Of the record.
  double size_time = 0;     ///< Mean, in amount x ms.
  double mean_run = 0;      ///< In ms.
  double tasks_at_once = 0; ///< Expected at a load of 1.
  std::size_t residents_drawn = 0;

  void nodes() {
    std::vector<std::uint32_t> order(from->nodes_.size());
    std::iota(order.begin(), order.end(), 0U);
    for (auto left = order.size(); left > 1; --left)
      std::swap(order[left - 1], order[random.below(left)]);
    const auto whole = metered_of(from->nodes_)[index_of(from->scarce_)];
    const auto at_once = at_once_in_all(static_cast<double>(whole));
    for (const auto n : order) {
      const auto part = capacity / static_cast<double>(whole);
      if (capacity > 0
          && (out.nodes.size() >= from->options_.nodes
              || part * at_once
                     > static_cast<double>(from->options_.tasks_at_once)))
        break;
      out.nodes.push_back(from->nodes_[n]);
      capacity += static_cast<double>(
          metered_of(from->nodes_[n])[index_of(from->scarce_)]);
    }
  }

  double at_once_in_all(double whole) const {
    double run = 0;
    double work = 0;
    for (const auto& task : from->tasks_) {
      const auto took = static_cast<double>(
          std::max<std::int64_t>(task.run_milliseconds, 1));
      run += took;
      work += took * from->size_of(task.profile);
    }
    return work > 0 ? whole * run / work : 0;
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
    for (std::uint32_t t = 0; t < from->tasks_.size(); ++t)
      if (fits[from->tasks_[t].profile]) {
        const auto run = from->run_of(from->tasks_[t], random);
        fitting.push_back(t);
        runs.push_back(run);
        mean_gap += static_cast<double>(from->tasks_[t].gap_milliseconds);
        mean_run += static_cast<double>(run);
        size_time += static_cast<double>(run) * size(t);
      }
    const auto count = static_cast<double>(fitting.size());
    mean_gap /= count;
    mean_run /= count;
    size_time /= count;
    tasks_at_once = capacity * mean_run / size_time;
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
    while (asked < std::min(load, 1.0) * capacity
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
  const auto load = options_.lowest_load
                    + made.random.uniform()
                          * (options_.highest_load - options_.lowest_load);
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
