#pragma once

#include "benchmarks/benchmark.hpp"

namespace skerry {

/// A cluster whose workload changes twice while islands improve policies and
/// the league decides which rules, in virtual time: the share of the scarce
/// resource allocated, phase by phase, beside the policy frozen at the first
/// change and the best heuristic of the phase. One seed, a minute or two.
result<> run_adaptation_bench(const benchmark_options& options,
                              const report_case& report);

/// What 2, 3 and 4 cells lose in packing against one on the openb arrivals, by
/// the servers' own JOBS and ALLOCATORs: allocated GPU % for the policies fgd
/// and skerry, over the published seeds 42 to 46. Needs `trace_directory`.
result<> run_cells_bench(const benchmark_options& options,
                         const report_case& report);

/// Decisions in process at 100 to 100 000 nodes: submit, exact best fit over
/// four resources with 16 live shapes, place and finish, by index and by scan.
result<> run_dispatch_bench(const benchmark_options& options,
                            const report_case& report);

/// What islands cost: an evaluation, a migrant in process and between two
/// servers, and decisions in process at half load without and beside islands
/// that take all they can get.
result<> run_islands_bench(const benchmark_options& options,
                           const report_case& report);

/// Steps of the trainer at batches of 256 and 1024 beside a bare LibTorch loop,
/// and the choice among 64 and 10 000 candidates whose features are known, by
/// each forward pass and by LibTorch. Needs skerry-trainer.so.
result<> run_learner_bench(const benchmark_options& options,
                           const report_case& report);

/// Bytes a node and a live task cost at 100 000 nodes and over a million tasks
/// of 16 shapes, with and without GPUs on the nodes.
result<> run_memory_bench(const benchmark_options& options,
                          const report_case& report);

/// Decisions and durable jobs through gRPC on loopback at 1 000 and 10 000
/// simulated nodes: one by one, 100 a request, in streams, and at half load.
/// Server, agent and callers are processes of their own, with CPU seconds each.
result<> run_network_bench(const benchmark_options& options,
                           const report_case& report);

/// Decisions of each baseline on the openb arrivals, by index and by scan.
/// Needs `trace_directory`.
result<> run_openb_bench(const benchmark_options& options,
                         const report_case& report);

/// Plans for 256 tasks on 1000 nodes: evaluations of one-move changes, of whole
/// assignments and of decoded orders; and what searches have come to after 5,
/// 25 and 100 % of the CPU seconds given, pagmo2's among them where it is
/// there.
result<> run_plans_bench(const benchmark_options& options,
                         const report_case& report);

/// Experience: durable inserts, rebuilding a ring of a million from the disk,
/// samples of it, even and by priority, and beside them Gets from RocksDB. The
/// records are those of a simulated day.
result<> run_replay_bench(const benchmark_options& options,
                          const report_case& report);

/// Whole lives of durable one-task jobs on clusters of 1, 2 and 3 servers with
/// 999 simulated nodes in all, submitted within one server or within each.
/// Servers and agents are processes of their own, with CPU seconds each.
result<> run_servers_bench(const benchmark_options& options,
                           const report_case& report);

} // namespace skerry
