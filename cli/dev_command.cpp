#include "agent/agent.hpp"
#include "agent/discovery.hpp"
#include "cli/arguments.hpp"
#include "cli/command.hpp"
#include "cli/configured.hpp"
#include "cli/interrupt.hpp"
#include "cli/report.hpp"
#include "cli/served_cluster.hpp"
#include "config/units.hpp"
#include "messages/convert.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <grpcpp/create_channel.h>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace skerry {
namespace {

namespace fs = std::filesystem;

struct dev_flags {
  std::string listen = "127.0.0.1:7070";
  std::string data;
  std::string nodes = "10";
  std::string cpu = "16";
  std::string memory = "64GiB";
  std::string gpus = "0";
  std::string time_scale = "1";
  bool exec = false;
};

/// What the flags mean.
struct dev_plan {
  std::size_t nodes = 0;
  v1::NodeSpec node; ///< All simulated ones but for the name.
  double time_scale = 1;
};

result<dev_plan> understand(const dev_flags& flags) {
  dev_plan out;
  const auto nodes = parse_whole("--nodes", flags.nodes, 0, 100'000);
  if (!nodes)
    return nodes.failure();
  out.nodes = static_cast<std::size_t>(*nodes);
  const auto cpu = parse_cpu_millicores(flags.cpu);
  if (!cpu)
    return error{error_code::invalid_argument,
                 "--node-cpu: " + cpu.failure().message};
  const auto memory = parse_bytes(flags.memory);
  if (!memory)
    return error{error_code::invalid_argument,
                 "--node-memory: " + memory.failure().message};
  const auto gpus = parse_whole("--node-gpus", flags.gpus, 0, 64);
  if (!gpus)
    return gpus.failure();
  const auto scale
      = parse_decimal("--time-scale", flags.time_scale, 0.001, 1'000'000);
  if (!scale)
    return scale.failure();
  out.time_scale = *scale;
  out.node.mutable_capacity()->set_cpu_millicores(*cpu);
  out.node.mutable_capacity()->set_memory_bytes(*memory);
  (*out.node.mutable_labels())["skerry.simulated"] = "true";
  for (std::int64_t i = 0; i < *gpus; ++i) {
    auto* gpu = out.node.add_devices();
    gpu->set_kind("gpu");
    gpu->set_model("simulated");
  }
  return out;
}

/// The folder of a cluster for a while: given, or a fresh one that vanishes.
class dev_folder {
public:
  static result<dev_folder> open(const std::string& given) {
    if (!given.empty())
      return dev_folder{given, false};
    std::error_code fault;
    auto path = (fs::temp_directory_path(fault) / "skerry-dev-XXXXXX").string();
    if (fault || ::mkdtemp(path.data()) == nullptr)
      return error{
          error_code::io_failed,
          fmt::format("cannot create {}; name a folder with --data", path)};
    return dev_folder{path, true};
  }

  dev_folder(dev_folder&& from) noexcept
      : path_{std::move(from.path_)}, vanishes_{std::exchange(from.vanishes_,
                                                              false)} {}
  dev_folder& operator=(dev_folder&&) = delete;
  ~dev_folder() {
    std::error_code ignored; // What is left lies among temporary files.
    if (vanishes_)
      fs::remove_all(path_, ignored);
  }

  const fs::path& path() const { return path_; }

private:
  dev_folder(fs::path path, bool vanishes)
      : path_{std::move(path)}, vanishes_{vanishes} {}

  fs::path path_;
  bool vanishes_;
};

agent_options agent_of(const std::string& address, fs::path data) {
  agent_options options;
  options.servers = {address};
  options.dial = [](const std::string& server) {
    return grpc::CreateCustomChannel(server, grpc::InsecureChannelCredentials(),
                                     link_channel_arguments());
  };
  options.data_directory = std::move(data);
  return options;
}

result<std::unique_ptr<agent>> start_simulated(const dev_plan& plan,
                                               const std::string& address,
                                               const fs::path& folder) {
  auto options = agent_of(address, folder / "simulated");
  options.simulated = true;
  options.simulation.time_scale = plan.time_scale;
  for (std::size_t i = 0; i < plan.nodes; ++i) {
    options.nodes.push_back(plan.node);
    options.nodes.back().set_name(fmt::format("sim-{}", i));
  }
  return agent::start(std::move(options));
}

/// This machine, with real processes.
result<std::unique_ptr<agent>> start_exec(const std::string& address,
                                          const fs::path& folder) {
  const auto found = discover({.work_directory = folder});
  if (!found)
    return found.failure();
  declaration declared;
  declared.name = as_id(machine_name());
  const auto node = declare_node(*found, declared);
  if (!node)
    return node.failure();
  auto options = agent_of(address, folder / "exec");
  options.nodes = {to_proto(*node)};
  options.device_ids = found->device_ids;
  return agent::start(std::move(options));
}

std::size_t attached(const std::vector<std::unique_ptr<agent>>& agents) {
  std::size_t nodes = 0;
  for (const auto& each : agents)
    nodes += each->status().attached;
  return nodes;
}

/// Until so many nodes are attached, or a signal comes, or it takes too long.
void wait_attached(const std::vector<std::unique_ptr<agent>>& agents,
                   std::size_t nodes, held_signals& signals, int& signal,
                   const console& out) {
  constexpr std::chrono::seconds patience{10};
  const auto until = std::chrono::steady_clock::now() + patience;
  while (signal == 0 && attached(agents) < nodes) {
    if (std::chrono::steady_clock::now() > until)
      return out.note("some nodes are not attached yet");
    signal = signals.wait_milliseconds(10);
  }
}

result<> tell(console& out, const served_cluster& cluster, std::size_t nodes,
              const fs::path& data) {
  const auto address = cluster.api_address();
  if (out.format == output_format::json)
    return out.print(json{{"server", "dev"},
                          {"address", address},
                          {"epoch", cluster.epoch()},
                          {"nodes", nodes},
                          {"data", data.string()}}
                         .dump()
                     + "\n");
  return out.print(
      fmt::format("A cluster of {} {} is up. In another terminal:\n"
                  "  export SKERRY_ADDRESS={}\n"
                  "  skerry get nodes\n"
                  "  skerry decide --cpu 2 --memory 4GiB\n"
                  "Ctrl-C ends it.\n",
                  nodes, nodes == 1 ? "node" : "nodes", address));
}

ending run_dev(const dev_flags& flags, console& out) {
  const auto plan = understand(flags);
  if (!plan)
    return plan.failure();
  auto folder = dev_folder::open(flags.data);
  if (!folder)
    return folder.failure();
  configuration defaults;
  defaults.server.name = "dev";
  defaults.server.data = folder->path() / "server";
  defaults.server.listen = flags.listen;
  defaults.server.mesh_listen.clear();
  auto setup = server_setup_of(defaults);
  if (!setup)
    return setup.failure();
  held_signals signals; // Before any thread, as all inherit the mask.
  auto cluster = served_cluster::start(*std::move(setup));
  if (!cluster)
    return cluster.failure();
  std::vector<std::unique_ptr<agent>> agents;
  const auto add = [&agents](result<std::unique_ptr<agent>> started) {
    if (!started)
      return result<>{started.failure()};
    agents.push_back(*std::move(started));
    return result<>{done{}};
  };
  const auto address = cluster->api_address();
  if (plan->nodes > 0)
    if (auto ok = add(start_simulated(*plan, address, folder->path())); !ok)
      return ok;
  if (flags.exec)
    if (auto ok = add(start_exec(address, folder->path())); !ok)
      return ok;
  int signal = 0;
  wait_attached(agents, plan->nodes + (flags.exec ? 1 : 0), signals, signal,
                out);
  if (auto ok = tell(out, *cluster, attached(agents), folder->path()); !ok)
    return ok;
  while (signal == 0)
    signal = signals.wait_milliseconds(3'600'000);
  signals.release();
  for (const auto& each : agents)
    each->leave(2'000);
  agents.clear();
  cluster->stop();
  return {};
}

} // namespace

void add_dev_command(CLI::App& parent, action& chosen) {
  auto& dev = *parent.add_subcommand(
      "dev", "A whole cluster in this process, to try things out");
  const auto flags = std::make_shared<dev_flags>();
  const auto add = [&dev](const std::string& name, std::string& into,
                          const std::string& type, const std::string& what) {
    auto* option = dev.add_option(name, into, what)->type_name(type);
    option->check(refuse_empty);
    return option;
  };
  add("--listen", flags->listen, "HOST:PORT", "Loopback; port 0 for any")
      ->capture_default_str();
  add("--data", flags->data, "DIR",
      "Keep its state there (a temporary folder\nthat vanishes with it)");
  add("--nodes", flags->nodes, "N", "Simulated ones")->capture_default_str();
  add("--node-cpu", flags->cpu, "CORES", "Of each")->capture_default_str();
  add("--node-memory", flags->memory, "SIZE", "Of each")->capture_default_str();
  add("--node-gpus", flags->gpus, "N", "Of each")->capture_default_str();
  add("--time-scale", flags->time_scale, "X",
      "Simulated tasks run so much faster")
      ->capture_default_str();
  dev.add_flag("--exec", flags->exec,
               "This machine too, as a node that runs real\nprocesses");
  dev.footer("Simulated tasks only pretend; they end after their duration. No "
             "configuration\nfile is read.\n"
             "Example:\n  skerry dev --nodes 100 --exec");
  dev.final_callback([flags, &chosen] {
    chosen = [flags](console& out) { return run_dev(*flags, out); };
  });
}

} // namespace skerry
