#include "cli/arguments.hpp"
#include "cli/command.hpp"
#include "cli/report.hpp"
#include "simulation/dag_track.hpp"

#include <fmt/format.h>

#include <cmath>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace skerry {
namespace {

struct dag_flags {
  std::string jobs = "200";
  std::string slots = "50";
  std::string load = "0.85";
  std::string estimate_error = "0.3";
  std::string move_seconds = "0";
  bool batch = false;
  std::string seeds;
  std::string orders;
};

struct named_order {
  std::string name;
  dag_order order;
};

/// The flags, understood.
struct dag_request {
  dag_options options; ///< The seed is exchanged for each run.
  std::vector<std::uint64_t> seeds;
  std::vector<named_order> orders;
};

struct named_run {
  std::string_view order;
  std::uint64_t seed = 0;
  dag_report report;
};

constexpr double least_load = 0.01;

result<dag_request> understand(const dag_flags& flags) {
  dag_request request;
  const auto jobs = parse_whole("--jobs", flags.jobs, 1, max_dag_jobs);
  if (!jobs)
    return jobs.failure();
  request.options.jobs = static_cast<std::uint32_t>(*jobs);
  const auto slots = parse_whole("--slots", flags.slots, 1, max_dag_slots);
  if (!slots)
    return slots.failure();
  request.options.slots = static_cast<std::uint32_t>(*slots);
  const auto load = parse_decimal("--load", flags.load, least_load, 10);
  if (!load)
    return load.failure();
  request.options.load = flags.batch ? 0 : *load;
  const auto error
      = parse_decimal("--estimate-error", flags.estimate_error, 0, 2);
  if (!error)
    return error.failure();
  request.options.estimate_error = *error;
  constexpr double most = static_cast<double>(max_dag_move_ms) / 1000;
  const auto move
      = parse_decimal("--move-seconds", flags.move_seconds, 0, most);
  if (!move)
    return move.failure();
  request.options.move_ms = std::llround(*move * 1000);
  auto seeds = parse_seeds("--seed", flags.seeds);
  if (!seeds)
    return seeds.failure();
  request.seeds = *std::move(seeds);
  const auto names = parse_list("--order", flags.orders);
  if (!names)
    return names.failure();
  for (const auto& name : *names) {
    const auto order = find_dag_order(name);
    if (!order)
      return skerry::error{error_code::invalid_argument,
                           "--order: " + order.failure().message};
    request.orders.push_back({name, *order});
  }
  return request;
}

json json_of(const dag_options& options, const named_run& run) {
  const auto& report = run.report;
  json object = {{"workload", "tpch-like"},
                 {"order", run.order},
                 {"seed", run.seed},
                 {"jobs", options.jobs},
                 {"slots", options.slots}};
  object["arrivals"] = options.load > 0 ? "poisson" : "batch";
  if (options.load > 0)
    object["load"] = options.load;
  object["estimate_error"] = options.estimate_error;
  object["move_seconds"] = static_cast<double>(options.move_ms) / 1000;
  object["completion_seconds"] = {{"mean", report.mean_seconds},
                                  {"p50", report.p50_seconds},
                                  {"p95", report.p95_seconds},
                                  {"max", report.max_seconds}};
  object["makespan_seconds"] = report.makespan_seconds;
  object["utilisation"] = report.utilisation;
  return object;
}

/// The runs of an order, one for each seed, in a row.
/// @param base Those of the first order.
std::vector<std::string> row_of(std::span<const named_run> runs,
                                std::span<const named_run> base) {
  const auto figures_of = [](std::span<const named_run> of, auto member) {
    figures out;
    for (const auto& run : of)
      out.emplace_back(run.report.*member);
    return out;
  };
  const auto means = figures_of(runs, &dag_report::mean_seconds);
  auto percents = figures_of(runs, &dag_report::utilisation);
  for (auto& value : percents)
    *value *= 100;
  return {std::string{runs.front().order},
          mean_cell(means, 1),
          runs.data() == base.data()
              ? "-"
              : difference_cell(means,
                                figures_of(base, &dag_report::mean_seconds), 1),
          mean_cell(figures_of(runs, &dag_report::p50_seconds), 1),
          mean_cell(figures_of(runs, &dag_report::p95_seconds), 1),
          mean_cell(figures_of(runs, &dag_report::makespan_seconds), 0),
          mean_cell(percents, 1)};
}

/// @param runs Those of an order together, each with all seeds.
std::string table_of(const dag_request& request,
                     std::span<const named_run> runs) {
  const auto& options = request.options;
  const auto seeds = request.seeds.size();
  const auto base = runs.first(seeds);
  text_table table{{"order", "mean s", "minus " + request.orders.front().name,
                    "p50 s", "p95 s", "makespan s", "utilisation %"}};
  for (auto rest = runs; !rest.empty(); rest = rest.subspan(seeds))
    table.add(row_of(rest.first(seeds), base));
  return fmt::format(
      "{} jobs like TPC-H queries, {} slots, {}, {}{}: completion times\n\n{}",
      options.jobs, options.slots,
      options.load > 0 ? fmt::format("load {}", options.load)
                       : std::string{"all at once"},
      seeds_text(request.seeds),
      seeds > 1 ? "; mean (standard deviation) over seeds, differences paired "
                  "by seed with half their 95 % interval"
                : "",
      table.text());
}

result<> simulate(const dag_flags& flags, console& out) {
  const auto request = understand(flags);
  if (!request)
    return request.failure();
  std::vector<dag_trace> traces;
  for (const auto seed : request->seeds) {
    auto options = request->options;
    options.seed = seed;
    auto trace = dag_trace::make(options);
    if (!trace)
      return as_usage_fault(trace.failure());
    traces.push_back(*std::move(trace));
  }
  std::vector<named_run> runs;
  progress shown{out, request->orders.size() * traces.size()};
  for (const auto& [name, order] : request->orders)
    for (const auto& trace : traces) {
      const auto seed = trace.options().seed;
      shown.begin(fmt::format("{}, seed {}", name, seed));
      runs.push_back({name, seed, run_dag_track(trace, order)});
    }
  if (out.format == output_format::table)
    return out.print(table_of(*request, runs));
  std::vector<json> objects;
  objects.reserve(runs.size());
  for (const auto& run : runs)
    objects.push_back(json_of(request->options, run));
  return out.print(json_text(std::move(objects)));
}

std::string order_names() {
  std::vector<std::string_view> names;
  for (const auto order : all_dag_orders())
    names.push_back(to_string(order));
  return names_text(names);
}

} // namespace

void add_dag_command(CLI::App& parent, action& chosen) {
  auto& subcommand = *parent.add_subcommand(
      "dag", "Big-data jobs: stage graphs like those of TPC-H queries");
  const auto flags = std::make_shared<dag_flags>();
  const auto option = [&](const char* name, std::string& into, const char* type,
                          const char* what) {
    return subcommand.add_option(name, into, what)
        ->type_name(type)
        ->capture_default_str();
  };
  option("--jobs", flags->jobs, "N", "How many come");
  option("--slots", flags->slots, "N", "Tasks that run at a time");
  auto* const load = option("--load", flags->load, "X",
                            "Work that comes, of what the slots can do\nwhile "
                            "it comes");
  subcommand.add_flag("--batch", flags->batch, "All jobs come at once")
      ->excludes(load);
  option("--estimate-error", flags->estimate_error, "S",
         "How far a stage's time is from what the\norders know: standard "
         "deviation of its\nlogarithm");
  option("--move-seconds", flags->move_seconds, "S",
         "What a slot loses when it runs a task of\nanother job than before");
  add_list_flag(subcommand, "--seed", flags->seeds, "Of jobs and times")
      ->type_name("N,...")
      ->required();
  add_list_flag(subcommand, "--order", flags->orders, order_names())
      ->type_name("NAME,...")
      ->required();
  subcommand.footer("Also: -o table|json, --quiet.\n"
                    "Example:\n"
                    "  skerry simulate dag --jobs 200 --slots 50 --load 0.85 "
                    "\\\n"
                    "    --seed 42,43,44 --order fair,fifo,sjf,critical-path");
  subcommand.final_callback([flags, &chosen] {
    chosen = [flags](console& out) { return simulate(*flags, out); };
  });
}

} // namespace skerry
