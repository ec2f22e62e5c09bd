#include "cli/arguments.hpp"
#include "cli/command.hpp"
#include "cli/experience_writer.hpp"
#include "cli/queueing_table.hpp"
#include "simulation/synthetic_track.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace skerry {
namespace {

struct synthetic_flags : run_flags {
  experience_flags experience;
  std::string nodes = "200";
  std::string hours = "24";
  std::string warm_up_hours; ///< Empty: an eighth of the time.
  std::string load = "0.9";
  std::string node_mix; ///< Empty: the generator's own.
  std::string task_mix;
  std::string diurnal = "0.3";
  std::string burst = "2";
  std::string drift = "0.2";
};

struct synthetic_request : run_choice {
  synthetic_options options;
};

/// A decimal of the options; the generator itself knows the bounds.
result<> read_number(std::string_view flag, const std::string& text,
                     double& into) {
  constexpr auto most = std::numeric_limits<double>::max();
  const auto value = parse_decimal(flag, text, 0, most);
  if (!value)
    return value.failure();
  into = *value;
  return done{};
}

/// "cpu=2,gpu-small=1" into shares by name; names left out have none.
result<> read_mix(std::string_view flag, const std::string& text,
                  std::span<const std::string_view> names,
                  std::span<double> shares) {
  if (text.empty())
    return done{};
  const auto items = parse_list(flag, text);
  if (!items)
    return items.failure();
  std::ranges::fill(shares, -1.0); // Not given.
  for (const auto& item : *items) {
    const auto equals = item.find('=');
    if (equals == item.npos)
      return error{error_code::invalid_argument,
                   fmt::format("{}: \"{}\" is not NAME=SHARE", flag, item)};
    const auto at = parse_choice(flag, item.substr(0, equals), names);
    if (!at)
      return at.failure();
    if (shares[*at] >= 0)
      return error{error_code::invalid_argument,
                   fmt::format("{}: {} is given twice", flag, names[*at])};
    if (auto ok = read_number(flag, item.substr(equals + 1), shares[*at]); !ok)
      return ok;
  }
  std::ranges::replace(shares, -1.0, 0.0);
  return done{};
}

result<synthetic_options> understand_options(const synthetic_flags& flags) {
  synthetic_options options;
  const auto nodes = parse_whole("--nodes", flags.nodes, 1, 100'000);
  if (!nodes)
    return nodes.failure();
  options.nodes = *nodes;
  const std::pair<std::pair<std::string_view, const std::string&>, double&>
      numbers[]{{{"--hours", flags.hours}, options.hours},
                {{"--load", flags.load}, options.load},
                {{"--diurnal", flags.diurnal}, options.arrivals.diurnal},
                {{"--burst", flags.burst}, options.arrivals.burst},
                {{"--drift", flags.drift}, options.arrivals.drift}};
  for (const auto& [flag, into] : numbers)
    if (auto ok = read_number(flag.first, flag.second, into); !ok)
      return ok.failure();
  options.warm_up_hours = options.hours / 8;
  if (!flags.warm_up_hours.empty())
    if (auto ok = read_number("--warm-up-hours", flags.warm_up_hours,
                              options.warm_up_hours);
        !ok)
      return ok.failure();
  if (auto ok = read_mix("--node-mix", flags.node_mix, node_kind_names,
                         options.node_shares);
      !ok)
    return ok.failure();
  if (auto ok = read_mix("--task-mix", flags.task_mix, workload_class_names,
                         options.task_shares);
      !ok)
    return ok.failure();
  if (auto ok = validate(options); !ok)
    return ok.failure();
  return options;
}

result<synthetic_request> understand(const synthetic_flags& flags) {
  synthetic_request request;
  if (auto ok = understand_runs(flags, request); !ok)
    return ok.failure();
  auto options = understand_options(flags);
  if (!options)
    return options.failure();
  request.options = *std::move(options);
  return request;
}

queueing_run run_of(const synthetic_request& request, const std::string& policy,
                    std::uint64_t seed, const synthetic_report& report) {
  queueing_run run{.policy = policy,
                   .seed = seed,
                   .percents = {},
                   .all = report.all,
                   .decision_times = report.decision_times};
  for (std::size_t i = 0; i < metered_kinds; ++i)
    if (report.capacity[i] > 0)
      run.percents.emplace_back(
          fmt::format("allocated_{}_percent", metered_names[i]),
          report.utilisation[i] * 100);
  for (std::size_t i = 0; i < workload_classes; ++i)
    if (request.options.task_shares[i] > 0)
      run.classes.emplace_back(workload_class_names[i], report.classes[i]);
  return run;
}

json object_of(const synthetic_request& request, const queueing_run& run,
               const synthetic_report& report) {
  auto object = json_of("synthetic", run);
  object["nodes"] = request.options.nodes;
  object["hours"] = request.options.hours;
  object["offered_load"] = request.options.load;
  for (std::size_t i = 0; i < metered_kinds; ++i)
    if (report.capacity[i] > 0)
      object["pending_percent"][std::string{metered_names[i]}]
          = report.pending[i] * 100;
  return object;
}

result<> simulate(const synthetic_flags& flags, console& out) {
  auto request = understand(flags);
  if (!request)
    return request.failure();
  const auto& options = request->options;
  std::vector<queueing_run> runs(request->seeds.size()
                                 * request->policies.size());
  std::vector<json> objects(runs.size());
  const auto experience = experience_writer::open(flags.experience);
  if (!experience)
    return as_usage_fault(experience.failure());
  progress shown{out, runs.size()};
  // A workload at a time, as one may fill the memory; told policy by policy.
  for (std::size_t s = 0; s < request->seeds.size(); ++s) {
    const auto seed = request->seeds[s];
    const auto workload = generate_synthetic(options, seed);
    if (!workload)
      return as_usage_fault(workload.failure());
    for (std::size_t p = 0; p < request->policies.size(); ++p) {
      const auto& policy = request->policies[p];
      shown.begin(fmt::format("{}, seed {}", policy.name, seed));
      const auto report
          = run_synthetic_track(*workload, policy, seed, request->search,
                                steady_clock_ns(), (*experience)->tap());
      if (!report)
        return as_usage_fault(report.failure());
      const auto at = p * request->seeds.size() + s;
      runs[at] = run_of(*request, policy.name, seed, *report);
      objects[at] = object_of(*request, runs[at], *report);
    }
  }
  if (auto ok = (*experience)->finish(); !ok)
    return ok;
  if (out.format == output_format::json)
    return out.print(json_text(std::move(objects)));
  const auto title = fmt::format(
      "synthetic: {} nodes, {:.4g} h after {:.4g} h of warm-up, load {}",
      options.nodes, options.hours - options.warm_up_hours,
      options.warm_up_hours, options.load);
  return out.print(table_of(title, request->seeds, runs));
}

void declare(CLI::App& subcommand, synthetic_flags& flags) {
  const auto option = [&](const char* name, std::string& into, const char* type,
                          const std::string& what) {
    return subcommand.add_option(name, into, what)->type_name(type);
  };
  option("--nodes", flags.nodes, "N", "Of the cluster")->capture_default_str();
  option("--hours", flags.hours, "H", "In all")->capture_default_str();
  option("--warm-up-hours", flags.warm_up_hours, "H",
         "Of these, not measured (default: an eighth)");
  option("--load", flags.load, "X",
         "Demand relative to capacity where it is\ntightest")
      ->capture_default_str();
  add_list_flag(subcommand, "--node-mix", flags.node_mix,
                names_text(node_kind_names))
      ->type_name("KIND=SHARE,...");
  add_list_flag(subcommand, "--task-mix", flags.task_mix,
                names_text(workload_class_names))
      ->type_name("CLASS=SHARE,...");
  option("--diurnal", flags.diurnal, "X", "Amplitude of the daily wave, 0 to 1")
      ->capture_default_str();
  option("--burst", flags.burst, "X",
         "Arrivals in a burst relative to the mean")
      ->capture_default_str();
  option("--drift", flags.drift, "X", "How far the mix moves, 0 to 1")
      ->capture_default_str();
  add_list_flag(subcommand, "--seed", flags.seeds,
                "Of nodes, tasks and times (default: 1)")
      ->type_name("N,...");
  add_list_flag(subcommand, "--policy", flags.policies,
                policies_text() + "\n(default: " + flags.policies + ")")
      ->type_name("NAME,...");
  add_experience_flag(subcommand, flags.experience);
  option("--search", flags.search, "HOW",
         "index, or scan: look at every node for\nevery task, to compare")
      ->capture_default_str();
}

} // namespace

void add_synthetic_command(CLI::App& parent, action& chosen) {
  auto& subcommand = *parent.add_subcommand(
      "synthetic", "A mixed cluster and workload, with no data at hand");
  const auto flags = std::make_shared<synthetic_flags>();
  flags->seeds = "1";
  flags->policies = "fgd,best-fit,first-fit";
  declare(subcommand, *flags);
  subcommand.footer(
      "Also: -o table|json, --quiet.\n"
      "Example:\n"
      "  skerry simulate synthetic --nodes 200 --hours 12 --seed 1,2,3 \\\n"
      "    --policy fgd,best-fit,first-fit");
  subcommand.final_callback([flags, &chosen] {
    chosen = [flags](console& out) { return simulate(*flags, out); };
  });
}

} // namespace skerry
