#include "scheduling/refusal.hpp"

namespace skerry {

std::string_view to_string(refusal_reason reason) {
  switch (reason) {
  case refusal_reason::none:
    return "fits";
  case refusal_reason::not_ready:
    return "node is not ready";
  case refusal_reason::label:
    return "labels do not match";
  case refusal_reason::device_kind:
    return "no such device";
  case refusal_reason::device_model:
    return "no such device model";
  case refusal_reason::device_size:
    return "devices too small or too few";
  case refusal_reason::resource:
    return "not enough left";
  case refusal_reason::task_limit:
    return "task limit reached";
  case refusal_reason::device_share:
    return "no device with that share left";
  case refusal_reason::device_count:
    return "not enough idle devices";
  case refusal_reason::affinity:
    return "affinity not met";
  case refusal_reason::anti_affinity:
    return "anti-affinity violated";
  case refusal_reason::spread:
    return "spread too uneven";
  case refusal_reason::resource_unknown:
    return "no resource of that name";
  }
  return "unknown";
}

} // namespace skerry
