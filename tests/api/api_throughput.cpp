// How many decisions a second pass through the API alone: client, gRPC and
// services in one process, over loopback, with a gateway that answers at once.
// Usage: api_throughput [SECONDS [TLS_SERVER_FOLDER TLS_CLIENT_FOLDER]]
// A JSON line for each case; not a test, since it measures the machine.
#include "api/credentials.hpp"
#include "api/server.hpp"
#include "messages/skerry/v1/decisions.grpc.pb.h"
#include "tests/api/fake_gateway.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <grpcpp/create_channel.h>
#include <string>
#include <thread>
#include <vector>

namespace skerry::testing {
namespace {

using steady = std::chrono::steady_clock;

v1::DecideRequest request_of(int tasks) {
  v1::DecideRequest request;
  for (int i = 0; i < tasks; ++i) {
    auto& demand = *request.add_tasks()->mutable_demand();
    demand.set_cpu_millicores(1000);
    demand.set_memory_bytes(1 << 30);
  }
  return request;
}

result<v1::DecideReply> decide(const v1::DecideRequest& request) {
  v1::DecideReply reply;
  for (int i = 0; i < request.tasks_size(); ++i) {
    auto& decision = *reply.add_decisions();
    decision.set_placed(true);
    decision.set_cell("a");
    decision.set_node("node-1234");
    decision.set_score(0.5);
    decision.set_policy("skerry");
  }
  return reply;
}

/// What a case has done by the end of its time.
struct tally {
  std::atomic<std::uint64_t> decisions{0};
  std::vector<std::vector<double>> microseconds; ///< For each caller.
};

void report(const std::string& name, double seconds, double cpu_seconds,
            tally& done) {
  std::vector<double> times;
  for (const auto& of : done.microseconds)
    times.insert(times.end(), of.begin(), of.end());
  std::sort(times.begin(), times.end());
  const auto at = [&](double share) {
    return times.empty() ? 0.0
                         : times[static_cast<std::size_t>(
                             share * static_cast<double>(times.size() - 1))];
  };
  const auto count = static_cast<double>(done.decisions.load());
  fmt::print(
      "{{\"case\":\"{}\",\"per_second\":{:.0f},"
      "\"per_cpu_second\":{:.0f},\"p50_us\":{:.0f},\"p99_us\":{:.0f}}}\n",
      name, count / seconds, count / cpu_seconds, at(0.5), at(0.99));
  (void)std::fflush(stdout); // Who watches sees each case as it ends.
}

template <class Work>
void measure(const std::string& name, double seconds, int workers, Work work) {
  tally done;
  done.microseconds.resize(static_cast<std::size_t>(workers));
  const auto cpu_before = std::clock();
  const auto before = steady::now();
  const auto end = before + std::chrono::duration<double>{seconds};
  std::vector<std::thread> threads;
  for (int i = 0; i < workers; ++i)
    threads.emplace_back([&, i] {
      work(done, done.microseconds[static_cast<std::size_t>(i)], end);
    });
  for (auto& thread : threads)
    thread.join();
  const std::chrono::duration<double> passed = steady::now() - before;
  report(name, passed.count(),
         static_cast<double>(std::clock() - cpu_before) / CLOCKS_PER_SEC, done);
}

void measure_unary(v1::Decisions::Stub& stub, double seconds, int callers,
                   int tasks) {
  measure(
      fmt::format("unary/{}_callers/{}_tasks", callers, tasks), seconds,
      callers, [&](tally& done, std::vector<double>& times, auto end) {
        const auto request = request_of(tasks);
        for (auto now = steady::now(); now < end;) {
          grpc::ClientContext call;
          v1::DecideReply reply;
          if (!stub.Decide(&call, request, &reply).ok())
            std::abort(); // Nothing that follows would mean anything.
          done.decisions += static_cast<std::uint64_t>(tasks);
          const auto later = steady::now();
          times.push_back(
              std::chrono::duration<double, std::micro>(later - now).count());
          now = later;
        }
      });
}

void measure_stream(v1::Decisions::Stub& stub, double seconds, int tasks) {
  measure(fmt::format("stream/{}_tasks", tasks), seconds, 1,
          [&](tally& done, std::vector<double>&, auto end) {
            grpc::ClientContext call;
            const auto stream = stub.DecideStream(&call);
            std::thread reader{[&] {
              for (v1::DecideReply reply; stream->Read(&reply);)
                done.decisions
                    += static_cast<std::uint64_t>(reply.decisions_size());
            }};
            const auto request = request_of(tasks);
            while (steady::now() < end)
              if (!stream->Write(request))
                std::abort();
            stream->WritesDone();
            reader.join();
            if (!stream->Finish().ok())
              std::abort();
          });
}

int run(int argc, char** argv) {
  const auto seconds = argc > 1 ? std::atof(argv[1]) : 2.0;
  fake_gateway gateway;
  gateway.on_decide = decide;
  api_options options;
  options.listen = "127.0.0.1:0";
  options.tls = argc > 3 ? argv[2] : "";
  const auto server = api_server::start(gateway, options);
  const auto credentials = channel_credentials(argc > 3 ? argv[3] : "");
  if (!server || !credentials) {
    fmt::print(stderr, "{}\n",
               (!server ? server.failure() : credentials.failure()).message);
    return 1;
  }
  const auto stub = v1::Decisions::NewStub(grpc::CreateCustomChannel(
      (*server)->address(), *credentials, channel_arguments()));
  for (const auto callers : {1, 4, 16, 64})
    measure_unary(*stub, seconds, callers, 1);
  for (const auto callers : {1, 4})
    measure_unary(*stub, seconds, callers, 100);
  measure_stream(*stub, seconds, 1);
  measure_stream(*stub, seconds, 100);
  return 0;
}

} // namespace
} // namespace skerry::testing

int main(int argc, char** argv) {
  return skerry::testing::run(argc, argv);
}
