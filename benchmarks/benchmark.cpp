#include "benchmarks/benchmark.hpp"

#include "benchmarks/benchmarks.hpp"

#include <array>

namespace skerry {
namespace {

constexpr std::array<benchmark, 11> benchmarks{{
    {"adaptation", "islands and league under a workload that changes twice",
     run_adaptation_bench},
    {"cells", "packing of openb by 1 to 4 cells; --traces, takes a minute",
     run_cells_bench},
    {"dispatch", "decisions at 100 to 100 000 nodes: submit, place and finish",
     run_dispatch_bench},
    {"islands", "evaluations, migrants, and decisions beside busy islands",
     run_islands_bench},
    {"learner", "training steps, and choices by networks, beside LibTorch",
     run_learner_bench},
    {"memory", "bytes a node and a live task cost", run_memory_bench},
    {"network",
     "decisions and durable jobs through gRPC; server, agent and callers apart",
     run_network_bench},
    {"openb", "decisions of each baseline on the openb arrivals",
     run_openb_bench},
    {"plans", "searches for plans of 256 tasks on 1000 nodes", run_plans_bench},
    {"replay", "experience: durable inserts, rebuild, samples, naive Gets",
     run_replay_bench},
    {"servers", "whole lives of durable jobs on 1, 2 and 3 servers",
     run_servers_bench},
}};

} // namespace

std::span<const benchmark> all_benchmarks() {
  return benchmarks;
}

} // namespace skerry
