#include "cli/arguments.hpp"
#include "cli/command.hpp"
#include "cli/report.hpp"
#include "simulation/resize_history.hpp"
#include "simulation/resize_objective.hpp"
#include "simulation/statistics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace skerry {
namespace {

struct resize_flags {
  std::string trace;
  std::string tune;
  std::string history;
  std::string policies;
  std::string violation = "5";
  std::string seeds = "1";
  std::string evaluations = "300";
  std::string sample = "100";
};

/// The flags, understood, and the files read.
struct resize_request {
  std::vector<std::string> policies;
  std::vector<std::uint64_t> seeds;
  double violation_percent = 5;
  resize_search search;
  std::vector<resize_day> trace;
  std::vector<resize_day> tune;
  std::vector<resize_day> history;
};

/// What one policy did on the days of the trace.
struct resize_run {
  std::string policy;
  std::uint64_t seed = 0;
  std::optional<resize_policy> tuned = {}; ///< Not for hindsight.
  double safety = 1;
  resize_totals totals = {};
  std::vector<resize_totals> by_day = {};
  std::vector<stretched_work> stretches = {};
  /// With the safety that the days of the trace themselves would want.
  double reserve_at_violation_percent = 0;
};

/// Under a safety, on one day.
using day_replay = std::function<resize_totals(std::size_t day, double safety,
                                               std::vector<stretched_work>*)>;

constexpr std::array<std::string_view, 2> hindsight_names{"peak",
                                                          "clairvoyant"};

std::vector<std::string_view> resize_policy_names() {
  std::vector<std::string_view> names;
  for (const auto method : all_resize_methods())
    names.push_back(to_string(method));
  names.insert(names.end(), hindsight_names.begin(), hindsight_names.end());
  return names;
}

result<std::vector<resize_day>> read_days(std::string_view flag,
                                          const std::string& text) {
  std::vector<resize_day> days;
  if (text.empty())
    return days;
  const auto paths = parse_list(flag, text);
  if (!paths)
    return paths.failure();
  for (const auto& path : *paths) {
    auto vms = read_planetlab(path);
    if (!vms)
      return as_usage_fault(vms.failure());
    days.push_back({path, *std::move(vms)});
  }
  return days;
}

result<resize_request> understand_resize(const resize_flags& flags) {
  resize_request request;
  auto policies
      = parse_names("--policy", flags.policies, resize_policy_names());
  if (!policies)
    return policies.failure();
  request.policies = *std::move(policies);
  auto seeds = parse_seeds("--seed", flags.seeds);
  if (!seeds)
    return seeds.failure();
  request.seeds = *std::move(seeds);
  const auto violation
      = parse_decimal("--violation", flags.violation, 0.01, 99);
  if (!violation)
    return violation.failure();
  request.violation_percent = *violation;
  const auto evaluations
      = parse_whole("--evaluations", flags.evaluations, 0, 1'000'000);
  if (!evaluations)
    return evaluations.failure();
  request.search.evaluations = static_cast<std::size_t>(*evaluations);
  const auto sample = parse_whole("--sample", flags.sample, 1, 1'000'000);
  if (!sample)
    return sample.failure();
  request.search.sample = static_cast<std::size_t>(*sample);
  const std::tuple<std::string_view, const std::string&,
                   std::vector<resize_day>&>
      files[]{{"--trace", flags.trace, request.trace},
              {"--tune", flags.tune, request.tune},
              {"--history", flags.history, request.history}};
  for (const auto& [flag, text, into] : files) {
    auto days = read_days(flag, text);
    if (!days)
      return days.failure();
    into = *std::move(days);
  }
  return request;
}

resize_totals on_all_days(const day_replay& replay, std::size_t days,
                          double safety) {
  resize_totals totals;
  for (std::size_t day = 0; day < days; ++day)
    totals += replay(day, safety, nullptr);
  return totals;
}

/// The safety comes from the tuning days; the days of the trace are replayed
/// once with it, and once more to the allowed violation, for a comparison.
void measure(const resize_request& request, const day_replay& replay,
             resize_run& run) {
  for (std::size_t day = 0; day < request.trace.size(); ++day) {
    run.by_day.push_back(replay(day, run.safety, &run.stretches));
    run.totals += run.by_day.back();
  }
  run.reserve_at_violation_percent
      = calibrate(
            [&](double safety) {
              return on_all_days(replay, request.trace.size(), safety);
            },
            request.violation_percent, 8)
            .reserve_percent;
}

resize_run run_rule(const resize_request& request, const resize_cases& tune,
                    const resize_cases& trace, resize_method method,
                    std::uint64_t seed) {
  resize_run run{.policy = std::string{to_string(method)}, .seed = seed};
  auto search = request.search;
  search.seed = seed;
  run.tuned = tune_resize_policy({.method = method,
                                  .parameters = {},
                                  .with_history = !request.history.empty(),
                                  .stretch = tolerated_stretch},
                                 tune.all(), request.violation_percent, search);
  run.safety = run.tuned->safety;
  auto policy = *run.tuned;
  measure(
      request,
      [&](std::size_t day, double safety, auto* stretches) {
        policy.safety = safety;
        return run_resize_track(trace.by_day[day], policy, stretches);
      },
      run);
  return run;
}

resize_run run_reference(const resize_request& request,
                         const resize_cases& tune, const resize_cases& trace,
                         hindsight what) {
  resize_run run{
      .policy = std::string{hindsight_names[static_cast<std::size_t>(what)]}};
  const auto known = tune.all();
  if (what == hindsight::peak)
    run.safety
        = calibrate(
              [&](double safety) { return run_hindsight(known, what, safety); },
              request.violation_percent, 12)
              .safety;
  measure(
      request,
      [&](std::size_t day, double safety, auto* stretches) {
        // Who knows the demand has no use for a safety.
        return run_hindsight(trace.by_day[day], what,
                             what == hindsight::peak ? safety : 1, stretches);
      },
      run);
  return run;
}

json json_of(const resize_request& request, const resize_run& run) {
  json object;
  object["workload"] = "planetlab";
  object["policy"] = run.policy;
  object["seed"] = run.seed;
  object["history"] = !request.history.empty();
  object["allowed_violation_percent"] = request.violation_percent;
  object["charged_reserve_percent"] = run.totals.charged_reserve_percent();
  object["violation_percent"] = run.totals.violation_percent();
  object["charged_reserve_at_violation_percent"]
      = run.reserve_at_violation_percent;
  object["utilisation_percent"] = run.totals.utilisation_percent();
  object["throttled_work_percent"] = run.totals.throttled_work_percent();
  object["resizes_per_vm_day"] = run.totals.resizes_per_vm_day();
  auto& stretch = object["stretch"];
  for (const auto& [name, share] :
       {std::pair{"p50", 0.5}, std::pair{"p95", 0.95}, std::pair{"p99", 0.99}})
    stretch[name] = stretch_quantile(run.stretches, share);
  for (std::size_t i = 0; i < run.by_day.size(); ++i)
    object["days"].push_back(
        {{"day", workload_name(request.trace[i].path)},
         {"charged_reserve_percent", run.by_day[i].charged_reserve_percent()},
         {"violation_percent", run.by_day[i].violation_percent()}});
  object["safety"] = run.safety;
  if (run.tuned) {
    const auto names
        = parameters_of(run.tuned->method, run.tuned->with_history);
    auto& parameters = object["parameters"] = json::object();
    for (std::size_t i = 0; i < names.size(); ++i)
      parameters[std::string{names[i].name}] = run.tuned->parameters[i];
  }
  return object;
}

std::string table_of(const resize_request& request,
                     const std::vector<resize_run>& runs) {
  text_table table{{"policy", "charged reserve %", "violation %",
                    "reserve at equal violation %", "utilisation %",
                    "throttled work %", "resizes/VM-day", "days' spread %"}};
  for (std::size_t first = 0; first < runs.size();) {
    auto last = first;
    while (last < runs.size() && runs[last].policy == runs[first].policy)
      ++last;
    const auto cell = [&](auto figure) {
      figures values;
      for (auto i = first; i < last; ++i)
        values.emplace_back(figure(runs[i]));
      return mean_cell(values);
    };
    figures days;
    for (const auto& day : runs[first].by_day)
      days.emplace_back(day.charged_reserve_percent());
    const auto total = [](auto member) {
      return [member](const auto& run) { return (run.totals.*member)(); };
    };
    table.add(
        {runs[first].policy,
         cell(total(&resize_totals::charged_reserve_percent)),
         cell(total(&resize_totals::violation_percent)),
         cell([](const auto& run) { return run.reserve_at_violation_percent; }),
         cell(total(&resize_totals::utilisation_percent)),
         cell(total(&resize_totals::throttled_work_percent)),
         cell(total(&resize_totals::resizes_per_vm_day)), mean_cell(days)});
    first = last;
  }
  return fmt::format("resizing VMs at {:.4g} % violation, {}, {}\n\n{}",
                     request.violation_percent, seeds_text(request.seeds),
                     request.history.empty() ? "no history" : "with history",
                     table.text());
}

result<> simulate_resizing(const resize_flags& flags, console& out) {
  const auto request = understand_resize(flags);
  if (!request)
    return request.failure();
  const auto tune = with_history(request->tune, request->history);
  const auto trace = with_history(request->trace, request->history);
  std::vector<resize_run> runs;
  progress shown{out, request->policies.size() * request->seeds.size()};
  for (const auto& name : request->policies) {
    const auto reference = std::ranges::find(hindsight_names, name);
    for (const auto seed : request->seeds) {
      shown.begin(fmt::format("{}, seed {}", name, seed));
      if (reference != hindsight_names.end()) {
        runs.push_back(run_reference(
            *request, tune, trace,
            static_cast<hindsight>(reference - hindsight_names.begin())));
        break; // Draws nothing.
      }
      const auto method = find_resize_method(name);
      runs.push_back(run_rule(*request, tune, trace, *method, seed));
    }
  }
  if (out.format == output_format::table)
    return out.print(table_of(*request, runs));
  std::vector<json> objects;
  objects.reserve(runs.size());
  for (const auto& run : runs)
    objects.push_back(json_of(*request, run));
  return out.print(json_text(std::move(objects)));
}

void declare_resizing(CLI::App& subcommand, resize_flags& flags) {
  add_list_flag(subcommand, "--trace", flags.trace,
                "Days to judge by, plain or gzip")
      ->type_name("FILE,...")
      ->required();
  add_list_flag(subcommand, "--tune", flags.tune,
                "Days on which policies are tuned and\nbrought to the "
                "violation")
      ->type_name("FILE,...")
      ->required();
  add_list_flag(subcommand, "--history", flags.history,
                "Days from which every policy knows VMs,\nslices and hosts "
                "(a day is never its own\nhistory)")
      ->type_name("FILE,...");
  add_list_flag(subcommand, "--policy", flags.policies,
                names_text(resize_policy_names())
                    + "\n(the last two know the demand)")
      ->type_name("NAME,...")
      ->required();
  subcommand
      .add_option("--violation", flags.violation,
                  "Work that may be throttled or stretched\nmore than 5 times")
      ->type_name("PERCENT")
      ->capture_default_str();
  add_list_flag(subcommand, "--seed", flags.seeds, "Of the search")
      ->type_name("N,...")
      ->capture_default_str();
  subcommand
      .add_option("--evaluations", flags.evaluations,
                  "Of the search, for each policy; 0 only\ncalibrates")
      ->type_name("N")
      ->capture_default_str();
  subcommand.add_option("--sample", flags.sample, "VM-days in an evaluation")
      ->type_name("N")
      ->capture_default_str();
}

} // namespace

void add_resizing_command(CLI::App& parent, action& chosen) {
  auto& subcommand = *parent.add_subcommand(
      "resize", "VMs whose CPU limits follow their use: days of PlanetLab");
  const auto flags = std::make_shared<resize_flags>();
  declare_resizing(subcommand, *flags);
  subcommand.footer(
      "Also: -o table|json, --quiet.\n"
      "Example:\n"
      "  skerry simulate resize --trace 20110309.csv.gz \\\n"
      "    --tune 20110303.csv.gz,20110306.csv.gz \\\n"
      "    --policy threshold,percentile,window-max --violation 5");
  subcommand.final_callback([flags, &chosen] {
    chosen = [flags](console& out) { return simulate_resizing(*flags, out); };
  });
}

} // namespace skerry
