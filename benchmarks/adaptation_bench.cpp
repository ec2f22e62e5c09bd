#include "actors/policy_league.hpp"
#include "benchmarks/benchmarks.hpp"
#include "benchmarks/changing_workload.hpp"
#include "benchmarks/measure.hpp"
#include "evolution/island.hpp"
#include "messages/policy_file.hpp"
#include "scheduling/assert.hpp"
#include "simulation/cell_objective.hpp"
#include "simulation/placement_genome.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

// A cluster in virtual time whose policies are improved and judged while it
// works, as a server does it:
//
//     every half hour: record of the last tasks -> island -> candidate
//                                               -> league: a round of episodes
//                                                  -> who rules from now on
//
// The canary waits its round but decides nothing here.

namespace skerry {
namespace {

constexpr std::int64_t round_milliseconds = 1'800'000;
constexpr std::int64_t stretch_milliseconds = std::int64_t{2} * 3'600'000;
constexpr std::size_t most_recorded = 2048;
constexpr std::uint64_t generations_per_round = 12;
constexpr std::string_view configured = "best-fit-all"; ///< A server's default.

struct rule_change {
  std::int64_t at_milliseconds = 0;
  std::string policy;
};

struct adaptation {
  std::vector<task_outcome> outcomes;
  std::vector<rule_change> rulers;
  std::uint64_t promotions = 0;
  std::vector<policy_choice> ruled_first_phase; ///< One: at its end.
};

/// What a server would have recorded by now.
cell_record record_at(const changing_workload& load,
                      const queueing_cluster& cluster) {
  const auto now = cluster.now_milliseconds();
  cell_record out{.nodes = load.queue.nodes, .tasks = {}};
  const auto& arrivals = load.queue.arrivals;
  const auto come = static_cast<std::size_t>(
      std::ranges::upper_bound(arrivals, now, {},
                               &queueing_arrival::time_milliseconds)
      - arrivals.begin());
  for (auto i = come - std::min(come, most_recorded); i < come; ++i) {
    const auto& arrival = arrivals[i];
    const auto start = cluster.outcomes()[i].start_milliseconds;
    auto& task = out.tasks.emplace_back();
    task.shape = load.queue.profiles[arrival.profile].profile.shape;
    task.arrival_milliseconds = arrival.time_milliseconds;
    task.ended = start >= 0 && start + arrival.run_milliseconds <= now;
    task.waits = start < 0;
    if (!task.waits)
      task.run_milliseconds = std::min(arrival.run_milliseconds, now - start);
  }
  const auto& nodes = cluster.book().nodes();
  for (std::uint32_t n = 0; n < nodes.size(); ++n) {
    const auto amounts = metered_in_use(nodes, node_index{n});
    for (std::size_t kind = 0; kind < metered_kinds; ++kind)
      out.in_use[kind] += amounts[kind];
  }
  return out;
}

/// One island, which goes on from its last champion when it looks at the cell
/// again.
class cell_island {
public:
  explicit cell_island(std::uint64_t seed) : seed_{seed} {}

  void improve(const cell_record& record) {
    placement_picture picture{.nodes = record.nodes, .tasks = {}};
    for (const auto& task : record.tasks)
      picture.tasks.push_back(task.shape);
    cell_objective_options how;
    if (!best_.empty())
      how.starts.push_back(best_);
    const auto goal = cell_objective::make({picture}, std::move(how));
    SKERRY_ASSERT(goal);
    island_options options;
    options.optimiser = *find_optimiser("cma-es");
    options.validate_every = generations_per_round;
    island search{options, **goal, ++seed_};
    for (std::uint64_t g = 0; g < generations_per_round; ++g)
      search.step();
    if (!search.champions().empty())
      best_ = search.champions().front().genes;
  }

  const genome& best() const { return best_; }

private:
  std::uint64_t seed_;
  genome best_;
};

std::vector<task_shape> shapes_of(const cell_record& record) {
  std::vector<task_shape> out;
  for (const auto& task : record.tasks)
    out.push_back(task.shape);
  return out;
}

result<adaptation> adapt(const changing_workload& load, std::uint64_t seed) {
  league_options rules;
  rules.mode = league_mode::on;
  const auto shipped = *find_policy(shipped_policy_name);
  policy_league league{rules, policy_choice{configured}, shipped, 0};
  cell_island island{seed};
  queueing_cluster cluster{load.queue};
  if (auto ok = cluster.prepare(policy_choice{configured}, seed,
                                placement_search::index);
      !ok)
    return ok.failure();
  adaptation out;
  auto version = league.ruling_version();
  bool goes_on = true;
  for (auto at = round_milliseconds; goes_on; at += round_milliseconds) {
    while (goes_on && cluster.now_milliseconds() < at)
      goes_on = cluster.step();
    if (!goes_on)
      break;
    const auto record = record_at(load, cluster);
    island.improve(record);
    if (!island.best().empty())
      (void)league.submit("island", weights_of(island.best()), "islands",
                          at); // Perhaps known: judged again then.
    auto episodes = shadow_episodes::make(record, {});
    if (!episodes)
      return episodes.failure();
    shadow_evaluation judging{
        std::make_shared<const shadow_episodes>(*std::move(episodes)),
        league.field(), rules.episodes,
        seed * 1000 + static_cast<std::uint64_t>(at / round_milliseconds)};
    while (judging.step()) {
    }
    const auto came_after = [&](const queueing_arrival& arrival) {
      return arrival.time_milliseconds >= league.canary_since()
             && arrival.time_milliseconds <= at;
    };
    league.conclude(judging.series(),
                    static_cast<std::size_t>(
                        std::ranges::count_if(load.queue.arrivals, came_after)),
                    at);
    if (std::exchange(version, league.ruling_version())
            != league.ruling_version()
        && (out.rulers.empty()
            || out.rulers.back().policy != league.active())) {
      if (auto ok = cluster.change_policy(league.ruling().active,
                                          shapes_of(record), seed);
          !ok)
        return ok.failure();
      out.rulers.push_back({at, league.active()});
    }
    if (at == changing_workload::phase_milliseconds)
      out.ruled_first_phase = {league.ruling().active};
  }
  out.promotions = league.promotions();
  out.outcomes = cluster.report().outcomes;
  return out;
}

/// The outcomes under one policy that stays.
result<std::vector<task_outcome>> stay(const changing_workload& load,
                                       const policy_choice& policy,
                                       std::uint64_t seed) {
  auto run = run_queueing_cluster(load.queue, policy, seed,
                                  placement_search::index, {});
  if (!run)
    return run.failure();
  return std::move(run->outcomes);
}

struct comparison {
  const changing_workload& load;
  std::vector<task_outcome> league;
  std::vector<task_outcome> frozen;
  std::map<std::string, std::vector<task_outcome>> heuristics;

  double of(const std::vector<task_outcome>& run, std::size_t phase,
            std::int64_t from, std::int64_t until) const {
    return allocated_percent(load.queue, run, load.asked[phase], from, until);
  }

  benchmark_case phase(std::size_t number, std::string name) const {
    const auto from = static_cast<std::int64_t>(number)
                      * changing_workload::phase_milliseconds;
    const auto until = from + changing_workload::phase_milliseconds;
    const std::vector<task_outcome>* best = nullptr;
    double most = -1;
    std::string best_name;
    for (const auto& [each, run] : heuristics)
      if (const auto value = of(run, number, from, until); value > most) {
        best = &run;
        most = value;
        best_name = each;
      }
    const auto value = of(league, number, from, until);
    double worst = 100;
    double recovered = 0;
    constexpr double guard = gate_limits{}.behind_heuristic_points;
    for (auto at = from; at < until; at += stretch_milliseconds) {
      const auto end = at + stretch_milliseconds;
      const auto behind
          = of(league, number, at, end) - of(*best, number, at, end);
      worst = std::min(worst, behind);
      if (behind < -guard)
        recovered = static_cast<double>(end - from) / 3'600'000;
    }
    const auto wait = [&](const std::vector<task_outcome>& run) {
      return mean_wait_seconds(load.queue, run, from, until);
    };
    return {.name = fmt::format("{}/best {}", name, best_name),
            .more = {{"league", value},
                     {"frozen", of(frozen, number, from, until)},
                     {"best_heuristic", most},
                     {"configured", of(heuristics.at(std::string{configured}),
                                       number, from, until)},
                     {"ahead", value - most},
                     {"worst_stretch", worst},
                     {"recovery_hours", recovered},
                     {"wait", wait(league)},
                     {"wait_best_heuristic", wait(*best)},
                     {"wait_configured",
                      wait(heuristics.at(std::string{configured}))}}};
  }
};

} // namespace

result<> run_adaptation_bench(const benchmark_options& options,
                              const report_case& report) {
  const auto load = make_changing_workload(options.seed);
  if (!load)
    return load.failure();
  const auto began = thread_cpu_seconds();
  auto adapted = adapt(*load, options.seed);
  if (!adapted)
    return adapted.failure();
  const auto used = thread_cpu_seconds() - began;
  for (const auto& [at, policy] : adapted->rulers)
    report({.name = fmt::format("seed {}/ruler/{}", options.seed, policy),
            .more = {{"hours", static_cast<double>(at) / 3'600'000}}});
  comparison compared{.load = *load,
                      .league = std::move(adapted->outcomes),
                      .frozen = {},
                      .heuristics = {}};
  auto frozen = stay(*load, adapted->ruled_first_phase.front(), options.seed);
  if (!frozen)
    return frozen.failure();
  compared.frozen = *std::move(frozen);
  for (const auto name : placement_policy_names()) {
    auto run = stay(*load, policy_choice{name}, options.seed);
    if (!run)
      return run.failure();
    if (name != "random")
      compared.heuristics.emplace(name, *std::move(run));
  }
  for (std::size_t phase = 0; phase < changing_workload::phases; ++phase) {
    auto line = compared.phase(
        phase, fmt::format("seed {}/phase {}", options.seed, phase + 1));
    if (phase == 0)
      line.cpu_seconds = used;
    line.more.emplace_back("promotions",
                           static_cast<double>(adapted->promotions));
    report(line);
  }
  return done{};
}

} // namespace skerry
