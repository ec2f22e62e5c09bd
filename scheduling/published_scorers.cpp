#include "scheduling/published_scorers.hpp"

#include <algorithm>

namespace skerry {
namespace {

constexpr std::int64_t largest_cpu = 128'000;
constexpr std::int64_t largest_gpu = 8'000;
constexpr std::int64_t whole_gpu = 1'000;

std::int64_t floor_divide(std::int64_t a, std::int64_t b) {
  return a / b - (a % b < 0 ? 1 : 0);
}

const compiled_request* gpu_request(const compiled_shape& shape) {
  return shape.gpu_request ? &shape.requests[*shape.gpu_request] : nullptr;
}

} // namespace

std::int64_t gpu_milli(const compiled_shape& shape) {
  const auto* request = gpu_request(shape);
  if (!request)
    return 0;
  return request->share_milli > 0 ? request->share_milli
                                  : request->count * whole_gpu;
}

score_t best_fit::score_fitting(const cluster& on, const compiled_shape& shape,
                                node_index node) const {
  const auto cpu_left
      = on.free(node, resource_kind::cpu) - shape.demand[resource_kind::cpu];
  const auto gpu_left = on.free_gpu_milli(node) - gpu_milli(shape);
  // Both over the denominator 128000: 8000 x 16 = 128000.
  constexpr auto scale = largest_cpu / largest_gpu;
  return static_cast<score_t>(floor_divide(
      100 * largest_cpu - 50 * cpu_left - 50 * scale * gpu_left, largest_cpu));
}

score_t dot_product::score_fitting(const cluster& on,
                                   const compiled_shape& shape,
                                   node_index node) const {
  const auto cpu
      = on.free(node, resource_kind::cpu) * shape.demand[resource_kind::cpu];
  const auto gpu = on.free_gpu_milli(node) * gpu_milli(shape);
  // Both over the denominator 128000^2.
  constexpr auto square = largest_cpu * largest_cpu;
  constexpr auto scale = square / (largest_gpu * largest_gpu);
  return static_cast<score_t>(
      floor_divide(100 * square - 50 * cpu - 50 * scale * gpu, square));
}

score_t gpu_packing::score_fitting(const cluster& on,
                                   const compiled_shape& shape,
                                   node_index node) const {
  const auto* request = gpu_request(shape);
  if (!request)
    return 0;
  const auto gpus = on.class_of(node).gpus;
  const auto idle = on.idle_devices(node) & gpus;
  const auto count = std::popcount(gpus);
  if (idle == gpus)
    return std::max(33 - count, count);
  // Whole devices are idle ones: all that are taken are opened.
  if (request->share_milli == 0)
    return std::max(50 - request->count, 33);
  const auto device = tightest_devices(on, shape, node) & gpus;
  if ((device & idle) != 0)
    return std::max(50 - 1, 33);
  const auto left
      = on.devices(node)[static_cast<std::size_t>(std::countr_zero(device))]
            .free_milli;
  return std::max(100 - left / 10 / 10, 50);
}

score_t gpu_clustering::score_fitting(const cluster& on,
                                      const compiled_shape& shape,
                                      node_index node) const {
  const auto* request = gpu_request(shape);
  if (!request)
    return 0;
  const auto own_kind = request->share_milli > 0 ? 0 : request->count;
  auto runs_own = false;
  auto runs_other = false;
  std::int64_t free_milli = 0;
  const auto devices = on.devices(node);
  const auto idle = on.idle_devices(node);
  for (auto gpus = on.class_of(node).gpus; gpus != 0; gpus &= gpus - 1) {
    const auto d = static_cast<std::size_t>(std::countr_zero(gpus));
    const auto& gpu = devices[d];
    free_milli += gpu.free_milli;
    if ((idle >> d & 1) != 0)
      continue;
    // A device in use that nobody holds whole is shared: kind 0.
    (gpu.held_by_whole == own_kind ? runs_own : runs_other) = true;
  }
  const auto used
      = static_cast<score_t>(25 * (largest_gpu - free_milli) / largest_gpu);
  if (runs_own)
    return used + (runs_other ? 50 : 75);
  return runs_other ? used : used + 25;
}

} // namespace skerry
