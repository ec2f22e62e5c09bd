#include "scheduling/placement_features.hpp"

#include "scheduling/fgd.hpp"
#include "scheduling/fnv.hpp"
#include "scheduling/published_scorers.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace skerry {
namespace {

using enum placement_feature;

constexpr double whole_gpu_milli = 1000;
constexpr double many_gpus = 8;
constexpr double many_cores_millicores = 32'000;
constexpr double largest = 4; ///< Features that have no bound of their own.

constexpr double flag(bool holds) {
  return holds ? 1 : 0;
}

double& at(feature_values& values, placement_feature feature) {
  return values[static_cast<std::size_t>(feature)];
}

double reciprocal(std::int64_t amount) {
  return amount > 0 ? 1 / static_cast<double>(amount) : 0;
}

/// How much is left on a GPU, in buckets: odd remainders are of use to nobody.
placement_feature bucket_of(std::int32_t left_milli) {
  if (left_milli == 0)
    return leaves_none;
  if (left_milli <= 100)
    return leaves_to_100;
  if (left_milli <= 250)
    return leaves_to_250;
  if (left_milli <= 400)
    return leaves_to_400;
  if (left_milli <= 500)
    return leaves_to_500;
  return left_milli <= 700 ? leaves_to_700 : leaves_more;
}

std::int64_t gpu_milli_of(const task_shape& task) {
  const auto request
      = std::ranges::find(task.devices, "gpu", &device_request::kind);
  if (request == task.devices.end())
    return 0;
  return request->share_milli > 0 ? request->share_milli
                                  : std::int64_t{request->count} * 1000;
}

const std::vector<std::string>& models_of(const task_shape& task) {
  static const std::vector<std::string> any;
  const auto request
      = std::ranges::find(task.devices, "gpu", &device_request::kind);
  return request == task.devices.end() ? any : request->models;
}

} // namespace

const std::array<placement_feature_row, placement_features>&
placement_feature_table() {
  static constexpr std::array<placement_feature_row, placement_features> table{{
      {"fgd", "FGD's score: 1 / (1 + exp(-fragmentation)), in hundredths"},
      {"fragmentation", "fall of the expected fragmentation, in GPUs"},
      {"rank", "position of the node among all: below 0 is first-fit"},
      {"no-tasks", "the node is empty"},
      {"gpus-untouched", "all GPUs of the node are idle, and it has some"},
      {"cpu-left", "CPU left, of the node's"},
      {"memory-left", "memory left, of the node's"},
      {"gpu-left", "GPU milli left, of the node's"},
      {"other-left", "mean left of other resources and devices"},
      {"gpus-left", "GPU milli left, of eight GPUs"},
      {"idle-gpus", "idle GPUs left, of eight"},
      {"shared-gpus-left", "milli left on GPUs in use, of eight GPUs"},
      {"cores-per-idle-gpu", "cores left for each idle GPU, of 32"},
      {"no-idle-gpu", "no GPU is left idle"},
      {"idle-gpus-odd", "an odd number of GPUs is left idle"},
      {"stranded-cpu", "CPU left where no GPU is left, of the node's"},
      {"gpu-beyond-cpu", "by how much gpu-left exceeds cpu-left"},
      {"cpu-beyond-gpu", "by how much cpu-left exceeds gpu-left"},
      {"gpus", "GPUs of the node, of eight"},
      {"cores-per-gpu", "cores of the node for each of its GPUs, of 32"},
      {"devices-not-asked", "the node has devices and the task wants none"},
      {"pressure", "demand that names the GPU model / its share of capacity"},
      {"pressure-named", "likewise, where the task names models itself"},
      {"opens-gpu", "the share goes to a GPU that was idle"},
      {"leaves-none", "the share leaves nothing on its GPU"},
      {"leaves-to-100", "it leaves 1 to 100 milli"},
      {"leaves-to-250", "it leaves 101 to 250 milli"},
      {"leaves-to-400", "it leaves 251 to 400 milli"},
      {"leaves-to-500", "it leaves 401 to 500 milli"},
      {"leaves-to-700", "it leaves 501 to 700 milli"},
      {"leaves-more", "it leaves more than 700 milli"},
  }};
  return table;
}

std::uint64_t placement_feature_schema() {
  fnv1a hash;
  for (const auto name : task_class_names)
    hash.text(name);
  for (const auto& [name, meaning] : placement_feature_table())
    hash.text(name).text(meaning);
  return hash.value();
}

feature_extractor::feature_extractor(std::span<const task_shape> workload)
    : table_{typical_classes(workload)} {
  double all = 0;
  for (const auto& task : workload) {
    const auto milli = static_cast<double>(gpu_milli_of(task));
    all += milli;
    const auto& models = models_of(task);
    if (models.empty())
      continue;
    auto known
        = std::ranges::find(named_demand_, models, &model_demand::models);
    if (known == named_demand_.end())
      known = named_demand_.insert(known, {models, 0});
    known->share += milli;
  }
  for (auto& each : named_demand_)
    each.share /= std::max(all, 1.0);
}

std::uint64_t feature_extractor::look_at(const cluster& on) {
  if (layout_seen_ == on.layout_version())
    return layouts_;
  layout_seen_ = on.layout_version();
  ++layouts_;
  per_node_ = 1 / static_cast<double>(std::max<std::size_t>(on.size(), 1));
  const auto pressure_of = pressures(on);
  facts_.assign(on.classes().size(), {});
  for (std::size_t c = 0; c < facts_.size(); ++c) {
    const auto& of = on.classes()[c];
    if (of.nodes == 0)
      continue;
    auto& facts = facts_[c];
    facts.per_cpu = reciprocal(of.capacity[resource_kind::cpu]);
    facts.per_memory = reciprocal(of.capacity[resource_kind::memory]);
    facts.has_other
        = of.capacity.kinds_used() > 2
          || std::popcount(of.gpus) != static_cast<int>(of.devices.size());
    const auto gpus = static_cast<double>(std::popcount(of.gpus));
    if (gpus == 0)
      continue;
    std::int64_t milli = 0;
    for (auto left = of.gpus; left != 0; left &= left - 1) {
      const auto& gpu
          = of.devices[static_cast<std::size_t>(std::countr_zero(left))];
      milli += gpu.capacity_milli;
      if (const auto known = pressure_of.find(gpu.model);
          known != pressure_of.end())
        facts.pressure += known->second / gpus;
    }
    facts.per_gpu_milli = reciprocal(milli);
    facts.gpus = std::min(gpus / many_gpus, largest);
    facts.cores_per_gpu
        = std::min(static_cast<double>(of.capacity[resource_kind::cpu]) / gpus
                       / many_cores_millicores,
                   largest);
  }
  return layouts_;
}

std::unordered_map<std::string, double>
feature_extractor::pressures(const cluster& on) const {
  std::unordered_map<std::string, double> capacity;
  double all = 0;
  for (const auto& of : on.classes())
    for (auto left = of.gpus; left != 0; left &= left - 1) {
      const auto& gpu
          = of.devices[static_cast<std::size_t>(std::countr_zero(left))];
      const auto milli = static_cast<double>(gpu.capacity_milli) * of.nodes;
      capacity[gpu.model] += milli;
      all += milli;
    }
  std::unordered_map<std::string, double> out;
  for (const auto& [models, share] : named_demand_) {
    double able = 0;
    for (const auto& model : models)
      if (const auto known = capacity.find(model); known != capacity.end())
        able += known->second;
    // Each model takes its part by capacity; so share / able for all of them.
    for (const auto& model : models)
      if (capacity.contains(model) && able > 0)
        out[model] += share * all / able;
  }
  for (auto& [model, pressure] : out)
    pressure = std::min(pressure, largest);
  return out;
}

void feature_extractor::begin_cluster() {
  table_.begin_cluster();
  layout_seen_ = ~std::uint64_t{0};
}

feature_extractor::node_before
feature_extractor::describe(const cluster& on, const compiled_shape& shape,
                            node_index node, feature_values& out) {
  const auto& facts = facts_[index_of(on.class_id(node))];
  const auto cpu = on.free(node, resource_kind::cpu);
  const auto memory = on.free(node, resource_kind::memory);
  node_before before{.state = table_.state_of(on, node),
                     .cpu_after = cpu - shape.demand[resource_kind::cpu],
                     .facts = &facts};
  before.fragmentation = table_.value(before.state, cpu);
  const auto gpus = on.class_of(node).gpus;
  const auto devices = on.devices(node);
  for (auto left = gpus; left != 0; left &= left - 1)
    before.gpu_milli
        += devices[static_cast<std::size_t>(std::countr_zero(left))].free_milli;
  const auto idle = on.idle_devices(node) & gpus;
  before.idle_gpus = std::popcount(idle);

  at(out, rank) = static_cast<double>(index_of(node)) * per_node_;
  at(out, no_tasks) = flag(on.task_count(node) == 0);
  at(out, gpus_untouched) = flag(gpus != 0 && idle == gpus);
  at(out, cpu_left) = static_cast<double>(before.cpu_after) * facts.per_cpu;
  at(out, memory_left)
      = static_cast<double>(memory - shape.demand[resource_kind::memory])
        * facts.per_memory;
  if (facts.has_other)
    at(out, other_left) = mean_other_left(on, shape, node);
  at(out, placement_feature::gpus) = facts.gpus;
  at(out, cores_per_gpu) = facts.cores_per_gpu;
  at(out, devices_not_asked) = flag(!devices.empty() && shape.requests.empty());
  const auto names
      = shape.gpu_request
        && !shape.source.devices[*shape.gpu_request].models.empty();
  at(out, names ? pressure_named : pressure) = facts.pressure;
  if (!shape.gpu_request)
    add_gpus_left(before.gpu_milli, before.idle_gpus, before, out);
  return before;
}

void feature_extractor::add_gpus_left(std::int32_t milli, std::int32_t idle,
                                      const node_before& before,
                                      feature_values& out) {
  const auto& facts = *before.facts;
  const auto left = static_cast<double>(milli);
  const auto cpu_share = at(out, cpu_left);
  const auto gpu_share = left * facts.per_gpu_milli;
  at(out, gpu_left) = gpu_share;
  at(out, gpus_left) = std::min(left / (many_gpus * whole_gpu_milli), largest);
  at(out, idle_gpus) = std::min(idle / many_gpus, largest);
  at(out, shared_gpus_left) = std::clamp((left - idle * whole_gpu_milli)
                                             / (many_gpus * whole_gpu_milli),
                                         0.0, largest);
  at(out, no_idle_gpu) = flag(idle == 0);
  at(out, idle_gpus_odd) = flag(idle % 2 != 0);
  if (idle > 0)
    at(out, cores_per_idle_gpu) = std::min(static_cast<double>(before.cpu_after)
                                               / idle / many_cores_millicores,
                                           largest);
  if (milli == 0)
    at(out, stranded_cpu) = cpu_share;
  at(out, gpu_beyond_cpu) = std::max(gpu_share - cpu_share, 0.0);
  at(out, cpu_beyond_gpu) = std::max(cpu_share - gpu_share, 0.0);
}

void feature_extractor::add_fragmentation(const node_before& before,
                                          fragmentation_table::state_id after,
                                          feature_values& out) {
  const auto fall
      = before.fragmentation - table_.value(after, before.cpu_after);
  at(out, fragmentation)
      = std::clamp(fall / whole_gpu_milli, -largest, largest);
  at(out, placement_feature::fgd) = fgd_score(fall) / 100.0;
}

void feature_extractor::add_gpus_after(const compiled_shape& shape,
                                       const node_before& before,
                                       const fragmentation_table::outcome& way,
                                       feature_values& out) {
  add_fragmentation(before, way.state, out);
  const auto& request = shape.requests[*shape.gpu_request];
  const auto taken = static_cast<std::int32_t>(gpu_milli(shape));
  auto idle = before.idle_gpus;
  if (request.share_milli == 0) {
    idle -= request.count;
  } else {
    at(out, bucket_of(way.left_milli)) = 1;
    if (way.was_idle) {
      at(out, opens_gpu) = 1;
      --idle;
    }
  }
  add_gpus_left(before.gpu_milli - taken, idle, before, out);
}

double feature_extractor::mean_other_left(const cluster& on,
                                          const compiled_shape& shape,
                                          node_index node) {
  const auto& of = on.class_of(node);
  double sum = 0;
  int counted = 0;
  for (auto kind = index_of(resource_kind::disk);
       kind < on.resource_names().size(); ++kind)
    if (of.capacity[kind] > 0) {
      sum += static_cast<double>(on.free(node, static_cast<resource_kind>(kind))
                                 - shape.demand[kind])
             / static_cast<double>(of.capacity[kind]);
      ++counted;
    }
  double free_milli = 0;
  double capacity_milli = 0;
  const auto states = on.devices(node);
  for (std::size_t d = 0; d < states.size(); ++d)
    if ((of.gpus >> d & 1) == 0) {
      free_milli += states[d].free_milli;
      capacity_milli += of.devices[d].capacity_milli;
    }
  if (capacity_milli > 0) {
    for (std::size_t r = 0; r < shape.requests.size(); ++r)
      if (r != shape.gpu_request)
        free_milli -= shape.requests[r].share_milli > 0
                          ? shape.requests[r].share_milli
                          : shape.requests[r].count * whole_gpu_milli;
    sum += free_milli / capacity_milli;
    ++counted;
  }
  return counted == 0 ? 0 : sum / counted;
}

} // namespace skerry
