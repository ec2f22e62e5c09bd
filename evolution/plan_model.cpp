#include "evolution/plan_model.hpp"

#include "scheduling/assert.hpp"

#include <algorithm>
#include <bit>
#include <unordered_map>

namespace skerry {
namespace {

bool is_plain(const compiled_shape& shape) {
  return shape.requests.empty() && shape.groups.empty() && !shape.meets_groups
         && !shape.source.spread;
}

/// Whether the node could run the shape if enough were free.
bool may_run(const cluster& on, const compiled_shape& shape, node_index node) {
  const auto refused = on.why_not(shape, node);
  return !refused || refused.reason == refusal_reason::resource
         || refused.reason == refusal_reason::task_limit;
}

} // namespace

plan_model::plan_model(const cluster& snapshot,
                       std::span<const plan_task> tasks,
                       const plan_weights& weights)
    : stranding_{weights.stranding} {
  SKERRY_ASSERT(tasks.size() <= max_plan_tasks);
  compile_nodes(snapshot);
  std::unordered_map<std::size_t, std::uint32_t> known;
  for (const auto& task : tasks) {
    const auto& shape = snapshot.shape(task.shape);
    const auto [at, is_new] = known.try_emplace(index_of(task.shape), 0);
    if (is_new)
      at->second = compile_shape(snapshot, shape);
    const auto movable = is_plain(shape);
    if (movable)
      movable_.push_back(static_cast<std::uint32_t>(tasks_.size()));
    tasks_.push_back({.shape = at->second,
                      .home = task.home == no_node
                                  ? nowhere
                                  : static_cast<std::uint32_t>(task.home),
                      .churn = task.churn,
                      .delay = task.delay,
                      .movable = movable});
  }
}

void plan_model::compile_nodes(const cluster& snapshot) {
  kinds_ = snapshot.resource_names().size() + 1;
  nothing_.assign(kinds_, 0);
  const auto devices = kinds_ - 1;
  const auto nodes = snapshot.size();
  base_free_.assign(nodes * kinds_, 0);
  inverse_.assign(nodes * kinds_, 0);
  per_kind_.assign(nodes, 0);
  base_tasks_.assign(nodes, 0);
  device_capacity_.resize(nodes);
  for (std::size_t n = 0; n < nodes; ++n) {
    const auto node = static_cast<node_index>(n);
    if (snapshot.condition(node) == node_condition::gone)
      continue;
    const auto& hardware = snapshot.class_of(node);
    base_tasks_[n] = hardware.max_tasks == 0
                         ? nowhere
                         : hardware.max_tasks - snapshot.task_count(node);
    std::int64_t device_capacity = 0;
    std::int64_t device_free = 0;
    for (const auto& device : hardware.devices) {
      device_capacity_[n].push_back(device.capacity_milli);
      device_capacity += device.capacity_milli;
    }
    for (const auto& device : snapshot.devices(node))
      device_free += device.free_milli;
    double has = 0;
    for (std::size_t kind = 0; kind < kinds_; ++kind) {
      const auto capacity
          = kind == devices ? device_capacity : hardware.capacity[kind];
      base_free_[n * kinds_ + kind]
          = kind == devices
                ? device_free
                : snapshot.free(node, static_cast<resource_kind>(kind));
      if (capacity == 0)
        continue;
      inverse_[n * kinds_ + kind] = 1 / static_cast<double>(capacity);
      ++has;
    }
    per_kind_[n] = has > 0 ? 1 / has : 0;
  }
}

std::uint32_t plan_model::compile_shape(const cluster& snapshot,
                                        const compiled_shape& shape) {
  const auto number = static_cast<std::uint32_t>(shapes_.size());
  shapes_.push_back(shape);
  for (std::size_t kind = 0; kind < kinds_; ++kind)
    demands_.push_back(kind + 1 < kinds_ ? shape.demand[kind] : 0);
  auto& targets = targets_.emplace_back();
  for (std::size_t n = 0; n < nodes(); ++n) {
    const auto allowed = may_run(snapshot, shape, static_cast<node_index>(n));
    allowed_.push_back(allowed ? 1 : 0);
    if (allowed)
      targets.push_back(static_cast<std::uint32_t>(n));
  }
  return number;
}

std::int64_t plan_model::device_milli_of(std::uint32_t node,
                                         device_mask devices,
                                         const compiled_shape& shape) const {
  const auto share
      = shape.requests.empty() ? 0 : shape.requests.front().share_milli;
  std::int64_t sum = 0;
  for (auto rest = devices; rest != 0; rest &= rest - 1)
    sum += share > 0 ? share
                     : device_capacity_[node][static_cast<std::size_t>(
                         std::countr_zero(rest))];
  return sum;
}

/// Of the node, were `taken` taken from it (sign 1) or given back (-1).
inline double plan_model::node_cost(std::size_t node, const std::int64_t* free,
                                    const std::int64_t* taken,
                                    std::int64_t sign) const {
  const auto* inverse = inverse_.data() + node * kinds_;
  double sum = 0;
  double most = 0;
  double least = 1;
  for (std::size_t kind = 0; kind < kinds_; ++kind) {
    if (inverse[kind] == 0)
      continue;
    const auto left = static_cast<double>(free[kind] - sign * taken[kind]);
    const auto used = 1 - left * inverse[kind];
    sum += used;
    most = std::max(most, used);
    least = std::min(least, used);
  }
  constexpr double rounding = 1e-12;
  if (most < rounding)
    return 0;
  const auto fill = sum * per_kind_[node];
  return 1 - fill * fill + stranding_ * (most - least);
}

// -- plan_state ---------------------------------------------------------------

plan_state::plan_state(const plan_model& of)
    : of_{&of}, free_{of.base_free_},
      node_costs_(of.nodes()), room_{of.base_tasks_},
      where_(of.tasks(), nowhere), devices_(of.tasks()) {
  for (std::size_t n = 0; n < of.nodes(); ++n)
    node_costs_[n]
        = of.node_cost(n, &free_[n * of.kinds_], of.nothing_.data(), 1);
  cost_ = sum_up();
}

double plan_state::sum_up() const {
  double sum = 0;
  for (const auto cost : node_costs_)
    sum += cost;
  for (std::size_t task = 0; task < where_.size(); ++task) {
    const auto& known = of_->tasks_[task];
    if (where_[task] == nowhere)
      sum += known.delay;
    if (known.home != nowhere && where_[task] != known.home)
      sum += known.churn;
  }
  return sum;
}

/// Takes what a task needs from a node (sign 1), or gives it back (-1).
void plan_state::put(std::uint32_t task, std::uint32_t node,
                     std::int64_t sign) {
  const auto kinds = of_->kinds_;
  const auto shape = of_->tasks_[task].shape;
  const auto* demand = &of_->demands_[shape * kinds];
  auto* free = &free_[node * kinds];
  for (std::size_t kind = 0; kind + 1 < kinds; ++kind)
    free[kind] -= sign * demand[kind];
  if (devices_[task] != 0)
    free[kinds - 1]
        -= sign
           * of_->device_milli_of(node, devices_[task], of_->shapes_[shape]);
  if (room_[node] != nowhere)
    room_[node] = sign > 0 ? room_[node] - 1 : room_[node] + 1;
}

void plan_state::load(const placement_plan& plan) {
  SKERRY_ASSERT(plan.size() == where_.size());
  *this = plan_state{*of_};
  for (std::uint32_t task = 0; task < plan.size(); ++task) {
    if (plan[task].node == no_node)
      continue;
    where_[task] = static_cast<std::uint32_t>(plan[task].node);
    devices_[task] = plan[task].devices;
    put(task, where_[task], 1);
  }
  for (std::size_t n = 0; n < node_costs_.size(); ++n)
    node_costs_[n]
        = of_->node_cost(n, &free_[n * of_->kinds_], of_->nothing_.data(), 1);
  cost_ = sum_up();
}

inline bool plan_state::fits(const plan_model::compiled_task& task,
                             std::uint32_t node) const {
  const auto kinds = of_->kinds_;
  if (of_->allowed_[task.shape * of_->nodes() + node] == 0 || room_[node] == 0)
    return false;
  const auto* free = &free_[node * kinds];
  const auto* demand = &of_->demands_[task.shape * kinds];
  for (std::size_t kind = 0; kind < kinds; ++kind)
    if (free[kind] < demand[kind])
      return false;
  return true;
}

double plan_state::change(std::uint32_t task, std::uint32_t to) const {
  const auto& known = of_->tasks_[task];
  const auto from = where_[task];
  if (to >= of_->nodes())
    to = nowhere;
  if (to == from)
    return 0;
  const auto kinds = of_->kinds_;
  const auto* demand = &of_->demands_[known.shape * kinds];
  double sum = 0;
  if (to == nowhere)
    sum += known.delay;
  else if (!fits(known, to))
    return std::numeric_limits<double>::infinity();
  else
    sum += of_->node_cost(to, &free_[to * kinds], demand, 1) - node_costs_[to];
  if (from == nowhere)
    sum -= known.delay;
  else
    sum += of_->node_cost(from, &free_[from * kinds], demand, -1)
           - node_costs_[from];
  if (known.home != nowhere)
    sum += (to != known.home ? known.churn : 0)
           - (from != known.home ? known.churn : 0);
  return sum;
}

void plan_state::move(std::uint32_t task, std::uint32_t to, double change) {
  if (to >= of_->nodes())
    to = nowhere;
  const auto from = where_[task];
  if (to == from)
    return;
  const auto kinds = of_->kinds_;
  const auto* demand = &of_->demands_[of_->tasks_[task].shape * kinds];
  if (from != nowhere) {
    node_costs_[from] = of_->node_cost(from, &free_[from * kinds], demand, -1);
    put(task, from, -1);
  }
  if (to != nowhere) {
    node_costs_[to] = of_->node_cost(to, &free_[to * kinds], demand, 1);
    put(task, to, 1);
  }
  where_[task] = to;
  cost_ += change;
}

double plan_state::assign(std::span<const std::uint32_t> nodes) {
  SKERRY_ASSERT(nodes.size() == where_.size());
  const auto before = where_;
  for (const auto task : of_->movable_)
    if (before[task] != nowhere)
      put(task, before[task], -1);
  for (const auto task : of_->movable_) {
    const auto to = nodes[task];
    const auto placed = to < of_->nodes() && fits(of_->tasks_[task], to);
    where_[task] = placed ? to : nowhere;
    if (placed)
      put(task, to, 1);
  }
  for (const auto task : of_->movable_)
    for (const auto node : {before[task], where_[task]})
      if (node != nowhere)
        node_costs_[node] = of_->node_cost(node, &free_[node * of_->kinds_],
                                           of_->nothing_.data(), 1);
  settle();
  return cost_;
}

placement_plan plan_state::plan() const {
  placement_plan out(where_.size());
  for (std::size_t task = 0; task < out.size(); ++task)
    if (where_[task] != nowhere)
      out[task] = {static_cast<node_index>(where_[task]), devices_[task]};
  return out;
}

} // namespace skerry
