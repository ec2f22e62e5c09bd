#include "scheduling/fragmentation.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <tuple>

namespace skerry {
namespace {

constexpr std::int32_t whole_gpu_milli = 1000;

/// Covered by typical classes; the rest is too rare to leave room for.
constexpr double covered_share = 0.95;

/// A state costs about 1 kB, so that all of them stay near 100 MB. A run over
/// the published cluster sees some 10 000.
constexpr std::size_t max_states = 100'000;

constexpr auto not_asked = std::numeric_limits<double>::quiet_NaN();

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
  struct counted_class {
    typical_class each;
    double count = 0;
  };
  std::map<key, counted_class, std::greater<>> counted;
  for (const auto& task : tasks) {
    auto each = class_of(task);
    const key which{each.cpu_millicores, each.gpu_milli, each.gpus,
                    joined(each.models)};
    counted.try_emplace(which, counted_class{std::move(each)})
        .first->second.count
        += 1;
  }
  std::vector<counted_class> ranked;
  for (auto& [which, each] : counted)
    ranked.push_back(std::move(each));
  // Stable: the map has put the larger tuple first.
  std::ranges::stable_sort(ranked, std::greater{}, &counted_class::count);
  const auto all = static_cast<double>(tasks.size());
  double covered = 0;
  std::size_t kept = 0;
  while (covered < covered_share * all)
    covered += ranked[kept++].count;
  std::vector<typical_class> out;
  for (std::size_t i = 0; i < kept; ++i) {
    out.push_back(std::move(ranked[i].each));
    // Not count / covered, which can differ in the last digit: see the table.
    out.back().frequency = (ranked[i].count / all) / (covered / all);
  }
  return out;
}

fragmentation_table::fragmentation_table(std::vector<typical_class> classes)
    : classes_{std::move(classes)} {
  for (const auto& each : classes_)
    cpu_levels_.push_back(each.cpu_millicores);
  std::ranges::sort(cpu_levels_);
  cpu_levels_.erase(std::unique(cpu_levels_.begin(), cpu_levels_.end()),
                    cpu_levels_.end());
  levels_ = cpu_levels_.size() + 1;
}

double fragmentation_table::value(state_id state, std::int64_t free_cpu) {
  auto& known = values_[state * levels_ + level_of(free_cpu)];
  if (std::isnan(known))
    known = sum_up(states_[state], free_cpu);
  return known;
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

void fragmentation_table::begin_cluster() {
  nodes_.clear();
  sets_of_classes_.clear();
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
    gpu_state state{.free_milli = std::move(free_milli), .models = models};
    state.uses = uses_of(state);
    states_.push_back(std::move(state));
    values_.resize(values_.size() + levels_, not_asked);
  }
  return entry->second;
}

std::vector<fragmentation_table::class_use>
fragmentation_table::uses_of(const gpu_state& state) const {
  const auto& set = model_sets_[state.models];
  std::vector<class_use> out(classes_.size());
  for (std::size_t p = 0; p < classes_.size(); ++p) {
    std::int32_t enough = 0;
    for (std::size_t g = 0; g < state.free_milli.size(); ++g) {
      if (state.free_milli[g] < classes_[p].gpu_milli)
        out[p].of_no_use_milli += state.free_milli[g];
      else if ((set.allowed[p] >> g & 1) != 0)
        ++enough;
    }
    out[p].able = enough >= classes_[p].gpus;
  }
  return out;
}

double fragmentation_table::sum_up(const gpu_state& state,
                                   std::int64_t free_cpu) const {
  const auto all_free = static_cast<double>(
      std::accumulate(state.free_milli.begin(), state.free_milli.end(), 0));
  const auto& allowed = model_sets_[state.models].allowed;
  double lacks_both = 0;
  double lacks_gpu = 0;
  double lacks_cpu = 0;
  double asks_no_gpu = 0;
  double asks_no_gpu_lacks_cpu = 0;
  double other_models = 0;
  for (std::size_t p = 0; p < classes_.size(); ++p) {
    const auto& each = classes_[p];
    const auto spoilt = each.frequency * all_free;
    const auto has_cpu = free_cpu >= each.cpu_millicores;
    if (!each.models.empty() && allowed[p] == 0)
      other_models += spoilt;
    else if (each.gpus == 0)
      (has_cpu ? asks_no_gpu : asks_no_gpu_lacks_cpu) += spoilt;
    else if (!state.uses[p].able)
      (has_cpu ? lacks_gpu : lacks_both) += spoilt;
    else if (!has_cpu)
      lacks_cpu += spoilt;
    else
      lacks_gpu += each.frequency * state.uses[p].of_no_use_milli;
  }
  return lacks_both + lacks_gpu + lacks_cpu + asks_no_gpu
         + asks_no_gpu_lacks_cpu + other_models;
}

std::span<const fragmentation_table::outcome>
fragmentation_table::outcomes(const cluster& on, const compiled_shape& shape,
                              node_index node, state_id from) {
  const auto& request = shape.requests[*shape.gpu_request];
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

std::vector<fragmentation_table::outcome>
fragmentation_table::work_out(const cluster& on, const compiled_shape& shape,
                              node_index node, state_id from) {
  const auto request_index = *shape.gpu_request;
  const auto& request = shape.requests[request_index];
  std::vector<outcome> out;
  auto usable = on.available(shape, request_index, node);
  if (request.share_milli == 0) {
    auto free_milli = free_gpus(on, node);
    for (auto taken = 0; taken < request.count; ++taken, usable &= usable - 1)
      free_milli[gpu_position(on, node, usable & -usable)] = 0;
    out.push_back({intern(states_[from].models, std::move(free_milli))});
    return out;
  }
  for (; usable != 0; usable &= usable - 1) {
    const auto gpu = usable & -usable;
    const auto next = after_share(on, shape, node, gpu);
    if (std::ranges::count(out, next, &outcome::state) > 0)
      continue;
    const auto& device
        = on.devices(node)[static_cast<std::size_t>(std::countr_zero(gpu))];
    out.push_back({next, device.free_milli - request.share_milli,
                   (on.idle_devices(node) & gpu) != 0});
  }
  return out;
}

fragmentation_table::state_id
fragmentation_table::after_share(const cluster& on, const compiled_shape& shape,
                                 node_index node, device_mask gpu) {
  const auto& request = shape.requests[*shape.gpu_request];
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
