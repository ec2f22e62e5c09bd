#include "benchmarks/pagmo_peer.hpp"

#include "scheduling/assert.hpp"

#ifdef SKERRY_PAGMO

#include "scheduling/rng.hpp"

#include <memory>
#include <pagmo/algorithm.hpp>
#include <pagmo/algorithms/sga.hpp>
#include <pagmo/population.hpp>
#include <pagmo/problem.hpp>
#include <utility>
#include <vector>

namespace skerry {
namespace {

/// A user-defined problem in pagmo's sense, which is copied.
class assignment_problem {
public:
  assignment_problem() = default; // Asked for by pagmo.
  explicit assignment_problem(const plan_model& of)
      : of_{&of}, state_{std::make_shared<plan_state>(of)} {}

  pagmo::vector_double fitness(const pagmo::vector_double& genes) const {
    std::vector<std::uint32_t> nodes(genes.size());
    for (std::size_t task = 0; task < genes.size(); ++task)
      nodes[task] = static_cast<std::uint32_t>(genes[task]);
    return {state_->assign(nodes)};
  }
  std::pair<pagmo::vector_double, pagmo::vector_double> get_bounds() const {
    return {
        pagmo::vector_double(of_->tasks(), 0),
        pagmo::vector_double(of_->tasks(), static_cast<double>(of_->nodes()))};
  }
  /// All genes are whole numbers.
  pagmo::vector_double::size_type get_nix() const { return of_->tasks(); }

private:
  const plan_model* of_ = nullptr;
  std::shared_ptr<plan_state> state_;
};

pagmo::vector_double genes_of(const plan_model& of,
                              const placement_plan& plan) {
  pagmo::vector_double out;
  for (const auto& task : plan)
    out.push_back(static_cast<double>(
        task.node == no_node ? of.nodes() : index_of(task.node)));
  return out;
}

} // namespace

bool has_pagmo() {
  return true;
}

void run_pagmo_sga(const plan_model& of, std::span<const placement_plan> plans,
                   std::uint64_t seed,
                   const std::function<bool(const search_progress&)>& go_on) {
  SKERRY_ASSERT(of.movable().size() == of.tasks());
  constexpr std::size_t individuals = 64;
  constexpr unsigned generations = 5;
  const auto number = static_cast<unsigned>(seed);
  pagmo::problem problem{assignment_problem{of}};
  pagmo::population people{problem, 0, number};
  rng random{seed};
  for (std::size_t i = 0; i < individuals; ++i) {
    auto genes = genes_of(of, plans[i % plans.size()]);
    if (i >= plans.size())
      for (auto& gene : genes)
        if (random.below(genes.size()) < 2)
          gene = static_cast<double>(random.below(of.nodes()));
    people.push_back(genes);
  }
  const pagmo::algorithm search{
      pagmo::sga{generations, 0.9, 1, 1.0 / static_cast<double>(of.tasks()), 1,
                 2, "exponential", "uniform", "tournament", number}};
  while (
      go_on({people.get_problem().get_fevals(), people.champion_f().front()}))
    people = search.evolve(people);
}

} // namespace skerry

#else

namespace skerry {

bool has_pagmo() {
  return false;
}

void run_pagmo_sga(const plan_model&, std::span<const placement_plan>,
                   std::uint64_t,
                   const std::function<bool(const search_progress&)>&) {
  SKERRY_ASSERT(has_pagmo());
}

} // namespace skerry

#endif
