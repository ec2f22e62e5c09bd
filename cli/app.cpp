#include "cli/app.hpp"

#include "cli/arguments.hpp"
#include "cli/command.hpp"
#include "cli/version.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

namespace skerry {
namespace {

/// "skerry simulate openb": the command as far as it was understood.
std::string understood(const CLI::App& app) {
  std::string words = "skerry";
  for (auto chosen = app.get_subcommands(); !chosen.empty();
       chosen = chosen.front()->get_subcommands())
    words += " " + chosen.front()->get_name();
  return words;
}

void declare_globals(CLI::App& app, global_flags& flags) {
  app.fallthrough(); // Subcommands inherit it: global flags may stand anywhere.
  app.require_subcommand(1);
  app.get_formatter()->column_width(34);
  app.set_help_flag("-h,--help", "This text");
  app.set_version_flag(
      "--version", fmt::format("skerry {} (commit {})", version(), commit()),
      "The version, and the commit it was built from");
  app.add_option("-o,--output", flags.output,
                 "Form of the results: table or json")
      ->type_name("FORM")
      ->capture_default_str();
  app.add_flag("-q,--quiet", flags.quiet, "Neither progress nor notes");
  app.add_option("--address", flags.address,
                 "Servers to ask, the next when one is\nunreachable "
                 "(SKERRY_ADDRESS; 127.0.0.1:7070)")
      ->type_name("HOST:PORT,...")
      ->check(refuse_empty);
  app.add_option("--tls", flags.tls, "Folder of certificates (SKERRY_TLS)")
      ->type_name("DIR")
      ->check(refuse_empty);
  app.add_option("--timeout", flags.timeout,
                 "For every answer of a server (10s)")
      ->type_name("TIME")
      ->check(refuse_empty);
  app.add_option("--config", flags.config,
                 "Configuration (SKERRY_CONFIG;\n/etc/skerry/skerry.toml)")
      ->type_name("FILE")
      ->check(refuse_empty);
  app.footer(
      "Results go to stdout, progress and errors to stderr.\n"
      "Exit codes: 0 ok, 1 failure, 2 usage or bad input, 3 not placed,\n"
      "4 server unreachable, 5 conflict, 130 interrupted.");
}

void declare(CLI::App& app, global_flags& flags, action& chosen) {
  declare_globals(app, flags);
  add_submit_command(app, flags, chosen);
  add_run_command(app, flags, chosen);
  add_decide_command(app, flags, chosen);
  add_get_command(app, flags, chosen);
  add_describe_command(app, flags, chosen);
  add_explain_command(app, flags, chosen);
  add_logs_command(app, flags, chosen);
  add_cancel_command(app, flags, chosen);
  add_resize_command(app, flags, chosen);
  add_node_command(app, flags, chosen);
  add_forget_server_command(app, flags, chosen);
  add_server_command(app, flags, chosen);
  add_dev_command(app, chosen);
  add_config_command(app, flags, chosen);
  add_doctor_command(app, flags, chosen);

  auto& simulate = *app.add_subcommand(
      "simulate", "Replay a workload under one policy or several");
  simulate.require_subcommand(1);
  simulate.footer(
      "Example:\n"
      "  skerry simulate synthetic --nodes 200 --hours 12 --seed 1,2,3\n"
      "The same seed gives the same result. Every command has its --help.");
  add_openb_command(simulate, chosen);
  add_departures_command(simulate, chosen);
  add_resizing_command(simulate, chosen);
  add_swf_command(simulate, chosen);
  add_dag_command(simulate, chosen);
  add_synthetic_command(simulate, chosen);
  add_evolve_command(app, chosen);
  add_policy_command(app, flags, chosen);
  add_replay_command(app, chosen);
  add_learn_command(app, chosen);
  add_weights_command(app, chosen);
  add_bench_command(app, chosen);
  add_certs_command(app, chosen);
  add_agent_command(app, flags, chosen);
}

/// A configuration with several faults gives a complaint for each.
std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

/// Help and version are results, too.
exit_code show(console& out, const std::string& text) {
  if (const auto printed = out.print(text); !printed) {
    console::complain(printed.failure().message);
    return exit_code::failure;
  }
  return exit_code::ok;
}

exit_code act(console& out, const global_flags& flags, const action& chosen) {
  constexpr std::array<std::string_view, 2> forms{"table", "json"};
  const auto form = parse_choice("--output", flags.output, forms);
  auto outcome = form ? ending{} : ending{form.failure()};
  if (form) {
    out.format = *form == 0 ? output_format::table : output_format::json;
    out.quiet = flags.quiet;
    outcome = chosen(out);
  }
  for (const auto& line : lines_of(outcome.complaint))
    console::complain(line);
  return outcome.code;
}

exit_code parse_and_act(int argc, const char* const* argv) {
  console out;
  global_flags flags;
  action chosen;
  CLI::App app{"Skerry: a cluster scheduler, and the simulator that judges it",
               "skerry"};
  declare(app, flags, chosen);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    return show(out, app.help());
  } catch (const CLI::CallForVersion& asked) {
    return show(out, fmt::format("{}\n", asked.what()));
  } catch (const CLI::ParseError& fault) {
    // A slip in a name comes first: what it hid is then missed as well.
    const auto unknown = app.remaining(true);
    console::complain(fmt::format(
        "{} (see {} --help)",
        unknown.empty() ? fault.what()
                        : fmt::format("there is no {} here", unknown.front()),
        understood(app)));
    return exit_code::usage;
  }
  return act(out, flags, chosen);
}

} // namespace

CLI::Option* add_list_flag(CLI::App& subcommand, const std::string& name,
                           std::string& into, const std::string& what) {
  // Not CLI11's own lists: they drop empty items, which are slips.
  const auto join = [&into](const std::vector<std::string>& lists) {
    into = fmt::format("{}", fmt::join(lists, ","));
  };
  return subcommand
      .add_option_function<std::vector<std::string>>(name, join, what)
      ->expected(1)
      ->take_all()
      ->check(refuse_empty);
}

std::string refuse_empty(const std::string& text) {
  return text.empty() ? "what stands behind it is empty" : "";
}

clock_ns steady_clock_ns() {
  return [] {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
  };
}

exit_code run_app(int argc, const char* const* argv) {
  try {
    return parse_and_act(argc, argv);
  } catch (const std::exception& fault) { // Memory, above all.
    console::complain(fault.what());
    return exit_code::failure;
  }
}

} // namespace skerry
