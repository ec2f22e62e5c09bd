#include "agent/agent.hpp"
#include "agent/discovery.hpp"
#include "agent/journal.hpp"
#include "api/credentials.hpp"
#include "cli/agent_flags.hpp"
#include "cli/agent_measure.hpp"
#include "cli/arguments.hpp"
#include "cli/client.hpp"
#include "cli/command.hpp"
#include "cli/configured.hpp"
#include "messages/convert.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <google/protobuf/util/json_util.h>
#include <grpcpp/grpcpp.h>
#include <memory>
#include <string>
#include <string_view>
#include <unistd.h>
#include <utility>
#include <vector>

namespace skerry {
namespace {

/// How long `--stop-tasks-on-exit` waits for the slowest task.
constexpr std::int64_t leave_milliseconds = 60'000;
/// Between two looks whether the agent still works.
constexpr long look_nanoseconds = 200'000'000;

/// As typed; empty and false leave the configuration's.
struct agent_flags {
  std::string servers;
  std::string name;
  std::string data;
  std::string cpu;
  std::string memory;
  std::string disk;
  std::string network;
  std::vector<std::string> labels;
  std::vector<std::string> named;
  std::string max_tasks;
  std::string user;
  std::string supervisor;
  std::string simulate;
  std::string time_scale;
  std::string seed;
  std::string sysfs;
  std::string enforce;
  bool no_gpus = false;
  bool allow_more = false;
  bool stop_tasks = false;
  std::string journal;        ///< Of `skerry agent journal`.
  std::string tasks = "1000"; ///< Of `skerry agent measure`.
  std::string at_once = "32";
};

std::vector<flag_value> values_of(const agent_flags& flags) {
  std::vector<flag_value> values;
  // A plain number stands for megabits: that is how links are sold.
  const bool plain
      = flags.network.find_first_not_of("0123456789") == std::string::npos;
  const auto network = flags.network.empty() || !plain ? flags.network
                                                       : flags.network + "Mbps";
  for (auto [setting, text, flag] :
       {flag_value{"agent.servers", flags.servers, "--server"},
        {"agent.name", flags.name, "--name"},
        {"agent.data", flags.data, "--data"},
        {"agent.cpu", flags.cpu, "--cpu"},
        {"agent.memory", flags.memory, "--memory"},
        {"agent.disk", flags.disk, "--disk"},
        {"agent.network", network, "--network"},
        {"agent.labels", fmt::format("{}", fmt::join(flags.labels, ",")),
         "--label"},
        {"agent.named", fmt::format("{}", fmt::join(flags.named, ",")),
         "--named"},
        {"agent.max_tasks", flags.max_tasks, "--max-tasks"},
        {"agent.user", flags.user, "--user"},
        {"agent.supervisor", flags.supervisor, "--supervisor"},
        {"agent.simulate", flags.simulate, "--simulate"},
        {"agent.time_scale", flags.time_scale, "--time-scale"},
        {"agent.seed", flags.seed, "--seed"},
        {"agent.sysfs", flags.sysfs, "--sysfs"},
        {"agent.enforce", flags.enforce, "--enforce"},
        {"agent.gpus", flags.no_gpus ? "false" : "", "--no-gpus"},
        {"agent.allow_more_than_found", flags.allow_more ? "true" : "",
         "--allow-more-than-found"},
        {"agent.stop_tasks_on_exit", flags.stop_tasks ? "true" : "",
         "--stop-tasks-on-exit"}})
    if (!text.empty())
      values.push_back({setting, text, flag});
  return values;
}

/// Servers and certificates.
result<> read_links(const configuration& from, agent_options& into) {
  auto credentials = channel_credentials(from.tls.directory);
  if (!credentials)
    return credentials.failure();
  into.connect_hint = tls_hint(from.tls.directory.empty());
  into.servers = from.agent.servers;
  into.dial = [credentials = *credentials](const std::string& address) {
    return grpc::CreateCustomChannel(address, credentials,
                                     link_channel_arguments());
  };
  return done{};
}

result<> read_machine(const agent_section& from, const console& out,
                      agent_options& into) {
  std::error_code failed;
  std::filesystem::create_directories(into.data_directory, failed);
  const discovery_options defaults;
  const auto found = discover({.sys = from.sysfs,
                               .work_directory = into.data_directory,
                               .nvml = from.gpus ? defaults.nvml : ""});
  if (!found)
    return found.failure();
  for (const auto& note : found->notes)
    out.note(note);
  declaration declared{.name = from.name.empty() ? machine_name() : from.name,
                       .allow_more_than_found = from.allow_more_than_found};
  declared.capacity.set(resource_kind::cpu, from.cpu_millicores);
  declared.capacity.set(resource_kind::memory, from.memory_bytes);
  declared.capacity.set(resource_kind::disk, from.disk_bytes);
  declared.capacity.set(resource_kind::network, from.network_bits_per_second);
  declared.max_tasks = static_cast<std::uint32_t>(from.max_tasks);
  auto labels = parse_labels("agent.labels", from.labels);
  if (!labels)
    return labels.failure();
  declared.labels = *std::move(labels);
  auto named = parse_named("agent.named", from.named);
  if (!named)
    return named.failure();
  declared.named = *std::move(named);
  const auto node = declare_node(*found, declared);
  if (!node)
    return node.failure();
  into.nodes = {to_proto(*node)};
  into.device_ids = found->device_ids;
  return done{};
}

result<agent_options> understand(const configuration& from,
                                 const console& out) {
  const auto& section = from.agent;
  agent_options options;
  options.data_directory = section.data;
  if (auto ok = read_links(from, options); !ok)
    return ok.failure();
  const auto scale
      = parse_decimal("agent.time_scale", section.time_scale, 1e-6, 1e9);
  if (!scale)
    return scale.failure();
  options.simulation.time_scale = *scale;
  options.seed = static_cast<std::uint64_t>(section.seed);
  constexpr std::array<std::string_view, 4> rungs{"v2", "v1", "rlimit",
                                                  "observe"};
  const auto rung = parse_choice("agent.enforce", section.enforce, rungs);
  if (!rung)
    return rung.failure();
  options.best_rung = static_cast<cgroup_rung>(*rung);
  options.user = section.user;
  options.usage_milliseconds = section.usage_milliseconds;
  options.simulation.usage_milliseconds = section.usage_milliseconds;
  options.supervisor = section.supervisor;
  options.log = [&out](const std::string& line) { out.note(line); };
  if (section.simulate.empty()) {
    if (auto ok = read_machine(section, out, options); !ok)
      return ok.failure();
    return options;
  }
  auto nodes = parse_simulated(section.simulate);
  if (!nodes)
    return nodes.failure();
  options.nodes = *std::move(nodes);
  options.simulated = true;
  return options;
}

/// Blocks the signals that end it, in all threads to come: one waits for them.
sigset_t block_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP})
    sigaddset(&set, signal);
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  return set;
}

result<> run(const agent_flags& flags, const global_flags& globals,
             const console& out) {
  const auto signals = block_signals();
  const auto loaded = configure(globals, values_of(flags));
  if (!loaded)
    return loaded.failure();
  for (const auto& note : loaded->notes)
    out.note(note);
  auto options = understand(loaded->values, out);
  if (!options)
    return options.failure();
  const auto nodes = options->nodes.size();
  const auto first = options->nodes.front().name();
  auto running = agent::start(*std::move(options));
  if (!running)
    return running.failure();
  auto& it = **running;
  out.note(fmt::format("agent_started node={} nodes={} enforcement=\"{}\"",
                       first, nodes, it.enforcement()));
  for (;;) {
    const timespec pause{.tv_sec = 0, .tv_nsec = look_nanoseconds};
    const int signal = ::sigtimedwait(&signals, nullptr, &pause);
    if (const auto failed = it.wait(0))
      return *failed;
    if (signal <= 0)
      continue;
    out.note(fmt::format("agent_stopping signal={}", signal));
    if (loaded->values.agent.stop_tasks_on_exit)
      it.leave(leave_milliseconds);
    else
      it.stop();
    return done{};
  }
}

/// The records, a line each.
result<> show_journal(const std::string& directory, console& out) {
  const auto records = agent_journal::read(directory);
  if (!records)
    return records.failure();
  std::string text;
  for (const auto& record : *records) {
    std::string line;
    google::protobuf::util::JsonPrintOptions how;
    how.preserve_proto_field_names = true;
    if (!google::protobuf::util::MessageToJsonString(record, &line, how).ok())
      return {error_code::malformed, "a record cannot be written as JSON"};
    text
        += out.format == output_format::json ? line : record.ShortDebugString();
    text += '\n';
  }
  return out.print(text);
}

result<> measure(const agent_flags& flags, console& out) {
  const auto tasks = parse_whole("--tasks", flags.tasks, 1, 1'000'000);
  if (!tasks)
    return tasks.failure();
  const auto at_once = parse_whole("--at-once", flags.at_once, 1, 10'000);
  if (!at_once)
    return at_once.failure();
  auto directory
      = (std::filesystem::temp_directory_path() / "skerry-XXXXXX").string();
  if (::mkdtemp(directory.data()) == nullptr)
    return {error_code::io_failed, "cannot make " + directory};
  return measure_agent({.directory = directory,
                        .supervisor = flags.supervisor,
                        .tasks = *tasks,
                        .at_once = *at_once,
                        .grouped = flags.enforce != "observe"},
                       out);
}

void declare_node_flags(CLI::App& command, agent_flags& flags) {
  const auto option = [&](const char* name, std::string& into, const char* type,
                          const std::string& what) {
    return command.add_option(name, into, what)
        ->type_name(type)
        ->check(refuse_empty);
  };
  option("--name", flags.name, "NAME", "Of the node (default: the machine's)");
  option("--cpu", flags.cpu, "CORES", "Less than there is: 8, 1.5 or 1500m");
  option("--memory", flags.memory, "BYTES", "The same, as in 8GiB");
  option("--disk", flags.disk, "BYTES", "The same");
  option("--network", flags.network, "MBIT",
         "Per second, or as in 10Gbps; not found out");
  command.add_option("--label", flags.labels, "KEY=VALUE, several times")
      ->type_name("K=V")
      ->expected(1)
      ->take_all();
  command
      .add_option("--named", flags.named,
                  "Another resource, as in licences=2,\nseveral times")
      ->type_name("K=N")
      ->expected(1)
      ->take_all();
  option("--max-tasks", flags.max_tasks, "N", "At once; 0 for no limit (0)");
  command.add_flag("--allow-more-than-found", flags.allow_more,
                   "Let --cpu and others exceed the machine");
  command.add_flag("--no-gpus", flags.no_gpus, "Do not look for GPUs");
  option("--sysfs", flags.sysfs, "DIR", "Where FPGAs are looked for (/sys)");
}

void declare(CLI::App& command, agent_flags& flags) {
  const auto option = [&](const char* name, std::string& into, const char* type,
                          const std::string& what) {
    return command.add_option(name, into, what)
        ->type_name(type)
        ->check(refuse_empty);
  };
  add_list_flag(command, "--server", flags.servers,
                "Servers, HOST:PORT: attaches to one of them")
      ->type_name("A,B");
  option("--data", flags.data, "DIR",
         "Journal and tasks (/var/lib/skerry/agent)");
  declare_node_flags(command, flags);
  option("--user", flags.user, "NAME",
         "Whom tasks run as when this is root (nobody)");
  option("--enforce", flags.enforce, "RUNG",
         "At best: v2 or v1 (cgroups), rlimit, observe\n(v2)");
  option("--supervisor", flags.supervisor, "FILE",
         "skerry-supervise (default: beside skerry)");
  option("--simulate", flags.simulate, "SPEC",
         "Stand for many nodes that only pretend:\n"
         "count=1000,cpu=64,memory=256GiB,gpus=8,\n"
         "model=A100,name=sim- or openb:FILE");
  option("--time-scale", flags.time_scale, "X",
         "Simulated tasks run X times as fast (1)");
  option("--seed", flags.seed, "N",
         "Of waits between connections; 0: random (0)");
  command.add_flag("--stop-tasks-on-exit", flags.stop_tasks,
                   "On SIGTERM end all tasks and leave the\ncluster; else they "
                   "run on for the next agent");
}

} // namespace

void add_agent_command(CLI::App& parent, const global_flags& globals,
                       action& chosen) {
  auto& command = *parent.add_subcommand(
      "agent", "Make this machine, or many pretended ones, nodes");
  const auto flags = std::make_shared<agent_flags>();
  declare(command, *flags);
  command.footer("All of it can stand in the configuration, section [agent].\n"
                 "Examples:\n"
                 "  skerry agent --server 127.0.0.1:7070 --data ./node\n"
                 "  skerry agent --server 127.0.0.1:7070 --data ./sim \\\n"
                 "    --simulate count=1000,cpu=64,memory=256GiB\n"
                 "Every start and end of a task is a line of starts.log in the "
                 "data directory.");
  auto& journal = *command.add_subcommand(
      "journal", "Print an agent's journal, a record a line");
  journal.add_option("DIR", flags->journal, "Its data directory")->required();
  auto& measured = *command.add_subcommand(
      "measure", "How many processes a second this machine starts");
  measured.add_option("--tasks", flags->tasks, "In all")
      ->type_name("N")
      ->capture_default_str();
  measured.add_option("--at-once", flags->at_once, "Running at a time")
      ->type_name("N")
      ->capture_default_str();
  command.require_subcommand(0, 1);
  command.final_callback([&command, &journal, &measured, &globals, &chosen,
                          flags] {
    if (command.got_subcommand(&journal))
      chosen
          = [flags](console& out) { return show_journal(flags->journal, out); };
    else if (command.got_subcommand(&measured))
      chosen = [flags](console& out) { return measure(*flags, out); };
    else
      chosen = [flags, &globals](console& out) {
        return run(*flags, globals, out);
      };
  });
}

} // namespace skerry
