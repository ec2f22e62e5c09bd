#include "cli/arguments.hpp"
#include "cli/command.hpp"
#include "cli/experience_writer.hpp"
#include "cli/queueing_table.hpp"
#include "simulation/departures_track.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace skerry {
namespace {

struct departures_flags : run_flags {
  experience_flags experience;
  std::string nodes;
  std::string pods;
  std::string load = "0.95";
  std::string cluster = "third";
  std::string start = "residents";
  std::string warm_up_hours = "3";
  std::string hours = "9";
};

/// The flags, understood, and the files read.
struct departures_request : run_choice {
  departures_options options;
  std::vector<openb_node> nodes;
  std::vector<openb_pod> pods;
};

result<departures_options> understand_options(const departures_flags& flags) {
  departures_options options;
  constexpr double least = 0.01; // Of the load, and hours: half a minute.
  const auto load = parse_decimal("--load", flags.load, least, 10);
  if (!load)
    return load.failure();
  options.offered_load = *load;
  constexpr std::array<std::string_view, 2> clusters{"third", "all"};
  const auto cluster = parse_choice("--cluster", flags.cluster, clusters);
  if (!cluster)
    return cluster.failure();
  options.cluster_divisor = *cluster == 0 ? 3 : 1;
  constexpr std::array<std::string_view, 2> starts{"residents", "empty"};
  const auto start = parse_choice("--start", flags.start, starts);
  if (!start)
    return start.failure();
  options.start
      = *start == 0 ? departures_start::residents : departures_start::empty;
  constexpr double month_hours = 720;
  const auto warm_up
      = parse_decimal("--warm-up-hours", flags.warm_up_hours, 0, month_hours);
  if (!warm_up)
    return warm_up.failure();
  options.warm_up_seconds = std::llround(*warm_up * 3600);
  const auto hours = parse_decimal("--hours", flags.hours, least, month_hours);
  if (!hours)
    return hours.failure();
  options.measured_seconds = std::llround(*hours * 3600);
  return options;
}

result<departures_request> understand(const departures_flags& flags) {
  departures_request request;
  if (auto ok = understand_runs(flags, request); !ok)
    return ok.failure();
  auto options = understand_options(flags);
  if (!options)
    return options.failure();
  request.options = *options;
  auto nodes = read_openb_nodes(flags.nodes);
  if (!nodes)
    return as_usage_fault(nodes.failure());
  request.nodes = *std::move(nodes);
  auto pods = read_openb_pods(flags.pods, request.nodes);
  if (!pods)
    return as_usage_fault(pods.failure());
  request.pods = *std::move(pods);
  return request;
}

queueing_run run_of(const std::string& policy, std::uint64_t seed,
                    const departures_report& report) {
  queueing_run run{.policy = policy,
                   .seed = seed,
                   .percents
                   = {{"allocated_gpu_percent", report.allocated_gpu_percent},
                      {"pending_gpu_percent", report.pending_gpu_percent}},
                   .all = report.all,
                   .decision_times = report.decision_times};
  for (std::size_t i = 0; i < task_classes; ++i)
    run.classes.emplace_back(task_class_names[i], report.classes[i]);
  return run;
}

std::string title_of(const departures_flags& flags,
                     const departures_report& report) {
  return fmt::format("{}: {} nodes, {:.0f} GPUs, offered load {}, {} h after "
                     "{} h of warm-up",
                     workload_name(flags.pods), report.nodes,
                     static_cast<double>(report.gpu_capacity_milli) / 1000,
                     flags.load, flags.hours, flags.warm_up_hours);
}

result<> simulate(const departures_flags& flags, console& out) {
  auto request = understand(flags);
  if (!request)
    return request.failure();
  // Made for each seed before anything runs: a fault is found at once.
  std::vector<departures_workload> workloads;
  for (const auto seed : request->seeds) {
    auto made = make_departures_workload(request->nodes, request->pods, seed,
                                         request->options);
    if (!made)
      return as_usage_fault(made.failure());
    workloads.push_back(*std::move(made));
  }

  std::string title;
  std::vector<queueing_run> runs;
  std::vector<json> objects;
  const auto experience = experience_writer::open(flags.experience);
  if (!experience)
    return as_usage_fault(experience.failure());
  progress shown{out, request->policies.size() * request->seeds.size()};
  for (const auto& policy : request->policies)
    for (std::size_t s = 0; s < request->seeds.size(); ++s) {
      const auto seed = request->seeds[s];
      shown.begin(fmt::format("{}, seed {}", policy.name, seed));
      const auto report
          = run_departures_track(workloads[s], policy, seed, request->search,
                                 steady_clock_ns(), (*experience)->tap());
      if (!report)
        return as_usage_fault(report.failure());
      runs.push_back(run_of(policy.name, seed, *report));
      title = title_of(flags, *report);
      auto object = json_of(workload_name(flags.pods), runs.back());
      object["offered_load"] = request->options.offered_load;
      object["nodes"] = report->nodes;
      object["gpus"] = report->gpu_capacity_milli / 1000;
      objects.push_back(std::move(object));
    }
  if (auto ok = (*experience)->finish(); !ok)
    return ok;
  if (out.format == output_format::json)
    return out.print(json_text(std::move(objects)));
  return out.print(table_of(title, request->seeds, runs));
}

void declare_protocol(CLI::App& subcommand, departures_flags& flags) {
  const auto option = [&](const char* name, std::string& into, const char* type,
                          const char* what) {
    subcommand.add_option(name, into, what)
        ->type_name(type)
        ->capture_default_str();
  };
  option("--load", flags.load, "X", "Offered load: GPU time asked for, of all");
  option("--cluster", flags.cluster, "PART",
         "third: every third node by model, devices\nand CPU; or all");
  option("--start", flags.start, "HOW",
         "residents: as if it had run for long; or\nempty");
  option("--warm-up-hours", flags.warm_up_hours, "H", "Not measured");
  option("--hours", flags.hours, "H", "Measured after it");
  add_experience_flag(subcommand, flags.experience);
  option("--search", flags.search, "HOW",
         "index, or scan: look at every node for\nevery pod, to compare");
}

} // namespace

void add_departures_command(CLI::App& parent, action& chosen) {
  auto& subcommand = *parent.add_subcommand(
      "departures", "GPU placement with a queue: openb pods that come and go");
  const auto flags = std::make_shared<departures_flags>();
  subcommand
      .add_option("--nodes", flags->nodes, "The node list, CSV, plain or gzip")
      ->type_name("FILE")
      ->required();
  subcommand
      .add_option("--pods", flags->pods,
                  "The pod list; shapes and run times are\ndrawn from it")
      ->type_name("FILE")
      ->required();
  add_list_flag(subcommand, "--seed", flags->seeds, "Of arrivals and ties")
      ->type_name("N,...")
      ->required();
  add_list_flag(subcommand, "--policy", flags->policies, policies_text())
      ->type_name("NAME,...")
      ->required();
  declare_protocol(subcommand, *flags);
  subcommand.footer(
      "Also: -o table|json, --quiet.\n"
      "Example:\n"
      "  skerry simulate departures --nodes nodes.csv.gz --pods pods.csv.gz "
      "\\\n"
      "    --seed 1,2,3,4,5 --policy fgd,best-fit,first-fit --load 0.95");
  subcommand.final_callback([flags, &chosen] {
    chosen = [flags](console& out) { return simulate(*flags, out); };
  });
}

} // namespace skerry
