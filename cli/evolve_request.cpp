#include "cli/evolve_request.hpp"

#include "cli/arguments.hpp"
#include "cli/command.hpp"

#include <algorithm>
#include <thread>

namespace skerry {
namespace {

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

} // namespace

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

std::vector<const problem*> problems_of(const evolve_request& request) {
  const auto& target = request.target;
  std::vector<const problem*> out;
  for (std::size_t i = 0; i < request.options.islands.size(); ++i)
    out.push_back(
        target.island_objectives.empty()
            ? target.objective.get()
            : target.island_objectives[i % target.island_objectives.size()]
                  .get());
  return out;
}

void declare(evolve_flags& flags, CLI::App& subcommand) {
  const auto option = [&](const char* name, std::string& into, const char* type,
                          const std::string& what) {
    return subcommand.add_option(name, into, what)
        ->type_name(type)
        ->check(refuse_empty);
  };
  option("--objective", flags.objective, "GOAL[:SHARE],...",
         "openb: GPUs allocated as pods arrive;\ndepartures: GPUs that wait;\n"
         "synthetic: a mixed cluster. A mixture is\ndrawn by shares. swf: the "
         "order of a batch\nqueue, alone")
      ->capture_default_str();
  subcommand
      .add_option(
          "--train", flags.train,
          "nodes=FILE,pods=FILE: a workload to draw\nfrom; may be given "
          "several times. For swf\ntrace=FILE,procs=N,jobs=START:LEN, or\n"
          "nothing for a model of supercomputers")
      ->type_name("SPEC");
  option("--backfill", flags.backfill, "none|easy", "For swf")
      ->capture_default_str();
  option("--estimates", flags.estimates, "exact|users|lognormal",
         "For swf: requested against run times")
      ->capture_default_str();
  option("--load", flags.loads, "X,...",
         "Offered, for departures: each as likely")
      ->capture_default_str();
  option("--cluster-divisor", flags.cluster_divisor, "N",
         "Train on one node of N, drawn anew each time")
      ->capture_default_str();
  option("--start", flags.start, "POLICY,...",
         "Begin at these, beside fgd and first-fit");
  option("--islands", flags.islands, "N", "Populations that exchange migrants")
      ->capture_default_str();
  option("--island-objectives", flags.island_objectives, "GOAL,...",
         "What islands improve instead, round and round;\n'mixture': all of "
         "--objective, which judges in\nthe end");
  option("--optimiser", flags.optimisers, "NAME,...",
         "cma-es or ga; a list goes round the islands")
      ->capture_default_str();
  option("--population", flags.population, "N", "0: the optimiser's own")
      ->capture_default_str();
  option("--scenarios", flags.scenarios, "N",
         "Draws in which a generation is compared")
      ->capture_default_str();
  option("--topology", flags.topology, "NAME",
         "isolated, ring, torus, full or random:DEGREE")
      ->capture_default_str();
  option("--migration", flags.migration, "SPEC",
         "every=N,count=N,select=...,replace=...;\nor none")
      ->capture_default_str();
  option("--budget", flags.budget, "S",
         "Seconds to search; choosing the best of what\nwas found comes after "
         "them");
  option("--evaluations", flags.evaluations, "N",
         "Rollouts to do: the same seed then gives\nthe same policy");
  option("--threads", flags.threads, "N", "Default: one for each core");
  option("--seed", flags.seed, "N", "Of everything drawn")
      ->capture_default_str();
  option("--checkpoint", flags.checkpoint, "FILE",
         "Keep the search in it, at its end and every\n30 s");
  subcommand.add_flag("--resume", flags.resume,
                      "Go on from the checkpoint: the policy will be\nthe one "
                      "of a search without the break");
  option("--out", flags.out, "FILE", "The policy")->required();
}

} // namespace skerry
