#include "benchmarks/benchmark.hpp"
#include "cli/arguments.hpp"
#include "cli/command.hpp"
#include "cli/report.hpp"
#include "cli/version.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace skerry {
namespace {

struct bench_flags {
  std::string name;
  std::string seed = "1";
  std::string seconds = "2";
  std::string traces;
};

std::vector<std::string_view> benchmark_names() {
  std::vector<std::string_view> names;
  for (const auto& each : all_benchmarks())
    names.push_back(each.name);
  return names;
}

json json_of(std::string_view name, const benchmark_case& measured) {
  json out{{"name", name},
           {"case", measured.name},
           {"per_second", measured.per_second},
           {"p50_us", measured.p50_us},
           {"p99_us", measured.p99_us},
           {"cpu_seconds", measured.cpu_seconds},
           {"commit", commit()}};
  for (const auto& [what, figure] : measured.more)
    out[what] = figure;
  return out;
}

std::vector<std::string> row_of(const benchmark_case& measured) {
  std::string more;
  for (const auto& [what, figure] : measured.more)
    more += fmt::format("{}{} {:.1f}", more.empty() ? "" : ", ", what, figure);
  return {measured.name,
          fmt::format("{:.0f}", measured.per_second),
          fmt::format("{:.3f}", measured.p50_us),
          fmt::format("{:.3f}", measured.p99_us),
          fmt::format("{:.2f}", measured.cpu_seconds),
          more};
}

result<> run_bench(const bench_flags& flags, console& out) {
  const auto names = benchmark_names();
  const auto which = parse_choice("NAME", flags.name, names);
  if (!which)
    return which.failure();
  const auto seed = parse_whole("--seed", flags.seed, 0,
                                std::numeric_limits<std::int64_t>::max());
  if (!seed)
    return seed.failure();
  const auto seconds = parse_decimal("--seconds", flags.seconds, 0.001, 3600);
  if (!seconds)
    return seconds.failure();
  const auto& chosen = all_benchmarks()[*which];
  text_table table{{"case", "per second", "p50 us", "p99 us", "cpu s", ""}};
  auto printed = result<>{done{}};
  const auto report = [&](const benchmark_case& measured) {
    if (out.format == output_format::table)
      table.add(row_of(measured));
    else if (printed) // A line for each case, as soon as there is one.
      printed = out.print(json_of(chosen.name, measured).dump() + "\n");
  };
  if (auto ok = chosen.run({.seed = static_cast<std::uint64_t>(*seed),
                            .seconds = *seconds,
                            .trace_directory = flags.traces},
                           report);
      !ok)
    return as_usage_fault(ok.failure());
  if (!printed || out.format != output_format::table)
    return printed;
  return out.print(fmt::format("{}: {}\n\n{}", chosen.name, chosen.description,
                               table.text()));
}

} // namespace

void add_bench_command(CLI::App& parent, action& chosen) {
  auto& subcommand = *parent.add_subcommand(
      "bench", "Measure the speed and size of Skerry on this machine");
  const auto flags = std::make_shared<bench_flags>();
  std::string names;
  for (const auto& each : all_benchmarks())
    names += fmt::format("{}{}: {}", names.empty() ? "" : "\n", each.name,
                         each.description);
  subcommand.add_option("NAME", flags->name, names)->type_name("")->required();
  subcommand.add_option("--seconds", flags->seconds, "For each case, about")
      ->type_name("S")
      ->capture_default_str();
  subcommand.add_option("--seed", flags->seed, "Of the generated work")
      ->type_name("N")
      ->capture_default_str();
  subcommand
      .add_option("--traces", flags->traces,
                  "Directory of the openb traces, for openb")
      ->type_name("DIR");
  subcommand.footer(
      "Also: -o table|json (a line for each case), --quiet.\n"
      "Cases run on one core. p50 and p99 are of the mean time in "
      "short runs.\n"
      "Example:\n"
      "  skerry bench dispatch --seconds 5 -o json");
  subcommand.final_callback([flags, &chosen] {
    chosen = [flags](console& out) { return run_bench(*flags, out); };
  });
}

} // namespace skerry
