#include "actors/server.hpp"
#include "agent/agent.hpp"
#include "agent/link.hpp"
#include "api/server.hpp"
#include "benchmarks/benchmarks.hpp"
#include "messages/skerry/v1/decisions.grpc.pb.h"
#include "messages/skerry/v1/jobs.grpc.pb.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <grpcpp/grpcpp.h>
#include <mutex>
#include <sys/resource.h>
#include <thread>
#include <unistd.h>

// Server, agent and clients in one process over loopback, so that CPU seconds
// are of both ends. The durable log is on, in the temporary directory.

namespace skerry {
namespace {

using clock = std::chrono::steady_clock;

double cpu_seconds() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec)
           + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

/// A cluster of one server with simulated nodes.
struct small_cluster {
  std::filesystem::path folder;
  std::unique_ptr<server> servers;
  std::unique_ptr<api_server> api;
  std::unique_ptr<agent> nodes;

  small_cluster() = default;
  small_cluster(const small_cluster&) = delete;
  ~small_cluster() {
    if (nodes)
      nodes->stop();
    if (api)
      api->stop();
    if (servers)
      servers->stop();
    nodes.reset();
    api.reset();
    servers.reset();
    std::error_code ignored; // It lies in the temporary directory.
    std::filesystem::remove_all(folder, ignored);
  }

  result<> start(std::size_t count);
  std::shared_ptr<grpc::Channel> channel() const;
};

result<> small_cluster::start(std::size_t count) {
  auto path = (std::filesystem::temp_directory_path() / "skerry-bench-XXXXXX")
                  .string();
  if (::mkdtemp(path.data()) == nullptr)
    return {error_code::io_failed, "cannot make " + path};
  folder = path;
  server_options options;
  options.name = "bench";
  options.data_directory = folder / "server";
  options.with_mesh = false;
  auto started = server::start(std::move(options));
  if (!started)
    return started.failure();
  servers = std::move(*started);
  api_options serve;
  serve.listen = "127.0.0.1:0";
  auto served = api_server::start(*servers, std::move(serve));
  if (!served)
    return served.failure();
  api = std::move(*served);
  agent_options pretend;
  pretend.servers = {api->address()};
  pretend.data_directory = folder / "agent";
  pretend.simulated = true;
  pretend.in_process_channels = true;
  pretend.dial = [](const std::string& address) {
    return grpc::CreateCustomChannel(
        address, grpc::InsecureChannelCredentials(), link_channel_arguments());
  };
  for (std::size_t i = 0; i < count; ++i) {
    auto& node = pretend.nodes.emplace_back();
    node.set_name(fmt::format("n{:05}", i));
    node.mutable_capacity()->set_cpu_millicores(64'000);
    node.mutable_capacity()->set_memory_bytes(std::int64_t{256} << 30);
  }
  auto attached = agent::start(std::move(pretend));
  if (!attached)
    return attached.failure();
  nodes = std::move(*attached);
  const auto until = clock::now() + std::chrono::seconds{60};
  while (nodes->status().attached < count) {
    if (clock::now() > until)
      return {error_code::io_failed, "the nodes do not attach"};
    std::this_thread::sleep_for(std::chrono::milliseconds{5});
  }
  return done{};
}

std::shared_ptr<grpc::Channel> small_cluster::channel() const {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(
      api->address(), grpc::InsecureChannelCredentials(), arguments);
}

v1::TaskProfile profile(std::uint64_t number) {
  v1::TaskProfile out;
  // 16 shapes, as live clusters have few.
  out.mutable_demand()->set_cpu_millicores(
      static_cast<std::int64_t>(100 * (1 + number % 16)));
  out.mutable_demand()->set_memory_bytes(std::int64_t{1} << 28);
  return out;
}

/// How requests are sent: so many at once, each with so many tasks.
struct load {
  std::string name;
  int clients = 1;
  int batch = 1;
  bool streams = false;
  /// Requests a second and client; 0 for as many as there can be.
  double paced = 0;
};

/// One client's view of a run.
struct client_run {
  std::uint64_t done = 0;
  std::vector<double> us; ///< Of each request.
  std::string fault;
};

/// Sends until `until`; `send` returns the number of tasks that were answered,
/// negative for a fault.
template <class Send>
void repeat(clock::time_point until, const load& how, client_run& run,
            Send send) {
  auto next = clock::now();
  while (clock::now() < until) {
    if (how.paced > 0) {
      std::this_thread::sleep_until(next);
      next += std::chrono::duration_cast<clock::duration>(
          std::chrono::duration<double>{1 / how.paced});
    }
    const auto begun = clock::now();
    const int answered = send();
    if (answered < 0)
      return;
    run.us.push_back(
        std::chrono::duration<double, std::micro>(clock::now() - begun)
            .count());
    run.done += static_cast<std::uint64_t>(answered);
  }
}

v1::DecideRequest decide_request(int batch, std::uint64_t& number) {
  v1::DecideRequest request;
  for (int i = 0; i < batch; ++i)
    *request.add_tasks() = profile(number++);
  return request;
}

int placed_in(const v1::DecideReply& reply) {
  return static_cast<int>(
      std::ranges::count_if(reply.decisions(), &v1::Decision::placed));
}

/// Keeps a window of requests in flight on one stream.
void stream_decisions(const std::shared_ptr<grpc::Channel>& channel,
                      const load& how, clock::time_point until,
                      client_run& run) {
  constexpr int window = 32;
  auto stub = v1::Decisions::NewStub(channel);
  grpc::ClientContext context;
  auto stream = stub->DecideStream(&context);
  std::uint64_t number = 0;
  std::array<clock::time_point, window> sent{};
  int in_flight = 0;
  std::uint64_t written = 0;
  std::uint64_t answered = 0;
  v1::DecideReply reply;
  for (bool more = true; more || in_flight > 0;) {
    more = more && clock::now() < until;
    if (more && in_flight < window) {
      sent[written++ % window] = clock::now();
      stream->Write(decide_request(how.batch, number));
      ++in_flight;
      continue;
    }
    if (!stream->Read(&reply) || reply.error_code() != 0) {
      run.fault = reply.error_message().empty() ? "the stream has ended"
                                                : reply.error_message();
      break;
    }
    --in_flight;
    run.us.push_back(std::chrono::duration<double, std::micro>(
                         clock::now() - sent[answered++ % window])
                         .count());
    run.done += static_cast<std::uint64_t>(placed_in(reply));
  }
  stream->WritesDone();
  context.TryCancel();
  (void)stream->Finish(); // Cancelled by ourselves.
}

void decide(const std::shared_ptr<grpc::Channel>& channel, const load& how,
            clock::time_point until, client_run& run) {
  auto stub = v1::Decisions::NewStub(channel);
  std::uint64_t number = 0;
  repeat(until, how, run, [&] {
    grpc::ClientContext context;
    v1::DecideReply reply;
    const auto status
        = stub->Decide(&context, decide_request(how.batch, number), &reply);
    if (status.ok() && placed_in(reply) == how.batch)
      return how.batch;
    run.fault = status.ok() ? "a task was not placed" : status.error_message();
    return -1;
  });
}

void submit(const std::shared_ptr<grpc::Channel>& channel, const load& how,
            clock::time_point until, client_run& run, int client) {
  auto stub = v1::Jobs::NewStub(channel);
  std::uint64_t number = 0;
  repeat(until, how, run, [&] {
    v1::SubmitRequest request;
    for (int i = 0; i < how.batch; ++i) {
      auto& job = *request.add_jobs();
      job.set_id(fmt::format("batch{}-{}-{}", how.batch, client, number));
      auto& group = *job.add_groups();
      *group.mutable_profile() = profile(number++);
      group.mutable_work()->mutable_simulated()->set_duration_milliseconds(1);
    }
    grpc::ClientContext context;
    v1::SubmitReply reply;
    const auto status = stub->Submit(&context, request, &reply);
    if (status.ok())
      return how.batch;
    run.fault = status.error_message();
    return -1;
  });
}

benchmark_case summarise(std::string name, const std::vector<client_run>& runs,
                         double seconds, double cpu) {
  std::uint64_t done = 0;
  std::vector<double> us;
  for (const auto& run : runs) {
    done += run.done;
    us.insert(us.end(), run.us.begin(), run.us.end());
  }
  std::ranges::sort(us);
  const auto quantile = [&us](double share) {
    return us.empty()
               ? 0
               : us[std::min(us.size() - 1,
                             static_cast<std::size_t>(
                                 static_cast<double>(us.size()) * share))];
  };
  const auto count = static_cast<double>(done);
  return {.name = std::move(name),
          .per_second = count / seconds,
          .p50_us = quantile(0.5),
          .p99_us = quantile(0.99),
          .cpu_seconds = cpu,
          .more = {{"per_cpu_second", count / cpu}}};
}

template <class Client>
result<benchmark_case> measure(const small_cluster& cluster, const load& how,
                               std::size_t nodes, double seconds,
                               const Client& client) {
  std::vector<client_run> runs(static_cast<std::size_t>(how.clients));
  std::vector<std::thread> threads;
  const auto cpu = cpu_seconds();
  const auto begun = clock::now();
  const auto until = begun
                     + std::chrono::duration_cast<clock::duration>(
                         std::chrono::duration<double>{seconds});
  for (int i = 0; i < how.clients; ++i)
    threads.emplace_back([&, i] {
      client(cluster.channel(), how, until, runs[static_cast<std::size_t>(i)],
             i);
    });
  for (auto& thread : threads)
    thread.join();
  const std::chrono::duration<double> took = clock::now() - begun;
  for (const auto& run : runs)
    if (!run.fault.empty())
      return error{error_code::io_failed, run.fault};
  return summarise(fmt::format("{}/{}", how.name, nodes), runs, took.count(),
                   cpu_seconds() - cpu);
}

result<> measure_all(std::size_t nodes, double seconds,
                     const report_case& report) {
  small_cluster cluster;
  if (auto started = cluster.start(nodes); !started)
    return started;
  const auto decides = [](const auto& channel, const load& how,
                          clock::time_point until, client_run& run, int) {
    if (how.streams)
      stream_decisions(channel, how, until, run);
    else
      decide(channel, how, until, run);
  };
  double alone = 0;
  for (const auto& how :
       {load{.name = "decide one by one, 1 caller"},
        load{.name = "decide one by one, 16 callers", .clients = 16},
        load{.name = "decide 100 a request, 2 callers",
        .clients = 2,
        .batch = 100},
        load{.name = "decide in a stream", .streams = true},
        load{.name = "decide in a stream, 100 a message",
        .batch = 100,
        .streams = true}}) {
    auto measured = measure(cluster, how, nodes, seconds, decides);
    if (!measured)
      return measured.failure();
    report(*measured);
    if (how.clients == 16)
      alone = measured->per_second;
  }
  constexpr int paced_clients = 4;
  const load half{.name = "decide one by one at half load",
                  .clients = paced_clients,
                  .paced = alone / 2 / paced_clients};
  auto measured = measure(cluster, half, nodes, seconds, decides);
  if (!measured)
    return measured.failure();
  report(*measured);
  for (const auto& how :
       {load{.name = "submit one by one, 16 callers", .clients = 16},
        load{.name = "submit 100 a request, 2 callers",
        .clients = 2,
        .batch = 100}}) {
    measured = measure(cluster, how, nodes, seconds, submit);
    if (!measured)
      return measured.failure();
    report(*measured);
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
