#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace skerry {

struct found_gpu {
  std::string model; ///< As NVML says, for example "NVIDIA A100-SXM4-80GB".
  std::string uuid;  ///< What CUDA_VISIBLE_DEVICES takes.
  std::int64_t memory_bytes = 0;
};

struct found_gpus {
  std::vector<found_gpu> gpus; ///< In the order of their bus addresses.
  std::string why;             ///< When there are none.
};

/// Asks NVML, which comes with the driver: nothing of it is linked.
found_gpus find_gpus(const std::string& library = "libnvidia-ml.so.1");

} // namespace skerry
