#include "agent/gpu_discovery.hpp"

#include <fmt/core.h>

#include <array>
#include <dlfcn.h>
#include <memory>

namespace skerry {

namespace {

// The few parts of nvml.h that are used; its ABI has been stable for a decade.
using nvml_device = void*;
struct nvml_memory {
  unsigned long long total = 0;
  unsigned long long free = 0;
  unsigned long long used = 0;
};

struct nvml_table {
  int (*init)() = nullptr;
  int (*shutdown)() = nullptr;
  int (*count)(unsigned*) = nullptr;
  int (*by_index)(unsigned, nvml_device*) = nullptr;
  int (*name)(nvml_device, char*, unsigned) = nullptr;
  int (*uuid)(nvml_device, char*, unsigned) = nullptr;
  int (*memory)(nvml_device, nvml_memory*) = nullptr;
};

template <class Function>
bool load(void* library, const char* symbol, Function*& into) {
  into = reinterpret_cast<Function*>(::dlsym(library, symbol));
  return into != nullptr;
}

bool load(void* library, nvml_table& into) {
  return load(library, "nvmlInit_v2", into.init)
         && load(library, "nvmlShutdown", into.shutdown)
         && load(library, "nvmlDeviceGetCount_v2", into.count)
         && load(library, "nvmlDeviceGetHandleByIndex_v2", into.by_index)
         && load(library, "nvmlDeviceGetName", into.name)
         && load(library, "nvmlDeviceGetUUID", into.uuid)
         && load(library, "nvmlDeviceGetMemoryInfo", into.memory);
}

/// A GPU that is there and does not answer is an error: a node must not come
/// up with fewer devices, and other numbers, than it has.
found_gpus ask(const nvml_table& nvml) {
  found_gpus out;
  unsigned count = 0;
  if (const int code = nvml.count(&count); code != 0)
    return {{}, fmt::format("NVML cannot count GPUs (error {})", code)};
  for (unsigned i = 0; i < count; ++i) {
    nvml_device device = nullptr;
    std::array<char, 96> name{};
    std::array<char, 96> uuid{};
    nvml_memory memory;
    int code = nvml.by_index(i, &device);
    if (code == 0)
      code = nvml.name(device, name.data(), name.size());
    if (code == 0)
      code = nvml.uuid(device, uuid.data(), uuid.size());
    if (code == 0)
      code = nvml.memory(device, &memory);
    if (code != 0)
      return {{},
              fmt::format("GPU {} does not answer NVML (error {})", i, code)};
    out.gpus.push_back(
        {.model = name.data(),
         .uuid = uuid.data(),
         .memory_bytes = static_cast<std::int64_t>(memory.total)});
  }
  if (out.gpus.empty())
    out.why = "NVML knows of no GPU";
  return out;
}

} // namespace

found_gpus find_gpus(const std::string& library) {
  const std::unique_ptr<void, int (*)(void*)> handle{
      ::dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL),
      [](void* open) { return open == nullptr ? 0 : ::dlclose(open); }};
  if (handle == nullptr)
    return {{}, fmt::format("there is no {}", library)};
  nvml_table nvml;
  if (!load(handle.get(), nvml))
    return {{}, fmt::format("{} lacks functions", library)};
  if (const int code = nvml.init(); code != 0)
    return {{}, fmt::format("NVML does not start (error {})", code)};
  auto out = ask(nvml);
  (void)nvml.shutdown(); // Nothing more is asked of it.
  return out;
}

} // namespace skerry
