#include "actors/server.hpp"
#include "agent/agent.hpp"
#include "agent/link.hpp"
#include "api/server.hpp"
#include "benchmarks/benchmarks.hpp"
#include "benchmarks/child_process.hpp"
#include "benchmarks/measure.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <future>
#include <grpcpp/grpcpp.h>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

// What the mesh costs: 1, 2 and 3 servers, each a process with an agent of its
// own for its share of the nodes. Jobs are submitted through the gateway within
// the servers, so that no client takes part in the figures.
//
//     this process --(seeds, go, end)--> servers <--mesh--> servers
//                  --(end)--> agents ----gRPC---->

namespace skerry {
namespace {

using json = nlohmann::json;
using steady = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::size_t all_nodes = 999; ///< Divides by 1, 2 and 3.
constexpr milliseconds look{20};
constexpr double warm_seconds = 1;

/// How jobs come.
struct job_flow {
  std::string_view name;
  std::uint64_t jobs_per_request;
  /// Accepted by a server and not ended; more are submitted below this.
  std::uint64_t open_jobs;
  /// Over all servers, evenly; 0 for as many as go.
  double jobs_per_second;
};
constexpr std::array<job_flow, 2> flows{{
    {"all that go, 100 a request", 100, 4'000, 0},
    {"2000/s one by one", 1, 100'000, 2'000},
}};

// -- in a server --------------------------------------------------------------

/// @returns Of this server and those it reaches.
result<v1::ServersReply> servers_of(server& asked) {
  std::promise<result<v1::ServersReply>> answer;
  asked.servers({}, [&](auto reply) { answer.set_value(std::move(reply)); });
  return answer.get_future().get();
}

/// Keeps jobs of one task coming.
class job_source {
public:
  /// @param prefix Of the jobs' ids, which differ over all servers.
  /// @param share  Of the flow, that is submitted here.
  job_source(server& to, std::string prefix, const job_flow& flow, double share)
      : to_{to}, prefix_{std::move(prefix)}, flow_{flow},
        jobs_per_second_{flow.jobs_per_second * share} {}

  /// Until the time has passed. @returns Tasks that have finished since the
  /// start.
  result<std::uint64_t> submit_for(double seconds) {
    const auto until = steady::now()
                       + std::chrono::duration_cast<steady::duration>(
                           std::chrono::duration<double>{seconds});
    for (;;) {
      auto finished = look_at();
      if (!finished || steady::now() >= until)
        return finished;
      const auto next_look = std::min(until, steady::now() + look);
      do {
        while (submitted_ < *finished + flow_.open_jobs && is_due())
          submit();
        std::this_thread::sleep_for(milliseconds{1});
      } while (steady::now() < next_look);
    }
  }

  /// @returns `conflict` when not all that was submitted has finished.
  result<> drain() {
    const auto until = steady::now() + std::chrono::seconds{30};
    for (;;) {
      const auto finished = look_at();
      if (!finished)
        return finished.failure();
      if (*finished == submitted_)
        return done{};
      if (steady::now() >= until)
        return {error_code::conflict, fmt::format("of {} jobs {} have finished",
                                                  submitted_, *finished)};
      std::this_thread::sleep_for(look);
    }
  }

private:
  bool is_due() const {
    const std::chrono::duration<double> passed = steady::now() - begun_;
    return jobs_per_second_ == 0
           || static_cast<double>(submitted_)
                  < passed.count() * jobs_per_second_;
  }

  void submit() {
    v1::SubmitRequest request;
    for (std::uint64_t i = 0; i < flow_.jobs_per_request; ++i) {
      auto& job = *request.add_jobs();
      job.set_id(fmt::format("{}-{}", prefix_, submitted_));
      auto& group = *job.add_groups();
      auto& demand = *group.mutable_profile()->mutable_demand();
      // 16 shapes, as live clusters have few.
      demand.set_cpu_millicores(
          static_cast<std::int64_t>(100 * (1 + submitted_++ % 16)));
      demand.set_memory_bytes(std::int64_t{1} << 28);
      group.mutable_work()->mutable_simulated()->set_duration_milliseconds(1);
    }
    to_.submit(std::move(request), [this](const auto& reply) {
      if (!reply)
        refused_ = true;
    });
  }

  result<std::uint64_t> look_at() {
    if (refused_)
      return error{error_code::conflict, "a submit was refused"};
    const auto servers = servers_of(to_);
    if (!servers)
      return servers.failure();
    const auto all = servers->servers(0).tasks_finished(); // Its own is first.
    if (!finished_before_)
      finished_before_ = all;
    return all - *finished_before_;
  }

  server& to_;
  std::string prefix_;
  const job_flow& flow_;
  double jobs_per_second_;
  steady::time_point begun_ = steady::now();
  std::uint64_t submitted_ = 0;
  std::optional<std::uint64_t> finished_before_; ///< In an earlier flow.
  std::atomic<bool> refused_ = false;
};

/// Waits until so many servers, itself included, have their nodes.
result<> wait_for_peers(server& asked, std::size_t count) {
  const auto until = steady::now() + std::chrono::seconds{60};
  for (;;) {
    const auto servers = servers_of(asked);
    if (!servers)
      return servers.failure();
    std::size_t there = 0;
    for (const auto& one : servers->servers())
      if (one.reachable() && one.nodes_attached() == all_nodes / count)
        ++there;
    if (there == count)
      return done{};
    if (steady::now() >= until)
      return {error_code::unreachable, "the servers do not find each other"};
    std::this_thread::sleep_for(look);
  }
}

/// Says "warm", and then how much has been done in the time.
/// @param order From the parent: number of the flow, and of the servers that
///              it is shared by.
result<> put_jobs(server& to, const std::string& name, const std::string& order,
                  double seconds, line_link& parent) {
  const auto& flow = flows.at(static_cast<std::size_t>(order.at(0) - '0'));
  const auto share = 1.0 / (order.at(2) - '0');
  job_source source{to, fmt::format("{}-{}", name, order.at(0)), flow, share};
  const auto before = source.submit_for(warm_seconds);
  if (!before)
    return before.failure();
  if (auto told = parent.send("warm"); !told)
    return told;
  const auto begun = steady::now();
  const auto after = source.submit_for(seconds);
  if (!after)
    return after.failure();
  const std::chrono::duration<double> took = steady::now() - begun;
  if (auto told = parent.send(
          json{{"finished", *after - *before}, {"seconds", took.count()}}
              .dump());
      !told)
    return told;
  if (auto ended = source.drain(); !ended)
    return ended;
  return parent.send("drained");
}

struct member {
  std::string name;
  std::string mesh_address; ///< Empty: alone.
  std::vector<std::string> seeds;
  std::size_t servers = 1;
};

result<> run_member(const std::filesystem::path& folder, const member& who,
                    double seconds, line_link& parent) {
  server_options options;
  options.name = who.name;
  options.data_directory = folder / who.name;
  options.with_mesh = !who.mesh_address.empty();
  options.mesh.listen = who.mesh_address;
  options.mesh.seeds = who.seeds;
  options.jobs.max_ended_jobs = 10'000'000; // They are counted.
  auto started = server::start(std::move(options));
  if (!started)
    return started.failure();
  api_options how;
  how.listen = "127.0.0.1:0";
  auto api = api_server::start(**started, std::move(how));
  if (!api)
    return api.failure();
  auto said = parent.send((*api)->address());
  for (;;) {
    const auto word = said ? parent.receive() : result<std::string>{"end"};
    if (!word || *word == "end")
      break;
    if (*word == "meet")
      said = wait_for_peers(**started, who.servers);
    else
      said = put_jobs(**started, who.name, *word, seconds, parent);
    if (said && *word == "meet")
      said = parent.send("met");
  }
  (*api)->stop();
  (*started)->stop();
  return said;
}

result<> run_agent(const std::filesystem::path& folder,
                   const std::string& address, const member& who,
                   line_link& parent) {
  agent_options options;
  options.servers = {address};
  options.data_directory = folder / ("agent-" + who.name);
  options.simulated = true;
  options.in_process_channels = true;
  options.dial = [](const std::string& to) {
    return grpc::CreateCustomChannel(to, grpc::InsecureChannelCredentials(),
                                     link_channel_arguments());
  };
  for (std::size_t i = 0; i < all_nodes / who.servers; ++i) {
    auto& node = options.nodes.emplace_back();
    node.set_name(fmt::format("{}-{}", who.name, i));
    node.mutable_capacity()->set_cpu_millicores(64'000);
    node.mutable_capacity()->set_memory_bytes(std::int64_t{256} << 30);
  }
  auto started = agent::start(std::move(options));
  if (!started)
    return started.failure();
  auto said = parent.send("ready");
  (void)parent.receive(); // "end", or the parent is gone.
  (*started)->stop();
  return said;
}

// -- in the parent ------------------------------------------------------------

/// Starts a part that tells its failure in a line.
template <class Run>
result<child_process> start_part(Run run) {
  return child_process::start([&](line_link& parent) {
    if (auto ok = run(parent); !ok)
      (void)parent.send("! " + ok.failure().message); // Or it is gone.
  });
}

result<std::string> word_of(child_process& part) {
  auto line = part.link().receive();
  if (line && line->starts_with("! "))
    return error{error_code::io_failed, line->substr(2)};
  return line;
}

class meshed_cluster {
public:
  meshed_cluster() = default;
  meshed_cluster(const meshed_cluster&) = delete;
  ~meshed_cluster() {
    agents_.clear();
    servers_.clear();
    std::error_code ignored; // It lies in the temporary directory.
    std::filesystem::remove_all(folder_, ignored);
  }

  result<> start(std::size_t servers, double seconds) {
    auto path = (std::filesystem::temp_directory_path() / "skerry-bench-XXXXXX")
                    .string();
    if (::mkdtemp(path.data()) == nullptr)
      return {error_code::io_failed, "cannot make " + path};
    folder_ = path;
    std::vector<member> members(servers);
    std::vector<std::string> addresses;
    for (std::size_t i = 0; servers > 1 && i < servers; ++i) {
      auto address = free_loopback_address();
      if (!address)
        return address.failure();
      addresses.push_back(*address);
    }
    // All forks come before this process uses gRPC or a thread.
    for (std::size_t i = 0; i < servers; ++i) {
      member who{.name = fmt::format("s{}", i),
                 .mesh_address = {},
                 .seeds = addresses,
                 .servers = servers};
      if (servers > 1)
        who.mesh_address = addresses[i];
      auto served = start_part([&](line_link& parent) {
        return run_member(folder_, who, seconds, parent);
      });
      if (!served)
        return served.failure();
      servers_.push_back(std::move(*served));
      const auto address = word_of(servers_.back());
      if (!address)
        return address.failure();
      auto pretends = start_part([&](line_link& parent) {
        return run_agent(folder_, *address, who, parent);
      });
      if (!pretends)
        return pretends.failure();
      agents_.push_back(std::move(*pretends));
      if (auto ready = word_of(agents_.back()); !ready)
        return ready.failure();
    }
    return tell(servers_.size(), "meet", "met");
  }

  /// @param to The first so many servers are submitted to.
  result<benchmark_case> measure(std::size_t flow, std::size_t to) {
    if (auto warm = tell(to, fmt::format("{} {}", flow, to), "warm"); !warm)
      return warm.failure();
    const auto servers_before = cpu_of(servers_);
    const auto agents_before = cpu_of(agents_);
    double finished = 0;
    double per_second = 0;
    for (std::size_t i = 0; i < to; ++i) {
      const auto line = word_of(servers_[i]);
      if (!line)
        return line.failure();
      const auto figures = json::parse(*line);
      const auto mine = figures.at("finished").get<double>();
      finished += mine;
      per_second += mine / figures.at("seconds").get<double>();
    }
    const auto servers_cpu = cpu_of(servers_) - servers_before;
    const auto agents_cpu = cpu_of(agents_) - agents_before;
    for (std::size_t i = 0; i < to; ++i)
      if (auto drained = word_of(servers_[i]); !drained)
        return drained.failure();
    return benchmark_case{
        .name = fmt::format("{} servers, jobs to {}, {}", servers_.size(), to,
                            flows[flow].name),
        .per_second = per_second,
        .cpu_seconds = servers_cpu + agents_cpu,
        .more = {{"per_server_cpu_second", finished / servers_cpu},
                 {"server_cpu_us_per_job", servers_cpu * 1e6 / finished},
                 {"agent_cpu_us_per_job", agents_cpu * 1e6 / finished}}};
  }

private:
  /// Says a word to the first so many servers and waits for their answers.
  result<> tell(std::size_t count, std::string_view word,
                std::string_view answer) {
    for (std::size_t i = 0; i < count; ++i)
      if (auto told = servers_[i].link().send(word); !told)
        return told;
    for (std::size_t i = 0; i < count; ++i) {
      const auto said = word_of(servers_[i]);
      if (!said)
        return said.failure();
      if (*said != answer)
        return {error_code::conflict, "a server says " + *said};
    }
    return done{};
  }

  static double cpu_of(const std::vector<child_process>& parts) {
    double sum = 0;
    for (const auto& part : parts)
      sum += part.cpu_seconds();
    return sum;
  }

  std::filesystem::path folder_;
  std::vector<child_process> servers_;
  std::vector<child_process> agents_;
};

} // namespace

result<> run_servers_bench(const benchmark_options& options,
                           const report_case& report) {
  const std::array<std::pair<std::size_t, std::size_t>, 5> cases{
      {{1, 1}, {2, 1}, {2, 2}, {3, 1}, {3, 3}}};
  for (const auto& [servers, to] : cases) {
    meshed_cluster cluster;
    if (auto started = cluster.start(servers, options.seconds); !started)
      return started;
    for (std::size_t flow = 0; flow < flows.size(); ++flow) {
      auto measured = cluster.measure(flow, to);
      if (!measured)
        return measured.failure();
      report(*measured);
    }
  }
  return done{};
}

} // namespace skerry
