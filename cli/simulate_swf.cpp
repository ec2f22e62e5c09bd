#include "cli/arguments.hpp"
#include "cli/command.hpp"
#include "cli/output_file.hpp"
#include "cli/report.hpp"
#include "messages/policy_file.hpp"
#include "simulation/statistics.hpp"
#include "simulation/swf_estimates.hpp"
#include "simulation/swf_track.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace skerry {
namespace {

struct swf_flags {
  std::string trace;
  std::string processors;
  std::string policies;
  std::string backfill = "none";
  std::string estimates = "exact";
  std::string seeds = "1";
  std::string windows;  ///< Empty: the whole log.
  std::string schedule; ///< Empty: not wanted.
};

struct named_policy {
  std::string name;
  swf_policy policy;
};

/// The flags, understood, and the file read.
struct swf_request {
  std::vector<named_policy> policies;
  std::vector<std::uint64_t> seeds;
  swf_estimates estimates = swf_estimates::exact;
  swf_options options; ///< The policy is exchanged for each run.
  swf_log log;
};

struct swf_run {
  std::string_view policy;
  std::uint64_t seed = 0;
  swf_report report;
};

constexpr std::string_view planned = "planned";
/// A decision takes minutes then.
constexpr std::int64_t most_plays = 1'000'000;

/// What `--policy` takes, for help and faults.
std::vector<std::string_view> policy_names() {
  std::vector<std::string_view> names;
  for (const auto order : all_queue_orders())
    names.push_back(to_string(order));
  names.push_back(shipped_policy_name);
  names.push_back("./FILE");
  names.push_back("planned[:PLAYS[:./FILE]]");
  return names;
}

result<queue_weights> find_weights(std::string_view name) {
  auto weights = find_queue_policy(name);
  if (!weights)
    return error{error_code::invalid_argument,
                 "--policy: " + weights.failure().message};
  return weights;
}

result<swf_policy> find_order(std::string_view name) {
  if (name == shipped_policy_name || name.find_first_of("./") != name.npos) {
    const auto weights = find_weights(name);
    if (!weights)
      return weights.failure();
    return swf_policy{*weights};
  }
  const auto order = find_queue_order(name);
  if (!order)
    return error{error_code::invalid_argument,
                 fmt::format("--policy: {}, {}, files of weights by their path "
                             "(./{}), or planned[:PLAYS[:./FILE]]",
                             order.failure().message, shipped_policy_name,
                             name)};
  return swf_policy{*order};
}

result<swf_policy> find_swf_policy(std::string_view name) {
  if (!name.starts_with(planned))
    return find_order(name);
  queue_planner_options planner;
  auto base = shipped_policy_name;
  if (auto rest = name.substr(planned.size()); !rest.empty()) {
    if (!rest.starts_with(':'))
      return error{error_code::invalid_argument,
                   fmt::format("--policy: \"{}\" is not "
                               "planned[:PLAYS[:./FILE]]",
                               name)};
    rest.remove_prefix(1);
    const auto colon = rest.find(':');
    const auto plays = parse_whole(
        "--policy planned:", std::string{rest.substr(0, colon)}, 1, most_plays);
    if (!plays)
      return plays.failure();
    planner.budget_plays = static_cast<std::uint64_t>(*plays);
    if (colon != rest.npos)
      base = rest.substr(colon + 1);
  }
  const auto weights = find_weights(base);
  if (!weights)
    return weights.failure();
  planner.rules.insert(planner.rules.begin(), *weights);
  return swf_policy{planner};
}

result<swf_request> understand(const swf_flags& flags) {
  swf_request request;
  const auto processors
      = parse_whole("--procs", flags.processors, 1, max_swf_processors);
  if (!processors)
    return processors.failure();
  request.options.processors = *processors;
  const auto names = parse_list("--policy", flags.policies);
  if (!names)
    return names.failure();
  for (const auto& name : *names) {
    auto policy = find_swf_policy(name);
    if (!policy)
      return policy.failure();
    request.policies.push_back({name, *std::move(policy)});
  }
  auto seeds = parse_seeds("--seed", flags.seeds);
  if (!seeds)
    return seeds.failure();
  request.seeds = *std::move(seeds);
  const auto estimates
      = parse_choice("--estimates", flags.estimates, swf_estimate_names);
  if (!estimates)
    return estimates.failure();
  request.estimates = static_cast<swf_estimates>(*estimates);
  constexpr std::array<std::string_view, 2> ways{"none", "easy"};
  const auto way = parse_choice("--backfill", flags.backfill, ways);
  if (!way)
    return way.failure();
  request.options.backfill = *way == 0 ? backfilling::none : backfilling::easy;
  if (!flags.windows.empty()) {
    auto windows = parse_windows(flags.windows);
    if (!windows)
      return error{error_code::invalid_argument,
                   "--windows: " + windows.failure().message};
    request.options.windows = *std::move(windows);
  }
  if (!flags.schedule.empty()
      && (request.policies.size() > 1 || request.seeds.size() > 1))
    return error{error_code::invalid_argument,
                 "--schedule holds one run; give one policy and one seed"};
  auto log = read_swf(flags.trace);
  if (!log)
    return as_usage_fault(log.failure());
  request.log = *std::move(log);
  return request;
}

json json_of(const swf_flags& flags, const swf_run& run) {
  const auto& report = run.report;
  json object = {{"workload", workload_name(flags.trace)},
                 {"policy", run.policy},
                 {"backfill", flags.backfill},
                 {"estimates", flags.estimates},
                 {"seed", run.seed},
                 {"average_bounded_slowdown", report.average_bounded_slowdown},
                 {"per_window", report.per_window},
                 {"utilisation", report.utilisation}};
  if (report.planner.decisions > 0)
    object["planner"] = {{"decisions", report.planner.decisions},
                         {"by_plan", report.planner.by_plan},
                         {"overruled", report.planner.overruled},
                         {"plays", report.planner.plays},
                         {"trials", report.planner.trials},
                         {"trials_won", report.planner.trials_won}};
  return object;
}

/// The runs of a policy, one for each seed, in a row.
std::vector<std::string> row_of(std::span<const swf_run> runs) {
  std::vector<double> slowdowns;
  double utilisation = 0;
  auto lowest = std::numeric_limits<double>::infinity();
  double highest = 0;
  for (const auto& run : runs) {
    slowdowns.push_back(run.report.average_bounded_slowdown);
    utilisation += run.report.utilisation / static_cast<double>(runs.size());
    const auto [least, most] = std::ranges::minmax(run.report.per_window);
    lowest = std::min(lowest, least);
    highest = std::max(highest, most);
  }
  const auto interval = mean_interval_of(slowdowns);
  return {std::string{runs.front().policy},
          fmt::format("{:.2f}", interval.mean),
          runs.size() == 1 ? "" : fmt::format("{:.2f}", interval.half_width),
          fmt::format("{:.2f}", lowest),
          fmt::format("{:.2f}", highest),
          fmt::format("{:.2f} %", utilisation * 100)};
}

/// @param runs Those of a policy together.
std::string table_of(const swf_flags& flags, std::span<const swf_run> runs) {
  text_table table{
      {"policy", "slowdown", "+-", "lowest", "highest", "utilisation"}};
  for (auto rest = runs; !rest.empty();) {
    const auto end = std::ranges::find_if(rest, [&rest](const swf_run& run) {
      return run.policy != rest.front().policy;
    });
    const auto count = static_cast<std::size_t>(end - rest.begin());
    table.add(row_of(rest.first(count)));
    rest = rest.subspan(count);
  }
  const auto windows = runs.front().report.per_window.size();
  return fmt::format(
      "{}, {} processors, backfill {}, estimates {}, seeds {}: mean bounded "
      "slowdown over {} {}\n\n{}",
      workload_name(flags.trace), flags.processors, flags.backfill,
      flags.estimates, flags.seeds, windows,
      windows == 1 ? "window" : "windows", table.text());
}

/// A fixed rule on a given log has nothing to draw: one seed is enough.
bool draws(const swf_request& request, const swf_policy& policy) {
  return request.estimates != swf_estimates::exact
         || std::holds_alternative<queue_planner_options>(policy);
}

result<std::vector<swf_run>> run_all(const swf_request& request, console& out) {
  std::vector<swf_run> runs;
  progress shown{out, request.policies.size()};
  auto options = request.options;
  for (const auto& [name, policy] : request.policies) {
    shown.begin(name);
    options.policy = policy;
    for (const auto seed : request.seeds) {
      if (seed != request.seeds.front() && !draws(request, policy))
        break;
      if (auto* planner = std::get_if<queue_planner_options>(&options.policy))
        planner->seed = seed;
      const auto log
          = with_estimates(request.log.jobs, request.estimates, seed);
      auto report = run_swf_track(log, options);
      if (!report)
        return as_usage_fault(report.failure());
      runs.push_back({name, seed, *std::move(report)});
    }
  }
  return runs;
}

result<> simulate(const swf_flags& flags, console& out) {
  auto request = understand(flags);
  if (!request)
    return request.failure();
  if (request->log.left_out > 0)
    out.note(fmt::format("{}: left out {} jobs that ran for 0 s or on no "
                         "processor",
                         flags.trace, request->log.left_out));
  std::optional<output_file> schedule;
  if (!flags.schedule.empty()) {
    const std::array inputs{flags.trace};
    auto created = output_file::create(flags.schedule, inputs);
    if (!created)
      return created.failure();
    schedule.emplace(*std::move(created));
  }

  auto runs = run_all(*request, out);
  if (!runs)
    return runs.failure();
  if (schedule)
    if (auto ok = schedule->commit(schedule_csv(runs->front().report)); !ok)
      return ok;
  if (out.format == output_format::table)
    return out.print(table_of(flags, *runs));
  std::vector<json> objects;
  objects.reserve(runs->size());
  for (const auto& run : *runs)
    objects.push_back(json_of(flags, run));
  return out.print(json_text(std::move(objects)));
}

} // namespace

void add_swf_command(CLI::App& parent, action& chosen) {
  auto& subcommand = *parent.add_subcommand(
      "swf", "Batch queues: a log in the Standard Workload Format");
  const auto flags = std::make_shared<swf_flags>();
  subcommand.add_option("--trace", flags->trace, "The log, plain or gzip")
      ->type_name("FILE")
      ->required();
  subcommand
      .add_option("--procs", flags->processors, "Processors of the machine")
      ->type_name("N")
      ->required();
  add_list_flag(subcommand, "--policy", flags->policies,
                names_text(policy_names())
                    + "\n(planned looks ahead, by default in 128\n"
                      "plays a decision, from skerry or FILE or\n"
                      "the order that has been better)")
      ->type_name("NAME,...")
      ->required();
  subcommand
      .add_option("--backfill", flags->backfill,
                  "What may pass a head that does not\nfit: none or easy")
      ->type_name("HOW")
      ->capture_default_str();
  add_list_flag(subcommand, "--windows", flags->windows,
                "Parts of the log, each on an empty\nmachine: 0-based first "
                "job and number\nof jobs (default: all of it)")
      ->type_name("START:LEN,...");
  subcommand
      .add_option("--estimates", flags->estimates,
                  "Requested times: exact (as in the log),\nusers (too long, "
                  "rounded up to what people\ntype) or lognormal")
      ->type_name("HOW")
      ->capture_default_str();
  add_list_flag(subcommand, "--seed", flags->seeds, "Of plans and of estimates")
      ->type_name("N,...")
      ->capture_default_str();
  subcommand
      .add_option("--schedule", flags->schedule,
                  "Write window,job,start as CSV; for one run")
      ->type_name("FILE")
      ->check(refuse_empty);
  subcommand.footer(
      "Also: -o table|json, --quiet.\n"
      "Example:\n"
      "  skerry simulate swf --trace jobs.swf.gz --procs 256 \\\n"
      "    --policy fcfs,f1 --backfill easy --windows 1981:1024,2756:1024");
  subcommand.final_callback([flags, &chosen] {
    chosen = [flags](console& out) { return simulate(*flags, out); };
  });
}

} // namespace skerry
