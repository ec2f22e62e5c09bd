#include "cli/arguments.hpp"
#include "cli/command.hpp"
#include "cli/evolve_checkpoint.hpp"
#include "cli/evolve_request.hpp"
#include "cli/interrupt.hpp"
#include "cli/output_file.hpp"
#include "cli/report.hpp"
#include "cli/training.hpp"
#include "cli/version.hpp"
#include "evolution/archipelago.hpp"
#include "evolution/deviates.hpp"
#include "messages/policy_file.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <thread>

namespace skerry {
namespace {

using clock = std::chrono::steady_clock;

constexpr double seconds_between_reports = 10;
/// Fresh draws in which the champion is found, and others in which it is held
/// against the heuristics.
constexpr std::size_t final_scenarios = 200;
constexpr std::uint64_t final_stream = 0x66696e616c;

struct comparison {
  double cost = 0; ///< Of the champion; lower is better.
  std::string heuristic;
  double heuristic_cost = std::numeric_limits<double>::infinity();
};

double seconds_since(clock::time_point start) {
  return std::chrono::duration<double>(clock::now() - start).count();
}

/// The calling thread works, too.
executor on_threads(std::size_t threads) {
  return [threads](std::size_t count,
                   const std::function<void(std::size_t)>& job) {
    std::atomic<std::size_t> next = 0;
    const auto work = [&] {
      for (auto i = next++; i < count; i = next++)
        job(i);
    };
    std::vector<std::jthread> others;
    for (std::size_t t = 1; t < std::min(threads, count); ++t)
      others.emplace_back(work);
    work();
  };
}

/// A line for each island on stderr, every few seconds.
class reporter {
public:
  explicit reporter(const console& on) : quiet_{on.quiet} {}

  void look_at(const archipelago& islands) {
    if (quiet_ || seconds_since(last_) < seconds_between_reports)
      return;
    last_ = clock::now();
    std::string text = fmt::format("after {:.0f} s: epoch {}, {} evaluations\n",
                                   seconds_since(start_), islands.epoch(),
                                   islands.evaluations());
    for (const auto& island : islands.islands()) {
      const auto at = island->statistics();
      text += fmt::format("  island {}: best {:.4f}, mean {:.4f}, diversity "
                          "{:.4f}, {} migrants "
                          "in, {} restarts\n",
                          island->number(), at.best, at.mean, at.diversity,
                          at.migrants_accepted, at.restarts);
    }
    console::print_to_stderr(text);
  }

  double seconds() const { return seconds_since(start_); }

private:
  bool quiet_;
  clock::time_point start_ = clock::now();
  clock::time_point last_ = start_;
};

/// Until the budget is spent or somebody interrupts.
void improve(archipelago& islands, const evolve_request& request,
             evolve_checkpoint& kept, const executor& run, console& out) {
  held_signals signals;
  reporter report{out};
  islands.run(request.evaluations, run, [&](const archipelago& now) {
    report.look_at(now);
    kept.look_at(now, out);
    if (signals.wait_milliseconds(0) != 0) {
      out.note("interrupted: choosing the best so far; again to stop at once");
      return false;
    }
    return !request.seconds || report.seconds() < *request.seconds;
  });
}

comparison compare(const evolve_request& request, const genome& champion,
                   const executor& run) {
  const auto& target = request.target;
  std::vector<const genome*> all{&champion};
  for (const auto& [name, genes] : target.heuristics)
    all.push_back(&genes);
  std::vector<double> costs(all.size() * final_scenarios);
  run(costs.size(), [&](std::size_t i) {
    costs[i] = target.objective->cost(
        *all[i % all.size()],
        derive_seed(request.options.seed, final_stream, i / all.size()));
  });
  const auto mean = [&](std::size_t which) {
    double sum = 0;
    for (auto i = which; i < costs.size(); i += all.size())
      sum += costs[i];
    return sum / final_scenarios;
  };
  comparison out{.cost = mean(0), .heuristic = {}};
  for (std::size_t i = 0; i < target.heuristics.size(); ++i)
    if (const auto cost = mean(i + 1); cost < out.heuristic_cost) {
      out.heuristic = target.heuristics[i].first;
      out.heuristic_cost = cost;
    }
  return out;
}

/// Items "a/b,c=d/e" without directories, which differ by machine.
std::vector<std::string> without_directories(const std::string& list) {
  std::vector<std::string> out;
  const auto items = parse_list("", list);
  if (!items)
    return out;
  for (const auto& item : *items) {
    const auto path = item.find('=') + 1;
    out.push_back(
        item.substr(0, path)
        + std::filesystem::path{item.substr(path)}.filename().string());
  }
  return out;
}

/// But for how long: what a search that goes on must have in common with the
/// one before.
std::string search_of(const evolve_flags& flags) {
  std::string out = fmt::format("--objective {}", flags.objective);
  for (const auto& train : flags.train)
    out += fmt::format(" --train {}",
                       fmt::join(without_directories(train), ","));
  const auto about_queues = flags.objective == queue_goal_name;
  const std::string none;
  const std::pair<std::string_view, const std::string&> others[]{
      {"--island-objectives", flags.island_objectives},
      {"--cluster-divisor", about_queues ? none : flags.cluster_divisor},
      {"--load", about_queues ? none : flags.loads},
      {"--backfill", about_queues ? flags.backfill : none},
      {"--estimates", about_queues ? flags.estimates : none},
      {"--islands", flags.islands},
      {"--optimiser", flags.optimisers},
      {"--population", flags.population},
      {"--scenarios", flags.scenarios},
      {"--topology", flags.topology},
      {"--migration", flags.migration},
      {"--seed", flags.seed}};
  for (const auto& [flag, value] : others)
    if (!value.empty())
      out += fmt::format(" {} {}", flag, value);
  return out;
}

std::string command_of(const evolve_flags& flags) {
  auto out = "skerry evolve " + search_of(flags);
  if (!flags.evaluations.empty())
    out += " --evaluations " + flags.evaluations;
  if (!flags.budget.empty())
    out += " --budget " + flags.budget;
  return out;
}

v1::Policy policy_of(const evolve_flags& flags, const evolve_request& request,
                     const archipelago& islands, const genome& champion,
                     const comparison& compared) {
  const auto name = std::filesystem::path{flags.out}.stem().string();
  auto out = request.target.policy_of(name, champion);
  auto& from = out.placement().empty() ? *out.mutable_queue_provenance()
                                       : *out.mutable_provenance();
  from.set_objective(flags.objective);
  for (const auto& workload : request.target.trained_on)
    from.add_trained_on(workload);
  for (const auto& parent : without_directories(flags.start))
    from.add_parents(parent);
  from.set_seed(request.options.seed);
  from.set_evaluations(islands.evaluations());
  from.set_islands(static_cast<std::uint32_t>(islands.islands().size()));
  from.set_cost(compared.cost);
  from.set_heuristic(compared.heuristic);
  from.set_heuristic_cost(compared.heuristic_cost);
  from.set_made_by(fmt::format("skerry {} ({})", version(), commit()));
  from.set_command(command_of(flags));
  seal(out);
  return out;
}

result<> print_outcome(const evolve_flags& flags, const archipelago& islands,
                       const comparison& compared, double seconds,
                       console& out) {
  if (out.format == output_format::json) {
    json islands_json = json::array();
    for (const auto& island : islands.islands()) {
      const auto at = island->statistics();
      islands_json.push_back({{"island", island->number()},
                              {"optimiser", island->search().name()},
                              {"generation", at.generation},
                              {"evaluations", at.evaluations},
                              {"best", at.best},
                              {"mean", at.mean},
                              {"diversity", at.diversity},
                              {"migrants_sent", at.migrants_sent},
                              {"migrants_accepted", at.migrants_accepted}});
    }
    return out.print(json{{"policy", flags.out},
                          {"objective", flags.objective},
                          {"cost", compared.cost},
                          {"heuristic", compared.heuristic},
                          {"heuristic_cost", compared.heuristic_cost},
                          {"evaluations", islands.evaluations()},
                          {"seconds", seconds},
                          {"islands", std::move(islands_json)}}
                         .dump(2)
                     + "\n");
  }
  return out.print(fmt::format(
      "{}: cost {:.4f} over {} fresh draws of {} ({}: {:.4f}), after {} "
      "evaluations in {:.0f} s\n",
      flags.out, compared.cost, final_scenarios, flags.objective,
      compared.heuristic, compared.heuristic_cost, islands.evaluations(),
      seconds));
}

result<> evolve(const evolve_flags& flags, console& out) {
  auto request = understand(flags);
  if (!request)
    return request.failure();
  auto file = output_file::create(flags.out, {});
  if (!file)
    return file.failure();
  const auto start = clock::now();
  const auto run = on_threads(request->threads);
  evolve_checkpoint kept{flags.checkpoint, flags.resume, search_of(flags)};
  auto begun = kept.begin(request->options, problems_of(*request));
  if (!begun)
    return begun.failure();
  auto& islands = *begun;
  improve(islands, *request, kept, run, out);
  if (auto ok = kept.keep(islands); !ok)
    return ok;
  const auto champion
      = islands.champion(*request->target.objective, final_scenarios, run);
  const auto compared = compare(*request, champion.best.genes, run);
  const auto policy
      = policy_of(flags, *request, islands, champion.best.genes, compared);
  if (auto ok = file->commit(policy_text(policy)); !ok)
    return ok;
  if (compared.cost >= compared.heuristic_cost)
    out.note(fmt::format("{} is no better than {}: give it more time",
                         flags.out, compared.heuristic));
  return print_outcome(flags, islands, compared, seconds_since(start), out);
}

} // namespace

void add_evolve_command(CLI::App& parent, action& chosen) {
  auto& subcommand = *parent.add_subcommand(
      "evolve", "Improve a placement policy on simulated workloads");
  const auto flags = std::make_shared<evolve_flags>();
  declare(*flags, subcommand);
  subcommand.footer(
      "Progress goes to stderr. Ctrl-C ends the search and writes the best so "
      "far.\n"
      "Also: -o table|json, --quiet.\n"
      "Example:\n"
      "  skerry evolve --objective openb --train nodes=nodes.csv.gz,pods=pods."
      "csv.gz \\\n"
      "    --islands 2 --budget 600 --seed 1 --out mine.policy\n"
      "  skerry policy show mine.policy");
  subcommand.final_callback([flags, &chosen] {
    chosen = [flags](console& out) { return evolve(*flags, out); };
  });
}

} // namespace skerry
