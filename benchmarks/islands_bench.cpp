#include "actors/server.hpp"
#include "benchmarks/benchmarks.hpp"
#include "benchmarks/measure.hpp"
#include "messages/search_checkpoint.hpp"
#include "simulation/placement_genome.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <future>
#include <mutex>
#include <thread>

// What islands cost: an evaluation, a migrant, a mesh of migrants, and what
// they do to decisions beside them.

namespace skerry {
namespace {

using clock = std::chrono::steady_clock;

/// One evaluation of the goal that islands have without a cell.
void measure_evaluations(const benchmark_options& options,
                         const report_case& report) {
  const auto of = cell_objective::make({synthetic_picture(options.seed)}, {});
  SKERRY_ASSERT(of);
  const auto genes = genome_of(fgd_weights());
  case_timer timer{"evaluation, synthetic cell"};
  std::uint64_t scenario = 0;
  while (timer.more(options.seconds)) {
    // As in a generation: the same scenarios again and again.
    timer.begin_run();
    for (int i = 0; i < 16; ++i)
      (void)(*of)->cost(genes, scenario + static_cast<std::uint64_t>(i % 4));
    timer.end_run(16);
    scenario += 4;
  }
  report(timer.finish());
}

/// Of a policy's genes, from one island to another: chosen, written, read,
/// checked, logged, answered.
void measure_migrants(const benchmark_options& options,
                      const report_case& report) {
  const std::shared_ptr<const cell_objective> of
      = *cell_objective::make({synthetic_picture(options.seed)}, {});
  const auto space = of->space();
  island_host_options how{.server = "a",
                          .island = {.migration = {.every = 1, .count = 1}}};
  const island_goal goal{
      .of = of, .text = "", .fingerprint = 1, .starts = {"fgd", "first-fit"}};
  island_host host{how, goal};
  rng random{options.seed};
  mesh::v1::Envelope sent;
  {
    // The schema, as an island writes it.
    island_host other{how, goal};
    other.set_islands({{"a", 1}, {"b", 1}});
    outbox out;
    while (out.envelopes.empty())
      (void)other.step({}, out);
    sent = out.envelopes.front();
  }
  case_timer timer{"migrant, without the network"};
  std::uint64_t number = 0;
  while (timer.more(options.seconds)) {
    constexpr std::uint64_t each = 200;
    island_host receiver{how, goal};
    std::vector<genome> genes(each, genome(space.dimension()));
    for (auto& one : genes)
      for (auto& gene : one)
        gene = random.uniform();
    timer.begin_run();
    for (const auto& one : genes) {
      auto& batch = *sent.mutable_migrants();
      batch.set_number(++number);
      *batch.mutable_migrants(0)
          = to_proto(migrant{.genes = one, .cost = 1, .generation = number});
      const auto bytes = sent.SerializeAsString();
      mesh::v1::Envelope arrived;
      SKERRY_ASSERT(arrived.ParseFromString(bytes));
      outbox out;
      receiver.take(arrived, {}, out);
    }
    timer.end_run(each);
    SKERRY_ASSERT(receiver.status().migrants_accepted() == each);
  }
  auto measured = timer.finish();
  measured.more.emplace_back("percent_of_a_core_at_100_per_second",
                             100 * 100 / measured.per_second);
  report(measured);
}

/// A server with islands, in a folder of its own.
struct island_server {
  std::filesystem::path folder;
  std::unique_ptr<server> running;

  island_server() = default;
  island_server(island_server&&) = default;
  ~island_server() {
    if (running)
      running->stop();
    running.reset();
    std::error_code ignored; // It lies in the temporary directory.
    if (!folder.empty())
      std::filesystem::remove_all(folder, ignored);
  }

  result<> start(std::string name, const std::string& address,
                 std::vector<std::string> seeds,
                 server_islands_options islands) {
    auto path = (std::filesystem::temp_directory_path() / "skerry-bench-XXXXXX")
                    .string();
    if (::mkdtemp(path.data()) == nullptr)
      return {error_code::io_failed, "cannot make " + path};
    folder = path;
    server_options options;
    options.name = std::move(name);
    options.data_directory = folder / "server";
    options.with_mesh = !address.empty();
    options.mesh.listen = address;
    options.mesh.seeds = std::move(seeds);
    options.islands = std::move(islands);
    auto started = server::start(std::move(options));
    if (!started)
      return started.failure();
    running = std::move(*started);
    return done{};
  }

  std::vector<v1::IslandStatus> islands() {
    std::promise<std::vector<v1::IslandStatus>> told;
    running->islands({}, [&told](result<v1::IslandsReply> reply) {
      told.set_value(
          reply ? std::vector<v1::IslandStatus>{reply->islands().begin(),
                                                reply->islands().end()}
                : std::vector<v1::IslandStatus>{});
    });
    return told.get_future().get();
  }
};

/// A goal of which a generation takes milliseconds, so that there are far more
/// than a hundred migrations a second.
placement_picture tiny_picture() {
  placement_picture out;
  for (int n = 0; n < 4; ++n)
    out.nodes.push_back(
        {fmt::format("n{}", n), {millicores{10'000}, bytes{1LL << 36}}});
  for (const std::int64_t cores : {2, 3, 4, 6})
    out.tasks.push_back({.demand = {millicores{cores * 1000}, bytes{1 << 20}}});
  return out;
}

struct mesh_run {
  double island_cpu = 0;    ///< Of the islands' threads.
  double migration_cpu = 0; ///< Of these, for migrants.
  double other_cpu = 0;     ///< Of all other threads: mesh, roles.
  double accepted = 0;      ///< Migrants, known ones too.
};

result<mesh_run> run_mesh(topology_kind kind, double seconds) {
  const server_islands_options islands{
      .count = 1,
      .cpu_share = 0.5,
      .migration
      = {.every = 1, .count = 1, .selection = migrant_selection::random},
      .exchange = {.kind = kind},
      .scenarios = 8,
      .base = {tiny_picture()},
      .from_cell = false};
  const auto a_at = free_loopback_address();
  const auto b_at = free_loopback_address();
  if (!a_at || !b_at)
    return (a_at ? b_at : a_at).failure();
  island_server a;
  island_server b;
  if (auto ok = a.start("a", *a_at, {}, islands); !ok)
    return ok.failure();
  if (auto ok = b.start("b", *b_at, {*a_at}, islands); !ok)
    return ok.failure();
  const auto figures = [&]() -> mesh_run {
    mesh_run out;
    for (const auto& island : a.islands()) {
      out.island_cpu += island.cpu_seconds();
      out.migration_cpu += island.migration_cpu_seconds();
      out.accepted += static_cast<double>(island.migrants_accepted()
                                          + island.migrants_known());
    }
    out.other_cpu = process_cpu_seconds() - out.island_cpu;
    return out;
  };
  const auto until = clock::now() + std::chrono::seconds{30};
  while (a.islands().size() < 2
         || (kind != topology_kind::isolated && figures().accepted == 0)) {
    if (clock::now() > until)
      return error{error_code::io_failed, "the islands do not meet"};
    std::this_thread::sleep_for(std::chrono::milliseconds{50});
  }
  const auto before = figures();
  std::this_thread::sleep_for(std::chrono::duration<double>{seconds});
  const auto after = figures();
  return mesh_run{after.island_cpu - before.island_cpu,
                  after.migration_cpu - before.migration_cpu,
                  after.other_cpu - before.other_cpu,
                  after.accepted - before.accepted};
}

/// Two servers, with and without an exchange: all that it costs, in islands'
/// threads and in the mesh.
result<> measure_mesh(const benchmark_options& options,
                      const report_case& report) {
  const auto alone = run_mesh(topology_kind::isolated, options.seconds);
  if (!alone)
    return alone.failure();
  const auto with = run_mesh(topology_kind::ring, options.seconds);
  if (!with)
    return with.failure();
  const auto mesh_cpu = std::max(with->other_cpu - alone->other_cpu, 0.0);
  const auto each = (with->migration_cpu + mesh_cpu) / with->accepted;
  report({.name = "migrant between two servers",
          .per_second = with->accepted / options.seconds,
          .p50_us = each * 1e6,
          .p99_us = 0,
          .cpu_seconds = with->island_cpu + with->other_cpu,
          .more
          = {{"island_thread_us", with->migration_cpu / with->accepted * 1e6},
             {"other_threads_us", mesh_cpu / with->accepted * 1e6},
             {"percent_of_a_core_at_100_per_second", each * 100 * 100}}});
  return done{};
}

// -- decisions beside islands -------------------------------------------------

/// Stands in for an agent of nodes that only pretend.
class quiet_agent final : public agent_sink {
public:
  void send(v1::ServerMessage) override {}
  void close() override {}
};

/// @returns What keeps it alive.
std::jthread attach(server& to, int nodes) {
  const auto link = to.open_link(std::make_shared<quiet_agent>());
  v1::AgentMessage message;
  for (int i = 0; i < nodes; ++i) {
    auto& hello = *message.add_hellos();
    hello.set_schema(1);
    hello.set_agent_id(7);
    hello.mutable_node()->set_name(fmt::format("n{:05}", i));
    hello.mutable_node()->mutable_capacity()->set_cpu_millicores(64'000);
    hello.mutable_node()->mutable_capacity()->set_memory_bytes(1LL << 38);
  }
  to.take(link, std::move(message));
  return std::jthread{[&to, link](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      to.take(link, {});
      std::this_thread::sleep_for(std::chrono::milliseconds{200});
    }
  }};
}

/// @returns Microseconds; negative when it was not placed.
double decide_once(server& at, std::uint64_t number) {
  v1::DecideRequest request;
  auto& demand = *request.add_tasks()->mutable_demand();
  demand.set_cpu_millicores(static_cast<std::int64_t>(100 * (1 + number % 16)));
  demand.set_memory_bytes(1 << 28);
  const auto begun = clock::now();
  std::promise<bool> placed;
  at.decide(std::move(request), [&placed](result<v1::DecideReply> reply) {
    placed.set_value(reply && reply->decisions_size() == 1
                     && reply->decisions(0).placed());
  });
  if (!placed.get_future().get())
    return -1;
  return std::chrono::duration<double, std::micro>(clock::now() - begun)
      .count();
}

/// Callers that ask one by one, at a rate or as fast as they can.
std::vector<double> decide_for(server& at, double seconds, int callers,
                               double per_second) {
  std::mutex mutex;
  std::vector<double> all;
  std::vector<std::jthread> threads;
  for (int i = 0; i < callers; ++i)
    threads.emplace_back([&, i] {
      std::vector<double> us;
      auto next = clock::now();
      const auto until = next
                         + std::chrono::duration_cast<clock::duration>(
                             std::chrono::duration<double>{seconds});
      auto number = static_cast<std::uint64_t>(i);
      while (clock::now() < until) {
        if (per_second > 0) {
          std::this_thread::sleep_until(next);
          next += std::chrono::duration_cast<clock::duration>(
              std::chrono::duration<double>{callers / per_second});
        }
        us.push_back(decide_once(at, number++));
      }
      const std::scoped_lock lock{mutex};
      all.insert(all.end(), us.begin(), us.end());
    });
  threads.clear();
  std::ranges::sort(all);
  return all;
}

result<> measure_decisions(const benchmark_options& options,
                           const report_case& report) {
  constexpr int callers = 2;
  constexpr int nodes = 1'000;
  double half = 0;
  const auto quantile = [](const std::vector<double>& us, double share) {
    return us[static_cast<std::size_t>(static_cast<double>(us.size() - 1)
                                       * share)];
  };
  for (const std::uint32_t islands : {0U, 2U}) {
    island_server at;
    if (auto ok
        = at.start("a", {}, {},
                   {.count = islands, .cpu_share = 1, .from_cell = false});
        !ok)
      return ok;
    const auto alive = attach(*at.running, nodes);
    const auto until = clock::now() + std::chrono::seconds{30};
    while (decide_once(*at.running, 0) < 0 || at.islands().size() < islands)
      if (clock::now() > until)
        return {error_code::io_failed, "no decision, or no island"};
    if (islands == 0)
      half = static_cast<double>(
                 decide_for(*at.running, options.seconds, callers, 0).size())
             / options.seconds / 2;
    const auto before = at.islands();
    const auto cpu = process_cpu_seconds();
    const auto us = decide_for(*at.running, options.seconds, callers, half);
    SKERRY_ASSERT(us.front() > 0); // All were placed.
    double island_cpu = 0;
    for (const auto& island : at.islands())
      island_cpu += island.cpu_seconds();
    for (const auto& island : before)
      island_cpu -= island.cpu_seconds();
    report({.name = fmt::format("decisions at half load, {} islands", islands),
            .per_second = static_cast<double>(us.size()) / options.seconds,
            .p50_us = quantile(us, 0.5),
            .p99_us = quantile(us, 0.99),
            .cpu_seconds = process_cpu_seconds() - cpu,
            .more = {{"p999_us", quantile(us, 0.999)},
                     {"island_cpu_seconds", island_cpu}}});
  }
  return done{};
}

} // namespace

result<> run_islands_bench(const benchmark_options& options,
                           const report_case& report) {
  measure_evaluations(options, report);
  measure_migrants(options, report);
  if (auto ok = measure_mesh(options, report); !ok)
    return ok;
  return measure_decisions(options, report);
}

} // namespace skerry
