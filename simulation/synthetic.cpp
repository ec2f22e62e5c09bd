#include "simulation/synthetic.hpp"

#include "simulation/synthetic_catalogue.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace skerry {
namespace {

constexpr std::int64_t max_nodes = 100'000;
constexpr double max_hours = 744;
constexpr double max_load = 10;
/// Weights are relative; beyond this they are a slip.
constexpr double max_share = 1e6;

/// Streams of one seed; `random` draws from the seed itself.
constexpr std::uint64_t arrivals_stream = 0xa0761d6478bd642f;
constexpr std::uint64_t bursts_stream = 0xe7037ed1a0b428db;
constexpr std::uint64_t nodes_stream = 0x8ebc6af09c88c6e3;

/// What one profile is expected to ask of the cluster.
struct demand {
  std::uint32_t kinds = 0; ///< On which it fits, a bit each.
  double arrivals = 0;     ///< Of all arrivals.
  std::array<double, metered_kinds> amount_seconds{}; ///< Each arrival.
};

/// Largest remainders: whole nodes, as near to the shares as can be.
std::array<std::size_t, node_kinds> node_counts(const synthetic_options& of) {
  const auto all
      = std::accumulate(of.node_shares.begin(), of.node_shares.end(), 0.0);
  std::array<std::size_t, node_kinds> counts{};
  std::array<double, node_kinds> remainders{};
  auto left = static_cast<std::size_t>(of.nodes);
  for (std::size_t kind = 0; kind < node_kinds; ++kind) {
    const auto wanted
        = of.node_shares[kind] / all * static_cast<double>(of.nodes);
    counts[kind] = std::min(static_cast<std::size_t>(wanted), left);
    remainders[kind] = wanted - static_cast<double>(counts[kind]);
    left -= counts[kind];
  }
  while (left > 0) {
    const auto most = std::ranges::max_element(remainders);
    ++counts[static_cast<std::size_t>(most - remainders.begin())];
    *most = -1;
    --left;
  }
  return counts;
}

/// In an order drawn from the seed, for the first wins among equals.
std::vector<node_spec>
make_nodes(const std::array<std::size_t, node_kinds>& counts, rng& random) {
  std::vector<node_spec> nodes;
  for (std::size_t kind = 0; kind < node_kinds; ++kind)
    for (std::size_t i = 0; i < counts[kind]; ++i)
      nodes.push_back(synthetic_node(static_cast<node_kind>(kind), i));
  for (auto left = nodes.size(); left > 1; --left)
    std::swap(nodes[left - 1], nodes[random.below(left)]);
  return nodes;
}

/// On which kinds each profile fits, as the cluster itself says.
result<std::vector<std::uint32_t>>
kinds_that_fit(std::span<const queueing_profile> profiles,
               const std::array<std::size_t, node_kinds>& counts) {
  cluster empty;
  std::vector<std::uint32_t> kind_of_node;
  // Three of a kind have all its zones.
  for (std::size_t kind = 0; kind < node_kinds; ++kind)
    for (std::size_t i = 0; i < std::min<std::size_t>(counts[kind], 3); ++i) {
      auto node
          = empty.add_node(synthetic_node(static_cast<node_kind>(kind), i));
      if (!node)
        return node.failure();
      kind_of_node.push_back(static_cast<std::uint32_t>(kind));
    }
  std::vector<std::uint32_t> out;
  for (const auto& each : profiles) {
    const auto shape = empty.intern(each.profile.shape);
    if (!shape)
      return shape.failure();
    std::uint32_t kinds = 0;
    for (std::uint32_t n = 0; n < kind_of_node.size(); ++n)
      if (!empty.why_not(empty.shape(*shape), node_index{n}))
        kinds |= 1U << kind_of_node[n];
    out.push_back(kinds);
  }
  return out;
}

/// @returns With the load of one arrival a second.
bottleneck find_bottleneck(std::span<const demand> demands,
                           const std::array<std::size_t, node_kinds>& counts) {
  bottleneck tightest;
  for (std::uint32_t kinds = 1; kinds < 1U << node_kinds; ++kinds)
    for (std::size_t r = 0; r < metered_kinds; ++r) {
      double capacity = 0;
      for (std::size_t kind = 0; kind < node_kinds; ++kind)
        if ((kinds >> kind & 1) != 0)
          capacity += static_cast<double>(counts[kind])
                      * static_cast<double>(metered_of(
                          synthetic_node(static_cast<node_kind>(kind), 0))[r]);
      double asked = 0;
      for (const auto& each : demands)
        if (each.kinds != 0 && (each.kinds & ~kinds) == 0)
          asked += each.arrivals * each.amount_seconds[r];
      if (capacity > 0 && asked / capacity > tightest.load)
        tightest = {kinds, static_cast<metered>(r), asked / capacity};
    }
  return tightest;
}

/// Puts all profiles into the queue.
/// @returns The share of each in all arrivals.
std::vector<double> add_profiles(const synthetic_options& options,
                                 queueing_workload& queue) {
  const auto all = std::accumulate(options.task_shares.begin(),
                                   options.task_shares.end(), 0.0);
  std::vector<double> shares;
  for (std::size_t c = 0; c < workload_classes; ++c) {
    const auto share
        = options.task_shares[c] / all * (1 - options.impossible_share);
    if (share == 0)
      continue;
    for (auto& profile : synthetic_profiles(static_cast<workload_class>(c))) {
      queue.profiles.push_back(std::move(profile.entry));
      shares.push_back(share * profile.share);
    }
  }
  queue.profiles.push_back(impossible_profile());
  shares.push_back(options.impossible_share);
  return shares;
}

/// What a policy that wants a record is told: each shape as often as it comes
/// in 10 000 arrivals.
std::vector<task_shape> make_history(std::span<const queueing_profile> profiles,
                                     std::span<const double> shares) {
  std::vector<task_shape> history;
  for (std::size_t i = 0; i < profiles.size(); ++i)
    history.insert(history.end(),
                   static_cast<std::size_t>(std::llround(shares[i] * 1e4)),
                   profiles[i].profile.shape);
  return history;
}

/// Draws candidates at the highest rate there is and keeps each with the
/// probability of the rate at its time ("thinning").
void draw_arrivals(const synthetic_options& options, double per_hour,
                   std::span<const double> shares, std::uint64_t seed,
                   queueing_workload& queue) {
  arrival_process process{options.arrivals, options.hours,
                          seed ^ bursts_stream};
  rng random{seed ^ arrivals_stream};
  std::vector<double> up_to(shares.size());
  std::partial_sum(shares.begin(), shares.end(), up_to.begin());
  double hours = 0;
  while (true) {
    hours += random.exponential(1 / (per_hour * process.peak()));
    const auto time = static_cast<std::int64_t>(std::floor(hours * 3'600'000));
    if (time >= queue.end_milliseconds)
      return;
    const auto found
        = std::ranges::upper_bound(up_to, random.uniform() * up_to.back());
    const auto profile = std::min(
        static_cast<std::size_t>(found - up_to.begin()), up_to.size() - 1);
    const auto of
        = static_cast<workload_class>(queue.profiles[profile].task_class);
    const auto keep
        = random.uniform() * process.peak() < process.rate(hours, drift_of(of));
    if (!keep)
      continue;
    const auto run = std::max<std::int64_t>(
        std::llround(run_time_of(of).draw_seconds(random) * 1000), 1);
    queue.arrivals.push_back({time, run, static_cast<std::uint32_t>(profile)});
  }
}

} // namespace

result<synthetic_workload> generate_synthetic(const synthetic_options& options,
                                              std::uint64_t seed) {
  if (auto ok = validate(options); !ok)
    return ok.failure();
  synthetic_workload out;
  auto& queue = out.queue;
  queue.classes = workload_classes;
  queue.measured_from_milliseconds
      = std::llround(options.warm_up_hours * 3'600'000);
  queue.end_milliseconds = std::llround(options.hours * 3'600'000);
  const auto counts = node_counts(options);
  rng for_nodes{seed ^ nodes_stream};
  queue.nodes = make_nodes(counts, for_nodes);
  const auto shares = add_profiles(options, queue);
  queue.history = make_history(queue.profiles, shares);

  const auto kinds = kinds_that_fit(queue.profiles, counts);
  if (!kinds)
    return kinds.failure();
  std::vector<demand> demands;
  for (std::size_t i = 0; i < queue.profiles.size(); ++i) {
    const auto& [profile, task_class] = queue.profiles[i];
    const auto seconds
        = run_time_of(static_cast<workload_class>(task_class)).mean_seconds();
    demand each{.kinds = (*kinds)[i], .arrivals = shares[i]};
    const auto amounts = metered_of(profile.shape);
    for (std::size_t r = 0; r < metered_kinds; ++r)
      each.amount_seconds[r] = static_cast<double>(amounts[r]) * seconds;
    demands.push_back(each);
  }
  out.tightest = find_bottleneck(demands, counts);
  if (out.tightest.load == 0)
    return {error_code::invalid_argument,
            fmt::format("no task of the mix fits any of the {} nodes",
                        options.nodes)};
  out.tasks_per_hour = options.load / out.tightest.load * 3600;
  out.tightest.load = options.load;
  if (out.tasks_per_hour * options.hours > static_cast<double>(max_arrivals))
    return {error_code::invalid_argument,
            fmt::format("{:.0f} tasks an hour are more than {} in all: lower "
                        "nodes, load or hours",
                        out.tasks_per_hour, max_arrivals)};
  draw_arrivals(options, out.tasks_per_hour, shares, seed, queue);
  return out;
}

// -- options ------------------------------------------------------------------

namespace {

class fault_list {
public:
  void want(bool holds, std::string_view what, double is,
            std::string_view wanted) {
    if (!holds)
      fmt::format_to(std::back_inserter(text_), "{}{} is {:g} (want {})",
                     text_.empty() ? "" : "; ", what, is, wanted);
  }

  void want_shares(std::span<const double> shares,
                   std::span<const std::string_view> names,
                   std::string_view what) {
    double sum = 0;
    for (std::size_t i = 0; i < shares.size(); ++i) {
      want(shares[i] >= 0 && shares[i] <= max_share,
           fmt::format("the share of {} {}s", names[i], what), shares[i],
           "0 to 1e6");
      sum += shares[i];
    }
    want(!(sum <= 0), fmt::format("the sum of {} shares", what), sum,
         "above 0");
  }

  result<> take() && {
    if (text_.empty())
      return done{};
    return {error_code::invalid_argument, std::move(text_)};
  }

private:
  std::string text_;
};

} // namespace

// Comparisons are written so that NaN is a fault.
result<> validate(const synthetic_options& options) {
  fault_list faults;
  faults.want(options.nodes >= 1 && options.nodes <= max_nodes,
              "the number of nodes", static_cast<double>(options.nodes),
              "1 to 100000");
  faults.want(options.hours >= 0.001 && options.hours <= max_hours,
              "the time in hours", options.hours, "0.001 to 744");
  faults.want(options.warm_up_hours >= 0
                  && options.warm_up_hours <= options.hours - 0.001,
              "the warm-up in hours", options.warm_up_hours,
              "0 to less than the time");
  faults.want(options.load > 0 && options.load <= max_load, "the load",
              options.load, "above 0, at most 10");
  faults.want_shares(options.node_shares, node_kind_names, "node");
  faults.want_shares(options.task_shares, workload_class_names, "task");
  const auto& arrivals = options.arrivals;
  faults.want(arrivals.diurnal >= 0 && arrivals.diurnal <= 1,
              "the diurnal amplitude", arrivals.diurnal, "0 to 1");
  faults.want(arrivals.burst >= 1 && arrivals.burst <= 100, "the burst factor",
              arrivals.burst, "1 to 100");
  faults.want(arrivals.burst_share >= 0.0001
                  && arrivals.burst_share * arrivals.burst < 1,
              "the share of time in bursts", arrivals.burst_share,
              "0.0001 to less than 1 / burst factor");
  faults.want(arrivals.burst_seconds >= 1 && arrivals.burst_seconds <= 86'400,
              "the mean burst in seconds", arrivals.burst_seconds,
              "1 to 86400");
  faults.want(arrivals.drift >= 0 && arrivals.drift <= 1, "the drift",
              arrivals.drift, "0 to 1");
  faults.want(options.impossible_share >= 0 && options.impossible_share <= 1,
              "the share of impossible tasks", options.impossible_share,
              "0 to 1");
  return std::move(faults).take();
}

} // namespace skerry
