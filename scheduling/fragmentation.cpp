#include "scheduling/fragmentation.hpp"

#include <algorithm>
#include <map>
#include <tuple>

namespace skerry {
namespace {

constexpr std::int32_t whole_gpu_milli = 1000;

/// Covered by typical classes; the rest is too rare to leave room for.
constexpr double covered_share = 0.95;

/// A state costs about 0.5 kB, so that all of them stay under 64 MB. A run over
/// the published cluster sees some 10 000.
constexpr std::size_t max_states = 100'000;

std::string joined(const std::vector<std::string>& models) {
  std::string out;
  for (const auto& model : models)
    out += out.empty() ? model : "|" + model;
  return out;
}

/// Position of a device among the GPUs of its node.
std::size_t gpu_position(const cluster& on, node_index node, device_mask gpu) {
  return static_cast<std::size_t>(
      std::popcount(on.class_of(node).gpus & (gpu - 1)));
}

typical_class class_of(const task_shape& task) {
  typical_class out{.cpu_millicores = task.demand[resource_kind::cpu]};
  const auto request
      = std::ranges::find(task.devices, "gpu", &device_request::kind);
  if (request == task.devices.end())
    return out;
  out.gpus = request->count;
  out.gpu_milli
      = request->share_milli > 0 ? request->share_milli : whole_gpu_milli;
  out.models = request->models;
  return out;
}

} // namespace

std::vector<typical_class> typical_classes(std::span<const task_shape> tasks) {
  using key = std::tuple<std::int64_t, std::int32_t, std::int32_t, std::string>;
  std::map<key, typical_class, std::greater<>> counted;
  for (const auto& task : tasks) {
    auto each = class_of(task);
    const key which{each.cpu_millicores, each.gpu_milli, each.gpus,
                    joined(each.models)};
    ++counted.try_emplace(which, std::move(each)).first->second.count;
  }
  std::vector<typical_class> out;
  for (auto& [which, each] : counted)
    out.push_back(std::move(each));
  // Stable: the map has put the larger tuple first.
  std::ranges::stable_sort(out, std::greater{}, &typical_class::count);
  const auto enough = covered_share * static_cast<double>(tasks.size());
  std::int64_t covered = 0;
  std::size_t kept = 0;
  while (kept < out.size() && static_cast<double>(covered) < enough)
    covered += out[kept++].count;
  out.resize(kept);
  return out;
}

fragmentation_table::fragmentation_table(std::vector<typical_class> classes)
    : classes_{std::move(classes)} {
  std::ranges::stable_sort(classes_, {}, &typical_class::cpu_millicores);
  for (const auto& each : classes_) {
    total_count_ += each.count;
    if (each.gpus > 0
        && (cpu_levels_.empty() || cpu_levels_.back() != each.cpu_millicores))
      cpu_levels_.push_back(each.cpu_millicores);
  }
  levels_ = cpu_levels_.size() + 1;
}

std::size_t fragmentation_table::level_of(std::int64_t free_cpu) const {
  return static_cast<std::size_t>(
      std::ranges::upper_bound(cpu_levels_, free_cpu) - cpu_levels_.begin());
}

fragmentation_table::state_id fragmentation_table::state_of(const cluster& on,
                                                            node_index node) {
  if (index_of(node) >= nodes_.size())
    nodes_.resize(on.size());
  auto& known = nodes_[index_of(node)];
  if (known.version == on.version(node))
    return known.state;
  if (states_.size() >= max_states)
    forget();
  const auto state = intern(models_of(on, node), free_gpus(on, node));
  nodes_[index_of(node)] = {on.version(node), state};
  return state;
}

std::vector<std::int32_t> fragmentation_table::free_gpus(const cluster& on,
                                                         node_index node) {
  const auto devices = on.devices(node);
  std::vector<std::int32_t> out;
  for (auto gpus = on.class_of(node).gpus; gpus != 0; gpus &= gpus - 1)
    out.push_back(
        devices[static_cast<std::size_t>(std::countr_zero(gpus))].free_milli);
  return out;
}

/// Every number that was given out is void: only between two decisions on
/// nodes, which is when `state_of` is asked first.
void fragmentation_table::forget() {
  states_.clear();
  values_.clear();
  ids_.clear();
  nodes_.assign(nodes_.size(), {});
}

std::size_t fragmentation_table::models_of(const cluster& on, node_index node) {
  const auto& of = on.class_of(node);
  const auto id = index_of(on.class_id(node));
  if (id >= sets_of_classes_.size())
    sets_of_classes_.resize(id + 1);
  auto& known = sets_of_classes_[id];
  if (known.serial == of.serial)
    return known.set;
  model_set set;
  for (auto gpus = of.gpus; gpus != 0; gpus &= gpus - 1) {
    const auto& gpu
        = of.devices[static_cast<std::size_t>(std::countr_zero(gpus))];
    set.gpus.emplace_back(gpu.model, gpu.capacity_milli);
  }
  set.alike = std::ranges::adjacent_find(set.gpus, std::not_equal_to{})
              == set.gpus.end();
  const auto found = std::ranges::find(model_sets_, set.gpus, &model_set::gpus);
  known = {of.serial, static_cast<std::size_t>(found - model_sets_.begin())};
  if (found == model_sets_.end()) {
    for (const auto& each : classes_) {
      device_mask allowed = 0;
      for (std::size_t g = 0; g < set.gpus.size(); ++g)
        if (each.models.empty()
            || std::ranges::count(each.models, set.gpus[g].first) > 0)
          allowed |= device_mask{1} << g;
      set.allowed.push_back(allowed);
    }
    model_sets_.push_back(std::move(set));
  }
  return known.set;
}

fragmentation_table::state_id
fragmentation_table::intern(std::size_t models,
                            std::vector<std::int32_t> free_milli) {
  if (model_sets_[models].alike)
    std::ranges::sort(free_milli);
  auto key = free_milli;
  key.push_back(static_cast<std::int32_t>(models));
  const auto next = static_cast<state_id>(states_.size());
  const auto [entry, is_new] = ids_.try_emplace(std::move(key), next);
  if (is_new) {
    states_.push_back({std::move(free_milli), models, {}});
    tabulate(states_.back());
  }
  return entry->second;
}

/// Appends F of a new state for each level of free CPU.
void fragmentation_table::tabulate(const gpu_state& state) {
  const auto& set = model_sets_[state.models];
  std::int64_t all_free = 0;
  for (const auto milli : state.free_milli)
    all_free += milli;
  const auto row = values_.size();
  values_.resize(row + levels_, 0);
  values_[row] = total_count_ * all_free;
  for (std::size_t p = 0; p < classes_.size(); ++p) {
    const auto& wanted = classes_[p];
    if (wanted.gpus == 0)
      continue;
    std::int32_t able = 0;
    std::int64_t of_no_use = 0;
    for (std::size_t g = 0; g < state.free_milli.size(); ++g) {
      if (state.free_milli[g] < wanted.gpu_milli)
        of_no_use += state.free_milli[g];
      else if ((set.allowed[p] >> g & 1) != 0)
        ++able;
    }
    // From its CPU demand upwards the class can run and spoils less.
    if (able >= wanted.gpus)
      values_[row + level_of(wanted.cpu_millicores)]
          += wanted.count * (of_no_use - all_free);
  }
  for (std::size_t level = 1; level < levels_; ++level)
    values_[row + level] += values_[row + level - 1];
}

std::span<const fragmentation_table::state_id>
fragmentation_table::outcomes(const cluster& on, const compiled_shape& shape,
                              node_index node, state_id from) {
  const auto& request
      = shape.requests[static_cast<std::size_t>(shape.gpu_request)];
  // Where GPUs differ or their memory counts, the state alone does not tell
  // which of them a request may use.
  if (!model_sets_[states_[from].models].alike || request.memory_bytes > 0) {
    scratch_ = work_out(on, shape, node, from);
    return scratch_;
  }
  for (const auto& known : states_[from].known)
    if (known.share_milli == request.share_milli
        && known.count == request.count)
      return known.after;
  auto after = work_out(on, shape, node, from);
  auto& known = states_[from].known.emplace_back();
  known = {request.share_milli, request.count, std::move(after)};
  return known.after;
}

std::vector<fragmentation_table::state_id>
fragmentation_table::work_out(const cluster& on, const compiled_shape& shape,
                              node_index node, state_id from) {
  const auto request_index = static_cast<std::size_t>(shape.gpu_request);
  const auto& request = shape.requests[request_index];
  std::vector<state_id> out;
  auto usable = on.available(shape, request_index, node);
  if (request.share_milli == 0) {
    auto free_milli = free_gpus(on, node);
    for (auto taken = 0; taken < request.count; ++taken, usable &= usable - 1)
      free_milli[gpu_position(on, node, usable & -usable)] = 0;
    out.push_back(intern(states_[from].models, std::move(free_milli)));
    return out;
  }
  for (; usable != 0; usable &= usable - 1) {
    const auto next = after_share(on, shape, node, usable & -usable);
    if (std::ranges::count(out, next) == 0)
      out.push_back(next);
  }
  return out;
}

fragmentation_table::state_id
fragmentation_table::after_share(const cluster& on, const compiled_shape& shape,
                                 node_index node, device_mask gpu) {
  const auto& request
      = shape.requests[static_cast<std::size_t>(shape.gpu_request)];
  auto free_milli = free_gpus(on, node);
  free_milli[gpu_position(on, node, gpu)] -= request.share_milli;
  return intern(models_of(on, node), std::move(free_milli));
}

std::size_t fragmentation_table::key_hash::operator()(
    const std::vector<std::int32_t>& key) const {
  std::uint64_t hash = 0;
  for (const auto part : key)
    hash = (hash ^ static_cast<std::uint32_t>(part)) * 0x9e3779b97f4a7c15U
           ^ hash >> 29;
  return hash;
}

} // namespace skerry
