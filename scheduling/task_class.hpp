#pragma once

#include "scheduling/cluster.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace skerry {

/// Tasks by what they ask of GPUs, which is what most decides where they go.
enum class task_class : std::uint8_t {
  cpu_only = 0,
  sharing = 1, ///< Of one GPU.
  one_gpu = 2,
  several_gpus = 3,
};

inline constexpr std::size_t task_classes = 4;
inline constexpr std::array<std::string_view, task_classes> task_class_names{
    "cpu-only", "sharing", "one-gpu", "several-gpus"};

constexpr std::size_t index_of(task_class which) {
  return static_cast<std::size_t>(which);
}

inline task_class class_of(const compiled_shape& shape) {
  if (!shape.gpu_request)
    return task_class::cpu_only;
  const auto& request = shape.requests[*shape.gpu_request];
  if (request.share_milli > 0)
    return task_class::sharing;
  return request.count == 1 ? task_class::one_gpu : task_class::several_gpus;
}

} // namespace skerry
