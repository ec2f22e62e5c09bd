#include "evolution/plan_problem.hpp"

#include "scheduling/assert.hpp"

#include <algorithm>
#include <cmath>

namespace skerry {
namespace {

/// Of the half of an edit's gene in which there is one.
constexpr double waiting_share = 0.01;

genome start_of(std::span<const std::uint32_t> order, std::size_t rule,
                std::size_t edits) {
  genome out(order.size());
  for (std::size_t place = 0; place < order.size(); ++place)
    out[order[place]] = (static_cast<double>(place) + 0.5)
                        / static_cast<double>(order.size());
  out.push_back(static_cast<double>(rule) + 0.5);
  for (std::size_t edit = 0; edit < edits; ++edit) {
    out.push_back(-0.5);
    out.push_back(0.5);
  }
  return out;
}

std::size_t choice(double share, std::size_t count) {
  return std::min(count - 1,
                  static_cast<std::size_t>(share * static_cast<double>(count)));
}

} // namespace

plan_problem::plan_problem(const cluster& snapshot,
                           std::span<const plan_task> tasks, std::size_t edits,
                           const plan_weights& weights)
    : snapshot_{&snapshot}, tasks_{tasks}, edits_{edits}, model_{snapshot,
                                                                 tasks,
                                                                 weights} {
  SKERRY_ASSERT(!tasks.empty());
  const auto add = [this](double lower, double upper, double scale) {
    space_.lower.push_back(lower);
    space_.upper.push_back(upper);
    space_.scale.push_back(scale);
  };
  for (std::size_t task = 0; task < tasks.size(); ++task)
    add(0, 1, 0.1);
  const auto rules = plan_rules();
  add(0, static_cast<double>(rules.size()), 0.5);
  for (std::size_t edit = 0; edit < edits; ++edit) {
    add(-1, 1, 0.4);
    add(0, 1, 0.4);
  }
  const auto has_home = std::ranges::any_of(
      tasks, [](const plan_task& task) { return task.home != no_node; });
  const auto as_given = arrival_order(tasks);
  const auto by_size = largest_first(snapshot, tasks);
  for (const auto home_first : {true, false})
    for (std::size_t rule = 0; rule < rules.size(); ++rule)
      if (rules[rule].home_first == home_first && (has_home || !home_first)) {
        space_.starting_points.push_back(start_of(as_given, rule, edits));
        space_.starting_points.push_back(start_of(by_size, rule, edits));
      }
}

placement_plan plan_problem::plan_of(std::span<const double> genes) const {
  SKERRY_ASSERT(genes.size() == space_.dimension());
  auto order = arrival_order(tasks_);
  std::ranges::stable_sort(order, {}, [&](auto task) { return genes[task]; });
  const auto rules = plan_rules();
  const auto rule = choice(
      genes[tasks_.size()] / static_cast<double>(rules.size()), rules.size());
  std::vector<plan_edit> edits;
  for (std::size_t edit = 0; edit < edits_; ++edit) {
    const auto where = genes[tasks_.size() + 1 + 2 * edit];
    if (where < 0)
      continue;
    const auto task
        = choice(genes[tasks_.size() + 2 + 2 * edit], tasks_.size());
    const auto node = where > 1 - waiting_share
                          ? no_node
                          : static_cast<node_index>(choice(
                              where / (1 - waiting_share), model_.nodes()));
    edits.push_back({static_cast<std::uint32_t>(task), node});
  }
  return decode(*snapshot_, tasks_, order, edits, rules[rule]);
}

double plan_problem::cost(std::span<const double> genes, std::uint64_t) const {
  plan_state state{model_};
  state.load(plan_of(genes));
  return state.cost();
}

} // namespace skerry
