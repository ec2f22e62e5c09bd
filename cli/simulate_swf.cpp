#include "cli/arguments.hpp"
#include "cli/command.hpp"
#include "cli/output_file.hpp"
#include "cli/report.hpp"
#include "simulation/swf_track.hpp"

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

struct swf_flags {
  std::string trace;
  std::string processors;
  std::string policies;
  std::string backfill = "none";
  std::string windows;  ///< Empty: the whole log.
  std::string schedule; ///< Empty: not wanted.
};

/// The flags, understood, and the file read.
struct swf_request {
  std::vector<std::string> policies;
  swf_options options; ///< The order is exchanged for each policy.
  swf_log log;
};

struct swf_run {
  std::string_view policy;
  swf_report report; ///< Without the schedule.
};

std::vector<std::string_view> order_names() {
  std::vector<std::string_view> names;
  for (const auto order : all_queue_orders())
    names.push_back(to_string(order));
  return names;
}

result<swf_request> understand(const swf_flags& flags) {
  swf_request request;
  const auto processors
      = parse_whole("--procs", flags.processors, 1, max_swf_processors);
  if (!processors)
    return processors.failure();
  request.options.processors = *processors;
  auto policies = parse_names("--policy", flags.policies, order_names());
  if (!policies)
    return policies.failure();
  request.policies = *std::move(policies);
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
  if (!flags.schedule.empty() && request.policies.size() > 1)
    return error{error_code::invalid_argument,
                 "--schedule holds one run; give one policy"};
  auto log = read_swf(flags.trace);
  if (!log)
    return as_usage_fault(log.failure());
  request.log = *std::move(log);
  return request;
}

json json_of(const swf_flags& flags, const swf_run& run) {
  return {{"workload", workload_name(flags.trace)},
          {"policy", run.policy},
          {"backfill", flags.backfill},
          {"average_bounded_slowdown", run.report.average_bounded_slowdown},
          {"per_window", run.report.per_window},
          {"utilisation", run.report.utilisation}};
}

std::string table_of(const swf_flags& flags, std::span<const swf_run> runs) {
  text_table table{{"policy", "slowdown", "lowest", "highest", "utilisation"}};
  for (const auto& [policy, report] : runs) {
    const auto [lowest, highest]
        = std::ranges::minmax_element(report.per_window);
    table.add({std::string{policy},
               fmt::format("{:.2f}", report.average_bounded_slowdown),
               fmt::format("{:.2f}", *lowest), fmt::format("{:.2f}", *highest),
               fmt::format("{:.2f} %", report.utilisation * 100)});
  }
  const auto windows = runs.front().report.per_window.size();
  return fmt::format(
      "{}, {} processors, backfill {}: mean bounded slowdown over {} {}\n\n{}",
      workload_name(flags.trace), flags.processors, flags.backfill, windows,
      windows == 1 ? "window" : "windows", table.text());
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

  std::vector<swf_run> runs;
  progress shown{out, request->policies.size()};
  for (const auto& policy : request->policies) {
    shown.begin(policy);
    request->options.policy = *find_queue_order(policy);
    auto report = run_swf_track(request->log.jobs, request->options);
    if (!report)
      return as_usage_fault(report.failure());
    if (schedule)
      if (auto ok = schedule->commit(schedule_csv(*report)); !ok)
        return ok;
    report->schedule = {};
    runs.push_back({policy, *std::move(report)});
  }

  if (out.format == output_format::table)
    return out.print(table_of(flags, runs));
  std::vector<json> objects;
  objects.reserve(runs.size());
  for (const auto& run : runs)
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
                names_text(order_names()))
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
      .add_option("--schedule", flags->schedule,
                  "Write window,job,start as CSV; for one policy")
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
