#include "learning/state_encoder.hpp"

#include "scheduling/task_class.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <concepts>

namespace skerry {
namespace {

using enum state_feature;

constexpr double millicores_of_a_core = 1000;
constexpr double many_cores = 32;
constexpr double much_memory = 128.0 * (1ULL << 30);
constexpr double many_gpus = 8;
constexpr double largest = 4;
constexpr double share_one = 65'536; ///< Of `cpu_left`.

float ratio(double part, double whole) {
  return whole > 0 ? static_cast<float>(std::min(part / whole, largest)) : 0;
}

double number(std::integral auto amount) {
  return static_cast<double>(amount);
}

float flag(bool holds) {
  return holds ? 1 : 0;
}

/// log2(1 + amount), of `largest_exponent`.
float magnitude(double amount, double largest_exponent) {
  return ratio(std::log2(1 + std::max(amount, 0.0)), largest_exponent);
}

double gpu_milli_of(const compiled_shape& shape) {
  if (!shape.gpu_request)
    return 0;
  const auto& request = shape.requests[*shape.gpu_request];
  return request.share_milli > 0 ? request.share_milli : request.count * 1000.0;
}

} // namespace

void state_encoder::contribution::add(const contribution& other,
                                      std::int64_t sign) {
  nodes += sign * other.nodes;
  free_cpu += sign * other.free_cpu;
  free_memory += sign * other.free_memory;
  gpus += sign * other.gpus;
  gpu_milli += sign * other.gpu_milli;
  free_gpu_milli += sign * other.free_gpu_milli;
  idle_gpus += sign * other.idle_gpus;
  shared_gpus += sign * other.shared_gpus;
  shared_milli += sign * other.shared_milli;
  empty += sign * other.empty;
  with_one_idle += sign * other.with_one_idle;
  with_two_idle += sign * other.with_two_idle;
  with_four_idle += sign * other.with_four_idle;
  with_eight_idle += sign * other.with_eight_idle;
  stranded_cpu += sign * other.stranded_cpu;
  stranded_gpus += sign * other.stranded_gpus;
  cpu_left += sign * other.cpu_left;
  cpu_left_square += sign * other.cpu_left_square;
}

state_encoder::contribution state_encoder::of(node_index node) const {
  contribution out;
  if (on_->condition(node) == node_condition::gone)
    return out;
  const auto& hardware = on_->class_of(node);
  out.nodes = 1;
  out.free_cpu = on_->free(node, resource_kind::cpu);
  out.free_memory = on_->free(node, resource_kind::memory);
  out.empty = on_->task_count(node) == 0 ? 1 : 0;
  const auto idle = on_->idle_devices(node) & hardware.gpus;
  out.gpus = std::popcount(hardware.gpus);
  out.idle_gpus = std::popcount(idle);
  const auto devices = on_->devices(node);
  for (auto left = hardware.gpus; left != 0; left &= left - 1) {
    const auto d = static_cast<std::size_t>(std::countr_zero(left));
    const auto milli = devices[d].free_milli;
    out.gpu_milli += hardware.devices[d].capacity_milli;
    out.free_gpu_milli += milli;
    if (milli > 0 && (idle >> d & 1) == 0) {
      ++out.shared_gpus;
      out.shared_milli += milli;
    }
  }
  out.with_one_idle = out.idle_gpus >= 1 ? 1 : 0;
  out.with_two_idle = out.idle_gpus >= 2 ? 1 : 0;
  out.with_four_idle = out.idle_gpus >= 4 ? 1 : 0;
  out.with_eight_idle = out.idle_gpus >= 8 ? 1 : 0;
  if (out.gpus > 0 && out.idle_gpus == 0)
    out.stranded_cpu = out.free_cpu;
  const auto cores
      = out.free_cpu / static_cast<std::int64_t>(millicores_of_a_core);
  out.stranded_gpus = std::max<std::int64_t>(out.idle_gpus - cores, 0);
  const auto cpu = hardware.capacity[resource_kind::cpu];
  if (cpu > 0) {
    out.cpu_left = static_cast<std::int64_t>(share_one
                                             * static_cast<double>(out.free_cpu)
                                             / static_cast<double>(cpu));
    out.cpu_left_square = out.cpu_left * out.cpu_left;
  }
  return out;
}

void state_encoder::scan() {
  nodes_.assign(on_->size(), {});
  all_ = {};
  for (std::size_t node = 0; node < nodes_.size(); ++node) {
    nodes_[node] = of(static_cast<node_index>(node));
    all_.add(nodes_[node], 1);
  }
}

void state_encoder::follow() {
  const auto now = on_->version();
  // What is longer than the nodes are many is quicker read from them.
  if (layout_ != on_->layout_version() || seen_ < on_->log_begin()
      || now - seen_ > on_->size())
    scan();
  else
    for (auto version = seen_ + 1; version <= now; ++version) {
      const auto node = on_->changed_at(version);
      if (on_->version(node) != version)
        continue; // It changed again, later.
      auto& mine = nodes_[index_of(node)];
      all_.add(mine, -1);
      mine = of(node);
      all_.add(mine, 1);
    }
  seen_ = now;
  layout_ = on_->layout_version();
}

state_values state_encoder::encode(const compiled_shape& shape,
                                   const task_facts& task) const {
  state_values out{};
  describe_cluster(out);
  describe_task(shape, task, out);
  return out;
}

void state_encoder::describe_cluster(state_values& out) const {
  const auto set = [&out](state_feature feature, float value) {
    out[static_cast<std::size_t>(feature)] = value;
  };
  const auto nodes_all = number(all_.nodes);
  const auto gpus_all = number(all_.gpus);
  const auto cpu_all = number(on_->capacity()[resource_kind::cpu]);
  const auto memory_all = number(on_->capacity()[resource_kind::memory]);
  const auto milli_all = number(all_.gpu_milli);
  set(cpu_allocated, ratio(cpu_all - number(all_.free_cpu), cpu_all));
  set(memory_allocated,
      ratio(memory_all - number(all_.free_memory), memory_all));
  set(gpu_allocated, ratio(milli_all - number(all_.free_gpu_milli), milli_all));
  set(gpus_idle, ratio(number(all_.idle_gpus), gpus_all));
  set(gpus_shared, ratio(number(all_.shared_gpus), gpus_all));
  set(shared_gpus_left, ratio(number(all_.shared_milli), milli_all));
  set(nodes_empty, ratio(number(all_.empty), nodes_all));
  set(nodes_one_idle_gpu, ratio(number(all_.with_one_idle), nodes_all));
  set(nodes_two_idle_gpus, ratio(number(all_.with_two_idle), nodes_all));
  set(nodes_four_idle_gpus, ratio(number(all_.with_four_idle), nodes_all));
  set(nodes_eight_idle_gpus, ratio(number(all_.with_eight_idle), nodes_all));
  set(stranded_cpu, ratio(number(all_.stranded_cpu), cpu_all));
  set(stranded_gpus, ratio(number(all_.stranded_gpus), gpus_all));
  if (all_.nodes > 0) {
    const auto mean = number(all_.cpu_left) / nodes_all / share_one;
    const auto square
        = number(all_.cpu_left_square) / nodes_all / share_one / share_one;
    set(cpu_spread,
        static_cast<float>(std::sqrt(std::max(square - mean * mean, 0.0))));
  }
  set(nodes, magnitude(nodes_all, 16));
  set(gpus, magnitude(gpus_all, 16));
  set(cores_per_gpu,
      ratio(cpu_all / millicores_of_a_core, gpus_all * many_cores));
}

void state_encoder::describe_task(const compiled_shape& shape,
                                  const task_facts& task, state_values& out) {
  const auto set = [&out](state_feature feature, float value) {
    out[static_cast<std::size_t>(feature)] = value;
  };
  set(tasks_running, magnitude(number(task.tasks_running), 20));
  set(tasks_pending, magnitude(number(task.tasks_pending), 20));
  const auto milli = gpu_milli_of(shape);
  const auto which = skerry::class_of(shape);
  set(task_cpu,
      ratio(number(shape.demand[resource_kind::cpu]) / millicores_of_a_core,
            many_cores));
  set(task_memory,
      ratio(number(shape.demand[resource_kind::memory]), much_memory));
  set(task_gpus, ratio(milli, many_gpus * 1000));
  set(task_gpu_share, which == task_class::sharing ? ratio(milli, 1000) : 0);
  set(task_cpu_only, flag(which == task_class::cpu_only));
  set(task_sharing, flag(which == task_class::sharing));
  set(task_one_gpu, flag(which == task_class::one_gpu));
  set(task_several_gpus, flag(which == task_class::several_gpus));
  set(task_names_models,
      flag(std::ranges::any_of(shape.source.devices, [](const auto& each) {
        return !each.models.empty();
      })));
  set(task_expected_run, magnitude(task.expected_run_seconds, 20));
  set(task_wait, magnitude(task.wait_seconds, 20));
  const auto attempts = std::max<std::uint32_t>(task.attempt, 1);
  set(task_attempts, ratio(attempts - 1, attempts));
  set(task_priority, static_cast<float>(task.priority)
                         / (100 + std::abs(static_cast<float>(task.priority))));
}

double state_encoder::allocated_share(const compiled_shape& more) const {
  if (all_.gpu_milli > 0)
    return (number(all_.gpu_milli - all_.free_gpu_milli) + gpu_milli_of(more))
           / number(all_.gpu_milli);
  const auto cpu = on_->capacity()[resource_kind::cpu];
  return cpu > 0 ? number(cpu - all_.free_cpu + more.demand[resource_kind::cpu])
                       / number(cpu)
                 : 0;
}

} // namespace skerry
