// A machine of two GPUs, as NVML would tell it: loaded by discovery_test.

#include <cstdint>
#include <cstdio>

namespace {

unsigned index_of(void* device) {
  return static_cast<unsigned>(reinterpret_cast<std::uintptr_t>(device) - 1);
}

int print(void* device, const char* form, char* into, unsigned size) {
  (void)std::snprintf(into, size, form, index_of(device)); // It fits.
  return 0;
}

} // namespace

extern "C" {
int nvmlInit_v2() {
  return 0;
}
int nvmlShutdown() {
  return 0;
}
int nvmlDeviceGetCount_v2(unsigned* count) {
  *count = 2;
  return 0;
}
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void** device) {
  *device = reinterpret_cast<void*>(std::uintptr_t{index} + 1);
  return 0;
}
int nvmlDeviceGetName(void* device, char* into, unsigned size) {
  return print(device, "NVIDIA Fake %u", into, size);
}
int nvmlDeviceGetUUID(void* device, char* into, unsigned size) {
  return print(device, "GPU-fake-%u", into, size);
}
int nvmlDeviceGetMemoryInfo(void* device, unsigned long long* memory) {
  memory[0] = (index_of(device) + 1ULL) << 30;
  return 0;
}
}
