#include "scheduling/rng.hpp"
#include "simulation/placement_genome.hpp"
#include "simulation/placement_objective.hpp"

#include <fmt/format.h>

#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

using namespace skerry;

TEST_SUITE_BEGIN("simulation/placement_objective");

namespace {

/// Twenty nodes of one to eight GPUs, and pods of every class.
placement_training small_training() {
  placement_training out;
  for (int n = 0; n < 20; ++n)
    out.nodes.push_back({fmt::format("n{}", n), n % 2 == 0 ? 32'000 : 96'000,
                         262'144, 1 << n % 4, n % 2 == 0 ? "T4" : "A100"});
  std::vector<openb_pod> pods;
  rng random{1};
  for (int p = 0; p < 300; ++p) {
    openb_pod pod{.name = fmt::format("p{}", p),
                  .cpu_milli
                  = static_cast<std::int64_t>(1000 * (1 + random.below(8))),
                  .memory_mib = 4096};
    if (const auto what = random.below(4); what > 0) {
      pod.num_gpu = what == 3 ? 2 : 1;
      pod.gpu_milli
          = what == 1 ? static_cast<int>(100 * (1 + random.below(9))) : 1000;
      if (random.below(4) == 0)
        pod.gpu_models = {"T4"};
    }
    pod.scheduled_seconds = 0;
    pod.deletion_seconds = static_cast<std::int64_t>(60 + random.below(7'200));
    pods.push_back(pod);
  }
  out.lists = {pods};
  out.cluster_divisor = 2;
  out.departures = {
      .cluster_divisor = 1, .warm_up_seconds = 600, .measured_seconds = 3'600};
  out.synthetic = {.nodes = 20, .hours = 2, .warm_up_hours = 1};
  return out;
}

placement_training only(placement_goal goal) {
  auto out = small_training();
  out.shares = {};
  out.shares[static_cast<std::size_t>(goal)] = 1;
  return out;
}

constexpr placement_goal all_goals[]{placement_goal::openb,
                                     placement_goal::departures,
                                     placement_goal::synthetic};

} // namespace

TEST_CASE("weights and genomes are the same thing") {
  auto genes = genome_of(fgd_weights());
  CHECK(check_genome(placement_space(), genes));
  CHECK(weights_of(genes) == fgd_weights());
  for (std::size_t i = 0; i < genes.size(); ++i)
    genes[i] = static_cast<double>(i);
  CHECK(genome_of(weights_of(genes)) == genes);
}

TEST_CASE("a cost follows from genes and scenario alone") {
  const auto fgd = genome_of(fgd_weights());
  const auto first_fit = genome_of(first_fit_weights());
  for (const auto goal : all_goals) {
    CAPTURE(placement_goal_names[static_cast<std::size_t>(goal)]);
    const placement_objective objective{only(goal)};
    std::vector<double> costs(8);
    for (std::size_t s = 0; s < costs.size(); ++s)
      costs[s] = objective.cost(fgd, s);
    (void)objective.cost(first_fit, 3);
    // From two threads at once, which share what is known of a scenario.
    std::vector<double> again(8);
    std::vector<std::jthread> threads;
    for (std::size_t t = 0; t < 2; ++t)
      threads.emplace_back([&, t] {
        for (auto s = t; s < again.size(); s += 2)
          again[s] = objective.cost(fgd, s);
      });
    threads.clear();
    CHECK(again == costs);
    CHECK(costs[0] != costs[1]);
    for (const auto cost : costs)
      CHECK(cost >= 0);
  }
}

TEST_CASE("what packs well costs less than what spreads") {
  const auto fgd = fgd_weights();
  auto worst = fgd;
  for (auto& weights : worst.of)
    for (auto& weight : weights)
      weight = -weight;
  for (const auto goal : {placement_goal::openb, placement_goal::departures}) {
    const placement_objective objective{only(goal)};
    double difference = 0;
    for (std::uint64_t s = 0; s < 20; ++s)
      difference += objective.cost(genome_of(worst), s)
                    - objective.cost(genome_of(fgd), s);
    CHECK(difference / 20 > 1);
  }
}

TEST_CASE("a training that cannot be is refused") {
  auto training = small_training();
  CHECK(validate(training));
  training.shares = {};
  CHECK(!validate(training));
  training = small_training();
  training.lists.clear();
  CHECK(!validate(training));
  training = small_training();
  training.cluster_divisor = 0;
  CHECK(!validate(training));
  training = only(placement_goal::departures);
  for (auto& pod : training.lists[0])
    pod.deletion_seconds = -1;
  CHECK(!validate(training));
  training = small_training();
  for (auto& pod : training.lists[0])
    pod.num_gpu = pod.gpu_milli = 0;
  CHECK(!validate(training));
}

TEST_SUITE_END();
