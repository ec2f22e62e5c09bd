#include "cli/arguments.hpp"
#include "cli/command.hpp"
#include "cli/experience_writer.hpp"
#include "cli/output_file.hpp"
#include "cli/report.hpp"
#include "simulation/openb_track.hpp"

#include <fmt/format.h>

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace skerry {
namespace {

struct openb_flags : run_flags {
  experience_flags experience;
  std::string nodes;
  std::string pods;
  std::string arrivals;
  std::string tie_order;
  std::string decisions; ///< Empty: not wanted.
};

/// The flags, understood, and the files read.
struct openb_request : run_choice {
  /// Nodes and pods; arrivals and ties are exchanged for those of each seed.
  openb_workload workload;
  struct orders {
    std::vector<std::uint32_t> arrivals;
    std::vector<std::uint32_t> tie_order;
  };
  std::vector<orders> by_seed; ///< In the order of `seeds`.
};

struct openb_run {
  std::string_view policy;
  std::uint64_t seed = 0;
  openb_report report; ///< Without the decisions.
};

result<> read_files(const openb_flags& flags, openb_request& into) {
  auto nodes = read_openb_nodes(flags.nodes);
  if (!nodes)
    return as_usage_fault(nodes.failure());
  into.workload.nodes = *std::move(nodes);
  auto pods = read_openb_pods(flags.pods, into.workload.nodes);
  if (!pods)
    return as_usage_fault(pods.failure());
  into.workload.pods = *std::move(pods);
  for (const auto seed : into.seeds) {
    auto arrivals
        = read_openb_arrivals(flags.arrivals, seed, into.workload.pods.size());
    if (!arrivals)
      return as_usage_fault(arrivals.failure());
    auto tie_order
        = read_openb_tie_order(flags.tie_order, seed, into.workload.nodes);
    if (!tie_order)
      return as_usage_fault(tie_order.failure());
    into.by_seed.push_back({*std::move(arrivals), *std::move(tie_order)});
  }
  return done{};
}

result<openb_request> understand(const openb_flags& flags) {
  openb_request request;
  if (auto ok = understand_runs(flags, request); !ok)
    return ok.failure();
  if (!flags.decisions.empty()
      && request.seeds.size() * request.policies.size() > 1)
    return error{error_code::invalid_argument,
                 "--decisions holds one run; give one seed and one policy"};
  if (auto ok = read_files(flags, request); !ok)
    return ok.failure();
  return request;
}

json json_of(const std::string& workload, const openb_run& run) {
  json allocated = json::object();
  for (std::size_t i = 0; i < openb_loads.size(); ++i) {
    const auto& percent = run.report.allocated_gpu_percent[i];
    allocated[std::to_string(openb_loads[i])]
        = percent ? json(*percent) : json();
  }
  return {{"workload", workload},
          {"policy", run.policy},
          {"seed", run.seed},
          {"allocated_gpu_percent", std::move(allocated)},
          {"placed", run.report.placed},
          {"failed", run.report.failed},
          {"decisions_per_second", run.report.decision_times.per_second},
          {"decision_us", decision_us_json(run.report.decision_times)}};
}

figures figures_of(
    std::span<const openb_run> runs,
    const std::function<std::optional<double>(const openb_report&)>& figure) {
  figures out;
  for (const auto& run : runs)
    out.push_back(figure(run.report));
  return out;
}

/// @param runs Policy by policy, and for each seed by seed.
std::string table_of(const std::string& workload, const openb_request& request,
                     std::span<const openb_run> runs) {
  const auto seeds = request.seeds.size();
  text_table table{{"policy", "at 95", "at 100", "at 110", "at 130", "placed",
                    "failed", "decisions/s"}};
  for (std::size_t p = 0; p < request.policies.size(); ++p) {
    const auto mine = runs.subspan(p * seeds, seeds);
    std::vector<std::string> row{request.policies[p].name};
    for (std::size_t i = 0; i < openb_loads.size(); ++i)
      if (const auto load = openb_loads[i];
          load == 95 || load == 100 || load == 110 || load == 130)
        row.push_back(mean_cell(figures_of(mine, [i](const auto& report) {
          return report.allocated_gpu_percent[i];
        })));
    const auto add = [&](auto figure) {
      row.push_back(mean_cell(figures_of(mine, figure), 0));
    };
    add([](const auto& r) { return static_cast<double>(r.placed); });
    add([](const auto& r) { return static_cast<double>(r.failed); });
    add([](const auto& r) { return r.decision_times.per_second; });
    table.add(std::move(row));
  }
  return fmt::format("{}, {}: allocated GPU % when the given % has arrived{}\n"
                     "\n{}",
                     workload, seeds_text(request.seeds),
                     seeds > 1 ? "; mean (standard deviation) over seeds" : "",
                     table.text());
}

result<> simulate(const openb_flags& flags, console& out) {
  auto request = understand(flags);
  if (!request)
    return request.failure();
  std::optional<output_file> decisions;
  if (!flags.decisions.empty()) {
    const std::array inputs{flags.nodes, flags.pods, flags.arrivals,
                            flags.tie_order};
    auto created = output_file::create(flags.decisions, inputs);
    if (!created)
      return created.failure();
    decisions.emplace(*std::move(created));
  }

  auto& workload = request->workload;
  std::vector<openb_run> runs;
  const auto experience = experience_writer::open(flags.experience);
  if (!experience)
    return as_usage_fault(experience.failure());
  progress shown{out, request->policies.size() * request->seeds.size()};
  for (const auto& policy : request->policies)
    for (std::size_t s = 0; s < request->seeds.size(); ++s) {
      const auto seed = request->seeds[s];
      shown.begin(fmt::format("{}, seed {}", policy.name, seed));
      workload.arrivals = request->by_seed[s].arrivals;
      workload.tie_order = request->by_seed[s].tie_order;
      auto report = run_openb_track(workload, policy, seed, request->search,
                                    steady_clock_ns(), (*experience)->tap());
      if (!report)
        return report.failure();
      if (decisions)
        if (auto ok = decisions->commit(decisions_csv(workload, *report)); !ok)
          return ok;
      report->decisions = {}; // Megabytes, over many runs.
      runs.push_back({policy.name, seed, *std::move(report)});
    }

  if (auto ok = (*experience)->finish(); !ok)
    return ok;
  const auto name = workload_name(flags.pods);
  if (out.format == output_format::table)
    return out.print(table_of(name, *request, runs));
  std::vector<json> objects;
  objects.reserve(runs.size());
  for (const auto& run : runs)
    objects.push_back(json_of(name, run));
  return out.print(json_text(std::move(objects)));
}

} // namespace

void add_openb_command(CLI::App& parent, action& chosen) {
  auto& subcommand = *parent.add_subcommand(
      "openb", "GPU placement: arrivals of the openb trace");
  const auto flags = std::make_shared<openb_flags>();
  const auto file = [&](const char* name, std::string& into, const char* what) {
    return subcommand.add_option(name, into, what)
        ->type_name("FILE")
        ->check(refuse_empty);
  };
  file("--nodes", flags->nodes, "The node list, CSV, plain or gzip")
      ->required();
  file("--pods", flags->pods, "The pod list")->required();
  file("--arrivals", flags->arrivals,
       "Order of arrival: per seed a column of\nrows of the pod list")
      ->required();
  file("--tie-order", flags->tie_order,
       "Ranks of the nodes: per seed a column;\nthe smaller wins a tie")
      ->required();
  add_list_flag(subcommand, "--seed", flags->seeds, "Columns to replay")
      ->type_name("N,...")
      ->required();
  add_list_flag(subcommand, "--policy", flags->policies, policies_text())
      ->type_name("NAME,...")
      ->required();
  add_experience_flag(subcommand, flags->experience);
  file("--decisions", flags->decisions,
       "Write arrival,pod,node,devices as CSV;\nfor one seed and policy");
  subcommand
      .add_option(
          "--search", flags->search,
          "index, or scan: look at every node for\nevery pod, to compare")
      ->type_name("HOW")
      ->capture_default_str();
  subcommand.footer(
      "Also: -o table|json, --quiet.\n"
      "Example:\n"
      "  skerry simulate openb --nodes nodes.csv.gz --pods pods.csv.gz \\\n"
      "    --arrivals order.csv.gz --tie-order nodeprio.csv.gz --seed 42,43 "
      "\\\n"
      "    --policy fgd,best-fit,first-fit");
  subcommand.final_callback([flags, &chosen] {
    chosen = [flags](console& out) { return simulate(*flags, out); };
  });
}

} // namespace skerry
