#include "evolution/placement_plan.hpp"

#include "scheduling/assert.hpp"
#include "scheduling/placement_policy.hpp"
#include "scheduling/scorer.hpp"
#include "scheduling/spread.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <numeric>

namespace skerry {
namespace {

constexpr std::array rules{
    plan_rule{"first-fit", false},    plan_rule{"first-fit", true},
    plan_rule{"best-fit-all", false}, plan_rule{"best-fit-all", true},
    plan_rule{"worst-fit", false},    plan_rule{"worst-fit", true}};

bool fits(const cluster& on, const compiled_shape& shape, node_index node) {
  return index_of(node) < on.size() && !on.why_not(shape, node)
         && (!shape.source.spread || spread_filter{on, shape}.allows(node));
}

double dominant_share(const cluster& on, const compiled_shape& shape) {
  double share = 0;
  for (std::size_t kind = 0; kind < shape.kinds_used; ++kind)
    if (on.capacity()[kind] > 0)
      share = std::max(share, static_cast<double>(shape.demand[kind])
                                  / static_cast<double>(on.capacity()[kind]));
  return share;
}

} // namespace

std::span<const plan_rule> plan_rules() {
  return rules;
}

placement_plan decode(const cluster& snapshot, std::span<const plan_task> tasks,
                      std::span<const std::uint32_t> order,
                      std::span<const plan_edit> edits, const plan_rule& rule) {
  SKERRY_ASSERT(order.size() == tasks.size());
  auto nodes = snapshot;
  const auto policy = make_policy(rule.policy, nodes, {});
  SKERRY_ASSERT(policy);
  constexpr auto free_choice = no_node;
  std::vector<node_index> wanted(tasks.size(), free_choice);
  std::vector<bool> delayed(tasks.size());
  if (rule.home_first)
    for (std::size_t task = 0; task < tasks.size(); ++task)
      wanted[task] = tasks[task].home;
  for (const auto& edit : edits) {
    wanted[edit.task] = edit.node;
    delayed[edit.task] = edit.node == no_node;
  }
  placement_plan out(tasks.size());
  for (const auto task : order) {
    if (delayed[task])
      continue;
    const auto id = tasks[task].shape;
    const auto& shape = nodes.shape(id);
    auto& planned = out[task];
    if (wanted[task] != free_choice && fits(nodes, shape, wanted[task])) {
      planned.node = wanted[task];
      planned.devices = tightest_devices(nodes, shape, planned.node);
    } else if (const auto chosen = (*policy)->choose(id)) {
      planned = {chosen->node, chosen->devices};
    } else {
      continue;
    }
    SKERRY_ASSERT(nodes.take(planned.node, id, planned.devices));
  }
  return out;
}

result<> check_plan(const cluster& snapshot, std::span<const plan_task> tasks,
                    const placement_plan& plan) {
  if (plan.size() != tasks.size())
    return {error_code::invalid_argument,
            fmt::format("a plan for {} tasks instead of {}", plan.size(),
                        tasks.size())};
  auto nodes = snapshot;
  for (std::size_t task = 0; task < tasks.size(); ++task) {
    if (plan[task].node == no_node)
      continue;
    if (index_of(plan[task].node) >= nodes.size())
      return {
          error_code::invalid_argument,
          fmt::format("task {}: no node {}", task, index_of(plan[task].node))};
    if (auto ok
        = nodes.take(plan[task].node, tasks[task].shape, plan[task].devices);
        !ok)
      return ok;
  }
  return done{};
}

std::vector<std::uint32_t> arrival_order(std::span<const plan_task> tasks) {
  std::vector<std::uint32_t> out(tasks.size());
  std::iota(out.begin(), out.end(), 0U);
  return out;
}

std::vector<std::uint32_t> largest_first(const cluster& snapshot,
                                         std::span<const plan_task> tasks) {
  auto out = arrival_order(tasks);
  std::ranges::stable_sort(out, std::ranges::greater{}, [&](auto task) {
    return dominant_share(snapshot, snapshot.shape(tasks[task].shape));
  });
  return out;
}

std::vector<named_plan> heuristic_plans(const cluster& snapshot,
                                        std::span<const plan_task> tasks) {
  const auto has_home = std::ranges::any_of(
      tasks, [](const plan_task& task) { return task.home != no_node; });
  std::vector<named_plan> out;
  for (const auto& rule : rules) {
    if (rule.home_first && !has_home)
      continue;
    const auto name = fmt::format("{}{}", rule.policy,
                                  rule.home_first ? ", home first" : "");
    out.push_back(
        {name, decode(snapshot, tasks, arrival_order(tasks), {}, rule)});
    out.push_back(
        {name + ", largest first",
         decode(snapshot, tasks, largest_first(snapshot, tasks), {}, rule)});
  }
  return out;
}

} // namespace skerry
