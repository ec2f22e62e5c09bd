#include "actors/server.hpp"
#include "agent/agent.hpp"
#include "agent/link.hpp"
#include "api/server.hpp"
#include "benchmarks/api_load.hpp"
#include "benchmarks/benchmarks.hpp"
#include "benchmarks/child_process.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <chrono>
#include <filesystem>
#include <grpcpp/grpcpp.h>
#include <optional>
#include <thread>
#include <unistd.h>

// Server, agent and callers are processes of their own on one machine, so that
// the CPU seconds of each are known. The durable log is on, in the temporary
// directory.
//
//     this process --(start, go, end)--> server, agent, callers of a case
//                 <--(address, ready, figures)--

namespace skerry {
namespace {

using json = nlohmann::json;

// -- in the children ----------------------------------------------------------

/// Says its address, or what is wrong, and serves until it hears "end".
void serve(const std::filesystem::path& folder, line_link& parent) {
  const auto fail = [&](const error& why) {
    (void)parent.send("! " + why.message); // Nobody else is to be told.
  };
  server_options options;
  options.name = "bench";
  options.data_directory = folder / "server";
  options.with_mesh = false;
  auto started = server::start(std::move(options));
  if (!started)
    return fail(started.failure());
  api_options how;
  how.listen = "127.0.0.1:0";
  auto api = api_server::start(**started, std::move(how));
  if (!api)
    return fail(api.failure());
  if (parent.send((*api)->address()))
    (void)parent.receive(); // "end", or the parent is gone.
  (*api)->stop();
  (*started)->stop();
}

agent_options simulated_agent(const std::filesystem::path& folder,
                              const std::string& address, std::size_t count) {
  agent_options options;
  options.servers = {address};
  options.data_directory = folder / "agent";
  options.simulated = true;
  options.in_process_channels = true;
  options.dial = [](const std::string& to) {
    return grpc::CreateCustomChannel(to, grpc::InsecureChannelCredentials(),
                                     link_channel_arguments());
  };
  for (std::size_t i = 0; i < count; ++i) {
    auto& node = options.nodes.emplace_back();
    node.set_name(fmt::format("n{:05}", i));
    node.mutable_capacity()->set_cpu_millicores(64'000);
    node.mutable_capacity()->set_memory_bytes(std::int64_t{256} << 30);
  }
  return options;
}

/// Says "ready" when all its nodes are attached, and stays until "end".
void simulate(const std::filesystem::path& folder, const std::string& address,
              std::size_t count, line_link& parent) {
  auto started = agent::start(simulated_agent(folder, address, count));
  if (!started) {
    (void)parent.send("! " + started.failure().message);
    return;
  }
  using clock = std::chrono::steady_clock;
  const auto until = clock::now() + std::chrono::seconds{60};
  while ((*started)->status().attached < count && clock::now() < until)
    std::this_thread::sleep_for(std::chrono::milliseconds{5});
  const bool ready = (*started)->status().attached >= count;
  if (parent.send(ready ? "ready" : "! the nodes do not attach"))
    (void)parent.receive();
  (*started)->stop();
}

/// Says "ready", begins when told so, and says what it measured.
void call(const std::string& address, const api_load& load, line_link& parent) {
  const auto measured = put_load(address, load, [&] {
    if (parent.send("ready"))
      (void)parent.receive(); // "go".
  });
  if (!measured) {
    (void)parent.send("! " + measured.failure().message);
    return;
  }
  (void)parent.send(json{{"done", measured->done},
                         {"seconds", measured->seconds},
                         {"p50_us", measured->p50_us},
                         {"p99_us", measured->p99_us},
                         {"cpu_seconds", measured->cpu_seconds}}
                        .dump());
}

// -- in the parent ------------------------------------------------------------

/// @returns What the child says, or its error.
result<std::string> answer_of(child_process& child) {
  auto line = child.link().receive();
  if (line && line->starts_with("! "))
    return error{error_code::io_failed, line->substr(2)};
  return line;
}

/// A cluster of one server with simulated nodes.
class small_cluster {
public:
  small_cluster() = default;
  small_cluster(const small_cluster&) = delete;
  ~small_cluster() {
    agent_.reset();
    server_.reset();
    std::error_code ignored; // It lies in the temporary directory.
    std::filesystem::remove_all(folder_, ignored);
  }

  result<> start(std::size_t nodes);
  result<benchmark_case> measure(const api_load& load);

private:
  std::filesystem::path folder_;
  std::optional<child_process> server_;
  std::optional<child_process> agent_;
  std::string address_;
  std::size_t nodes_ = 0;
};

result<> small_cluster::start(std::size_t nodes) {
  auto path = (std::filesystem::temp_directory_path() / "skerry-bench-XXXXXX")
                  .string();
  if (::mkdtemp(path.data()) == nullptr)
    return {error_code::io_failed, "cannot make " + path};
  folder_ = path;
  nodes_ = nodes;
  auto served = child_process::start(
      [&](line_link& parent) { serve(folder_, parent); });
  if (!served)
    return served.failure();
  server_.emplace(std::move(*served));
  auto address = answer_of(*server_);
  if (!address)
    return address.failure();
  address_ = std::move(*address);
  auto pretends = child_process::start(
      [&](line_link& parent) { simulate(folder_, address_, nodes_, parent); });
  if (!pretends)
    return pretends.failure();
  agent_.emplace(std::move(*pretends));
  if (auto ready = answer_of(*agent_); !ready)
    return ready.failure();
  return done{};
}

result<benchmark_case> small_cluster::measure(const api_load& load) {
  auto callers = child_process::start(
      [&](line_link& parent) { call(address_, load, parent); });
  if (!callers)
    return callers.failure();
  if (auto ready = answer_of(*callers); !ready)
    return ready.failure();
  const auto server_before = server_->cpu_seconds();
  const auto agent_before = agent_->cpu_seconds();
  if (auto told = callers->link().send("go"); !told)
    return told.failure();
  const auto line = answer_of(*callers);
  if (!line)
    return line.failure();
  const auto server_cpu = server_->cpu_seconds() - server_before;
  const auto agent_cpu = agent_->cpu_seconds() - agent_before;
  const auto figures = json::parse(*line);
  const auto callers_cpu = figures.at("cpu_seconds").get<double>();
  const auto count = figures.at("done").get<double>();
  return benchmark_case{.name = fmt::format("{}/{}", load.name, nodes_),
                        .per_second
                        = count / figures.at("seconds").get<double>(),
                        .p50_us = figures.at("p50_us").get<double>(),
                        .p99_us = figures.at("p99_us").get<double>(),
                        .cpu_seconds = server_cpu + agent_cpu + callers_cpu,
                        .more = {{"per_server_cpu_second", count / server_cpu},
                                 {"server_cpu_seconds", server_cpu},
                                 {"agent_cpu_seconds", agent_cpu},
                                 {"callers_cpu_seconds", callers_cpu}}};
}

result<> measure_all(std::size_t nodes, double seconds,
                     const report_case& report) {
  small_cluster cluster;
  if (auto started = cluster.start(nodes); !started)
    return started;
  using kind = api_load::kind;
  double one_by_one = 0;
  for (auto load :
       {api_load{.name = "decide one by one, 1 caller"},
        api_load{.name = "decide one by one, 16 callers", .callers = 16},
        api_load{.name = "decide one by one at half load",
        .callers = 16,
        .paced = 1}, // Known then.
        api_load{.name = "decide 100 a request, 2 callers",
        .callers = 2,
        .batch = 100},
        api_load{.name = "decide in a stream",
        .what = kind::decide_in_a_stream},
        api_load{.name = "decide in a stream, 100 a message",
        .what = kind::decide_in_a_stream,
        .batch = 100},
        api_load{.name = "submit one by one, 16 callers",
        .what = kind::submit,
        .callers = 16},
        api_load{.name = "submit 100 a request, 2 callers",
        .what = kind::submit,
        .callers = 2,
        .batch = 100}}) {
    load.seconds = seconds;
    if (load.paced > 0)
      load.paced = one_by_one / 2;
    auto measured = cluster.measure(load);
    if (!measured)
      return measured.failure();
    report(*measured);
    if (load.what == kind::decide && load.callers == 16 && load.paced == 0)
      one_by_one = measured->per_second;
  }
  return done{};
}

} // namespace

result<> run_network_bench(const benchmark_options& options,
                           const report_case& report) {
  for (const std::size_t nodes : {1'000, 10'000})
    if (auto ok = measure_all(nodes, options.seconds, report); !ok)
      return ok;
  return done{};
}

} // namespace skerry
