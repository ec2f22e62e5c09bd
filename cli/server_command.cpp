#include "cli/command.hpp"
#include "cli/configured.hpp"
#include "cli/interrupt.hpp"
#include "cli/served_cluster.hpp"

#include <fmt/format.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace skerry {
namespace {

struct server_flags {
  std::string name;
  std::string data;
  std::string listen;
  std::string advertise;
  std::string mesh_listen;
  std::string mesh_advertise;
  std::string seeds;
  std::string policy;
  bool without_mesh = false;
  bool accept_data_loss = false;
};

std::vector<flag_value> values_of(const server_flags& flags) {
  std::vector<flag_value> values;
  for (auto [setting, text, flag] :
       {flag_value{"server.name", flags.name, "--name"},
        {"server.data", flags.data, "--data"},
        {"server.listen", flags.listen, "--listen"},
        {"server.advertise", flags.advertise, "--advertise"},
        {"server.mesh_listen", flags.mesh_listen, "--mesh-listen"},
        {"server.mesh_advertise", flags.mesh_advertise, "--mesh-advertise"},
        {"server.seeds", flags.seeds, "--seeds"},
        {"policy.name", flags.policy, "--policy"}})
    if (!text.empty())
      values.push_back({setting, text, flag});
  if (flags.without_mesh)
    values.push_back({"server.mesh_listen", "", "--no-mesh"});
  return values;
}

/// State that cannot be read is no fault of the command line.
ending ending_of_start(const error& fault) {
  if (fault.code == error_code::malformed)
    return {exit_code::failure, fault.message};
  return fault;
}

ending run_server(const global_flags& globals, const server_flags& flags,
                  console& out) {
  const auto loaded = configure(globals, values_of(flags));
  if (!loaded)
    return loaded.failure();
  for (const auto& note : loaded->notes)
    out.note(note);
  auto setup = server_setup_of(loaded->values);
  if (!setup)
    return setup.failure();
  setup->server.accept_data_loss = flags.accept_data_loss;
  const auto name = setup->server.name;
  held_signals signals; // Before any thread, as all inherit the mask.
  auto running = served_cluster::start(*std::move(setup));
  if (!running)
    return ending_of_start(running.failure());
  const auto mesh = running->mesh_address();
  console::print_to_stderr(fmt::format(
      "skerry: server {} ready, api {}, mesh {}, epoch {}\n", name,
      running->api_address(), mesh.empty() ? "none" : mesh, running->epoch()));
  int signal = 0;
  while (signal == 0)
    signal = signals.wait_milliseconds(3'600'000);
  signals.release(); // A second one ends the process at once.
  out.note(fmt::format("server stopping name={} signal={}", name, signal));
  running->stop();
  return {};
}

void add_flags(CLI::App& command, server_flags& flags) {
  const auto add = [&command](const std::string& name, std::string& into,
                              const std::string& type,
                              const std::string& what) {
    command.add_option(name, into, what)->type_name(type)->check(refuse_empty);
  };
  add("--name", flags.name, "NAME", "In the cluster, for ever (the machine's)");
  add("--data", flags.data, "DIR", "Its state (/var/lib/skerry/server)");
  add("--listen", flags.listen, "HOST:PORT",
      "For agents and users (127.0.0.1:7070)");
  add("--advertise", flags.advertise, "HOST:PORT", "What others are told");
  add("--mesh-listen", flags.mesh_listen, "HOST:PORT",
      "For other servers (127.0.0.1:7071)");
  add("--mesh-advertise", flags.mesh_advertise, "HOST:PORT",
      "What other servers are told");
  add_list_flag(command, "--seeds,--join", flags.seeds,
                "Mesh addresses of some of the others")
      ->type_name("HOST:PORT,...");
  command.add_flag("--no-mesh", flags.without_mesh, "A cluster of one")
      ->excludes("--mesh-listen");
  add("--policy", flags.policy, "NAME", "That places tasks (best-fit-all)");
  command.add_flag("--accept-data-loss", flags.accept_data_loss,
                   "Go on with less than was acknowledged,\nafter the disk "
                   "has lost some");
}

} // namespace

void add_server_command(CLI::App& parent, const global_flags& globals,
                        action& chosen) {
  auto& added = *parent.add_subcommand(
      "server", "Run one server of the cluster until SIGTERM");
  const auto flags = std::make_shared<server_flags>();
  add_flags(added, *flags);
  added.footer(
      "Says one line on stderr when it is ready. Exit codes: 0 after SIGTERM "
      "or SIGINT\n(a second one ends it at once), 1 for damaged state, a port "
      "that is taken or a\ndisk that fails, 2 for the configuration, 5 when "
      "another process has the data.\n"
      "Example:\n"
      "  skerry server --name a --data ./a --seeds 10.0.0.2:7071");
  added.final_callback([&globals, &chosen, flags] {
    chosen = [&globals, flags](console& out) {
      return run_server(globals, *flags, out);
    };
  });
}

} // namespace skerry
