#include "cli/arguments.hpp"
#include "cli/command.hpp"
#include "cli/evolve_checkpoint.hpp"
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
#include <numeric>
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

struct evolve_flags : training_flags {
  std::string islands = "2";
  std::string optimisers = "cma-es";
  std::string topology = "ring";
  std::string migration = "every=10,count=1";
  std::string population = "0";
  std::string scenarios = "4";
  std::string budget; ///< Seconds; empty: not limited.
  std::string evaluations;
  std::string threads;
  std::string seed = "1";
  std::string checkpoint;
  bool resume = false;
  std::string out;
};

struct evolve_request {
  training_target target;
  archipelago_options options;
  std::optional<double> seconds;
  std::uint64_t evaluations = std::numeric_limits<std::uint64_t>::max();
  std::size_t threads = 1;
};

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

result<island_options> understand_island(const evolve_flags& flags,
                                         const std::string& optimiser) {
  island_options out;
  auto found = find_optimiser(optimiser);
  if (!found)
    return found.failure();
  out.optimiser = *std::move(found);
  const auto population
      = parse_whole("--population", flags.population, 0, max_population);
  if (!population)
    return population.failure();
  if (*population > 0)
    std::visit(
        [&](auto& of) {
          of.population = static_cast<std::uint32_t>(*population);
        },
        out.optimiser);
  const auto scenarios = parse_whole("--scenarios", flags.scenarios, 1, 1000);
  if (!scenarios)
    return scenarios.failure();
  out.scenarios = static_cast<std::uint32_t>(*scenarios);
  out.validation_scenarios = std::max<std::uint32_t>(out.scenarios * 8, 32);
  out.validate_every = 10;
  auto migration = parse_migration(flags.migration);
  if (!migration)
    return error{error_code::invalid_argument,
                 "--migration: " + migration.failure().message};
  out.migration = *migration;
  return out;
}

result<> understand_islands(const evolve_flags& flags,
                            archipelago_options& into) {
  const auto islands = parse_whole("--islands", flags.islands, 1, 256);
  if (!islands)
    return islands.failure();
  const auto optimisers = parse_list("--optimiser", flags.optimisers);
  if (!optimisers)
    return optimisers.failure();
  const auto count = static_cast<std::size_t>(*islands);
  for (std::size_t i = 0; i < count; ++i) {
    auto island
        = understand_island(flags, (*optimisers)[i % optimisers->size()]);
    if (!island)
      return island.failure();
    into.islands.push_back(*std::move(island));
  }
  auto exchange = parse_topology(flags.topology);
  if (!exchange)
    return error{error_code::invalid_argument,
                 "--topology: " + exchange.failure().message};
  into.exchange = *exchange;
  return validate(into);
}

result<> understand_budget(const evolve_flags& flags, evolve_request& into) {
  if (flags.budget.empty() && flags.evaluations.empty())
    return error{error_code::invalid_argument,
                 "give --budget SECONDS or --evaluations N: there is no end "
                 "to improving"};
  if (!flags.budget.empty()) {
    const auto seconds = parse_decimal("--budget", flags.budget, 0.1, 1e7);
    if (!seconds)
      return seconds.failure();
    into.seconds = *seconds;
  }
  if (!flags.evaluations.empty()) {
    const auto evaluations
        = parse_whole("--evaluations", flags.evaluations, 1,
                      std::numeric_limits<std::int64_t>::max());
    if (!evaluations)
      return evaluations.failure();
    into.evaluations = static_cast<std::uint64_t>(*evaluations);
  }
  into.threads = std::max(std::thread::hardware_concurrency(), 1U);
  if (!flags.threads.empty()) {
    const auto threads = parse_whole("--threads", flags.threads, 1, 1024);
    if (!threads)
      return threads.failure();
    into.threads = static_cast<std::size_t>(*threads);
  }
  return done{};
}

result<evolve_request> understand(const evolve_flags& flags) {
  evolve_request out;
  if (auto ok = understand_budget(flags, out); !ok)
    return ok.failure();
  const auto seed = parse_whole("--seed", flags.seed, 0,
                                std::numeric_limits<std::int64_t>::max());
  if (!seed)
    return seed.failure();
  out.options.seed = static_cast<std::uint64_t>(*seed);
  if (auto ok = understand_islands(flags, out.options); !ok)
    return ok.failure();
  auto target = understand_training(flags);
  if (!target)
    return target.failure();
  out.target = *std::move(target);
  return out;
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
        *all[i / final_scenarios],
        derive_seed(request.options.seed, final_stream, i % final_scenarios));
  });
  const auto mean = [&](std::size_t which) {
    const auto first
        = costs.begin() + static_cast<std::ptrdiff_t>(which * final_scenarios);
    return std::accumulate(first, first + final_scenarios, 0.0)
           / final_scenarios;
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
      {"--cluster-divisor", about_queues ? none : flags.cluster_divisor},
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
  const problem* objective = request->target.objective.get();
  evolve_checkpoint kept{flags.checkpoint, flags.resume, search_of(flags)};
  auto begun = kept.begin(request->options, {&objective, 1});
  if (!begun)
    return begun.failure();
  auto& islands = *begun;
  improve(islands, *request, kept, run, out);
  if (auto ok = kept.keep(islands); !ok)
    return ok;
  const auto champion = islands.champion(*objective, final_scenarios, run);
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
  const auto option = [&](const char* name, std::string& into, const char* type,
                          const std::string& what) {
    return subcommand.add_option(name, into, what)
        ->type_name(type)
        ->check(refuse_empty);
  };
  option("--objective", flags->objective, "GOAL[:SHARE],...",
         "openb: GPUs allocated as pods arrive;\ndepartures: GPUs that wait;\n"
         "synthetic: a mixed cluster. A mixture is\ndrawn by shares. swf: the "
         "order of a batch\nqueue, alone")
      ->capture_default_str();
  subcommand
      .add_option(
          "--train", flags->train,
          "nodes=FILE,pods=FILE: a workload to draw\nfrom; may be given "
          "several times. For swf\ntrace=FILE,procs=N,jobs=START:LEN, or\n"
          "nothing for a model of supercomputers")
      ->type_name("SPEC");
  option("--backfill", flags->backfill, "none|easy", "For swf")
      ->capture_default_str();
  option("--estimates", flags->estimates, "exact|users|lognormal",
         "For swf: requested against run times")
      ->capture_default_str();
  option("--cluster-divisor", flags->cluster_divisor, "N",
         "Train on one node of N, drawn anew each time")
      ->capture_default_str();
  option("--start", flags->start, "POLICY,...",
         "Begin at these, beside fgd and first-fit");
  option("--islands", flags->islands, "N", "Populations that exchange migrants")
      ->capture_default_str();
  option("--optimiser", flags->optimisers, "NAME,...",
         "cma-es or ga; a list goes round the islands")
      ->capture_default_str();
  option("--population", flags->population, "N", "0: the optimiser's own")
      ->capture_default_str();
  option("--scenarios", flags->scenarios, "N",
         "Draws in which a generation is compared")
      ->capture_default_str();
  option("--topology", flags->topology, "NAME",
         "isolated, ring, torus, full or random:DEGREE")
      ->capture_default_str();
  option("--migration", flags->migration, "SPEC",
         "every=N,count=N,select=...,replace=...;\nor none")
      ->capture_default_str();
  option("--budget", flags->budget, "S",
         "Seconds to search; choosing the best of what\nwas found comes after "
         "them");
  option("--evaluations", flags->evaluations, "N",
         "Rollouts to do: the same seed then gives\nthe same policy");
  option("--threads", flags->threads, "N", "Default: one for each core");
  option("--seed", flags->seed, "N", "Of everything drawn")
      ->capture_default_str();
  option("--checkpoint", flags->checkpoint, "FILE",
         "Keep the search in it, at its end and every\n30 s");
  subcommand.add_flag("--resume", flags->resume,
                      "Go on from the checkpoint: the policy will be\nthe one "
                      "of a search without the break");
  option("--out", flags->out, "FILE", "The policy")->required();
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
