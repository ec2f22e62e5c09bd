#include "actors/allocator.hpp"
#include "actors/jobs.hpp"
#include "benchmarks/benchmarks.hpp"
#include "messages/convert.hpp"
#include "messages/policy_file.hpp"
#include "scheduling/assert.hpp"
#include "scheduling/rng.hpp"
#include "simulation/openb_track.hpp"
#include "simulation/statistics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

// What several cells lose in packing against one: the same arrivals through the
// same JOBS, with the nodes of openb dealt out at random to some ALLOCATORs.
// JOBS and cells are those of the servers, without actors, disk and wire.
//
//     batch of jobs --> JOBS <--(bids, awards: settled at once)--> cells

namespace skerry {
namespace {

constexpr std::array<std::uint64_t, 5> published_seeds{42, 43, 44, 45, 46};
constexpr std::array<std::size_t, 4> cell_counts{1, 2, 3, 4};
/// Jobs of one submit: one by one, and as a busy client sends them.
constexpr std::array<std::size_t, 2> batches{1, 100};
constexpr std::array<int, 2> shown_loads{100, 130};

struct openb_case {
  openb_workload workload;
  std::uint64_t seed = 0;
};

result<std::vector<openb_case>> read_cases(const std::string& directory) {
  auto nodes = read_openb_nodes(directory + "/openb_node_list_gpu_node.csv.gz");
  if (!nodes)
    return nodes.failure();
  auto pods = read_openb_pods(
      directory + "/lists/openb_pod_list_default.csv.gz", *nodes);
  if (!pods)
    return pods.failure();
  std::vector<openb_case> out;
  for (const auto seed : published_seeds) {
    auto arrivals = read_openb_arrivals(
        directory + "/orders/order_default.csv.gz", seed, pods->size());
    if (!arrivals)
      return arrivals.failure();
    auto ties = read_openb_tie_order(
        directory + "/orders/nodeprio_default.csv.gz", seed, *nodes);
    if (!ties)
      return ties.failure();
    out.push_back(
        {{*nodes, *pods, *std::move(arrivals), *std::move(ties)}, seed});
  }
  return out;
}

/// JOBS of the first server and the cells of all, whose messages arrive at once
/// and in order. No time passes; agents take their orders and stay silent.
class split_cluster {
public:
  static result<std::unique_ptr<split_cluster>>
  make(const openb_case& from, std::size_t cells, const policy_choice& policy) {
    auto out = std::unique_ptr<split_cluster>{new split_cluster};
    std::vector<std::string> names;
    for (std::size_t c = 0; c < cells; ++c)
      names.push_back(fmt::format("cell-{}", c));
    for (const auto& name : names) {
      auto made = allocator::make(
          {.server = name, .epoch = 1, .policy = policy, .seed = from.seed});
      if (!made)
        return made.failure();
      auto others = names;
      std::erase(others, name);
      outbox ignored; // Nobody has a node yet.
      (*made)->set_peers(others, others, ignored);
      out->cells_.emplace(name, *std::move(made));
    }
    out->attach_nodes(from, names);
    auto others = names;
    std::erase(others, names.front());
    out->owner_.set_peers(others);
    for (auto& [name, cell] : out->cells_) {
      outbox news; // That it is there, and what it has.
      cell->tick({}, news);
      out->settle(std::move(news), name);
    }
    return out;
  }

  /// Submits jobs of one task each and lets them be placed.
  /// @returns For each, whether it was; the others wait for ever, for nothing
  ///          ends here.
  std::vector<bool> submit(std::vector<v1::Job> some) {
    v1::SubmitRequest request;
    std::vector<std::string> ids;
    for (auto& job : some) {
      ids.push_back(job.id());
      *request.add_jobs() = std::move(job);
    }
    outbox out;
    owner_.submit(
        request, {},
        [](const result<v1::SubmitReply>& reply) { SKERRY_ASSERT(reply); },
        out);
    settle(std::move(out), home());
    std::vector<bool> placed;
    for (const auto& id : ids) {
      const auto status = owner_.status(id);
      SKERRY_ASSERT(status.has_value());
      placed.push_back(status->tasks(0).state() == v1::PLACED);
    }
    return placed;
  }

  /// That the cells hold what JOBS believes to be placed, soundly.
  result<> check(std::size_t placed) const {
    std::size_t held = 0;
    for (const auto& [name, cell] : cells_) {
      if (auto sound = cell->check_invariants(); !sound)
        return sound;
      held += cell->state().size();
    }
    if (held != placed)
      return {
          error_code::conflict,
          fmt::format("{} tasks are placed, the cells hold {}", placed, held)};
    return owner_.check_invariants();
  }

  std::uint64_t messages() const { return messages_; }

private:
  split_cluster() = default;

  std::string home() const { return cells_.begin()->first; }

  /// Dealt out in a random order, in each cell by rank: the smaller wins a tie.
  void attach_nodes(const openb_case& from,
                    const std::vector<std::string>& names) {
    rng random{from.seed};
    std::vector<std::uint32_t> dealt(from.workload.nodes.size());
    std::iota(dealt.begin(), dealt.end(), 0U);
    for (auto left = dealt.size(); left > 1; --left)
      std::swap(dealt[left - 1], dealt[random.below(left)]);
    for (std::size_t c = 0; c < names.size(); ++c) {
      std::vector<std::uint32_t> mine;
      for (auto k = c; k < dealt.size(); k += names.size())
        mine.push_back(dealt[k]);
      std::ranges::sort(mine, {},
                        [&](auto n) { return from.workload.tie_order[n]; });
      v1::AgentMessage message;
      for (const auto n : mine) {
        auto* hello = message.add_hellos();
        *hello->mutable_node() = to_proto(node_spec_of(from.workload.nodes[n]));
        hello->set_agent_id(1);
        hello->set_schema(1);
      }
      outbox out;
      cells_.at(names[c])->take(message, link_id{1}, {}, out);
      SKERRY_ASSERT(out.agent(link_id{1}).refused().empty());
    }
  }

  void settle(outbox first, const std::string& sender) {
    std::deque<mesh::v1::Envelope> travelling;
    const auto send = [&](outbox out, const std::string& from) {
      for (auto& envelope : out.envelopes) {
        envelope.set_from(from);
        travelling.push_back(std::move(envelope));
      }
    };
    send(std::move(first), sender);
    for (; !travelling.empty(); ++messages_) {
      const auto envelope = std::move(travelling.front());
      travelling.pop_front();
      outbox out;
      if (envelope.role() == mesh::v1::Envelope::ALLOCATOR)
        cells_.at(envelope.to())->take(envelope, {}, out);
      else if (envelope.to() == home())
        owner_.take(envelope, {}, out);
      send(std::move(out), envelope.to());
    }
  }

  jobs owner_{{.server = "cell-0", .epoch = 1}};
  std::map<std::string, std::unique_ptr<allocator>> cells_;
  std::uint64_t messages_ = 0;
};

struct packing {
  std::array<double, shown_loads.size()> allocated_percent{};
  std::uint64_t arrivals = 0;
  std::uint64_t messages = 0;
  double seconds = 0;
};

v1::Job job_of(const openb_pod& pod, std::size_t arrival) {
  v1::Job job;
  job.set_id(fmt::format("{}", arrival));
  auto* group = job.add_groups();
  *group->mutable_profile()
      = to_proto(task_profile{.shape = task_shape_of(pod)});
  group->mutable_work()->mutable_simulated()->set_duration_milliseconds(1);
  return job;
}

result<packing> pack(const openb_case& from, std::size_t cells,
                     const policy_choice& policy, std::size_t batch) {
  const auto began = std::chrono::steady_clock::now();
  auto cluster = split_cluster::make(from, cells, policy);
  if (!cluster)
    return cluster.failure();
  const auto& pods = from.workload.pods;
  const auto& arrivals = from.workload.arrivals;
  load_meter meter{gpu_capacity_milli(from.workload.nodes)};
  std::size_t placed = 0;
  for (std::size_t at = 0; at < arrivals.size(); at += batch) {
    const auto end = std::min(at + batch, arrivals.size());
    std::vector<v1::Job> some;
    for (auto k = at; k < end; ++k)
      some.push_back(job_of(pods[arrivals[k]], k));
    const auto outcome = (*cluster)->submit(std::move(some));
    for (auto k = at; k < end; ++k) {
      placed += outcome[k - at] ? 1 : 0;
      meter.arrived(gpu_milli_of(pods[arrivals[k]]), outcome[k - at]);
    }
  }
  if (auto sound = (*cluster)->check(placed); !sound)
    return sound.failure();
  packing out{.arrivals = arrivals.size(), .messages = (*cluster)->messages()};
  const auto figures = meter.allocated_percent();
  for (std::size_t i = 0; i < shown_loads.size(); ++i) {
    const auto load = std::ranges::find(openb_loads, shown_loads[i]);
    const auto figure
        = figures[static_cast<std::size_t>(load - openb_loads.begin())];
    if (!figure)
      return error{error_code::malformed,
                   fmt::format("the arrivals end before {} % of the cluster",
                               shown_loads[i])};
    out.allocated_percent[i] = *figure;
  }
  out.seconds
      = std::chrono::duration<double>(std::chrono::steady_clock::now() - began)
            .count();
  return out;
}

std::vector<double> figures_at(std::span<const packing> runs,
                               std::size_t load) {
  std::vector<double> out;
  for (const auto& run : runs)
    out.push_back(run.allocated_percent[load]);
  return out;
}

/// @param one The same with a single cell.
benchmark_case case_of(std::string name, std::span<const packing> runs,
                       std::span<const packing> one) {
  benchmark_case out{.name = std::move(name)};
  double arrivals = 0;
  double messages = 0;
  for (const auto& run : runs) {
    out.cpu_seconds += run.seconds; // On one thread that does not wait.
    arrivals += static_cast<double>(run.arrivals);
    messages += static_cast<double>(run.messages);
  }
  out.per_second = arrivals / out.cpu_seconds;
  out.more.emplace_back("messages_per_job", messages / arrivals);
  for (std::size_t i = 0; i < shown_loads.size(); ++i) {
    const auto here = figures_at(runs, i);
    const auto mean = mean_interval_of(here);
    const auto lost = paired_difference(figures_at(one, i), here);
    const auto at = [&](const char* what) {
      return fmt::format("{}_at_{}", what, shown_loads[i]);
    };
    out.more.emplace_back(at("gpu_percent"), mean.mean);
    out.more.emplace_back(at("gpu_percent_half_width"), mean.half_width);
    out.more.emplace_back(at("lost_percent"), lost.mean);
    out.more.emplace_back(at("lost_percent_half_width"), lost.half_width);
  }
  return out;
}

} // namespace

result<> run_cells_bench(const benchmark_options& options,
                         const report_case& report) {
  if (options.trace_directory.empty())
    return {error_code::invalid_argument,
            "the benchmark cells needs the openb traces: give --traces DIR"};
  const auto cases = read_cases(options.trace_directory);
  if (!cases)
    return cases.failure();
  for (const auto* name : {"fgd", "skerry"}) {
    const auto policy = find_policy(name);
    if (!policy)
      return policy.failure();
    for (const auto batch : batches) {
      std::vector<packing> one;
      for (const auto cells : cell_counts) {
        std::vector<packing> runs;
        for (const auto& each : *cases) {
          auto packed = pack(each, cells, *policy, batch);
          if (!packed)
            return packed.failure();
          runs.push_back(*packed);
        }
        if (cells == 1)
          one = runs;
        report(
            case_of(fmt::format("{}/{} a request/{} cells", name, batch, cells),
                    runs, one));
      }
    }
  }
  return done{};
}

} // namespace skerry
