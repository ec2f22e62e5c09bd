#include "simulation/device_list.hpp"

#include <bit>

namespace skerry {

std::string device_list(device_mask devices) {
  std::string out;
  for (; devices != 0; devices &= devices - 1) {
    if (!out.empty())
      out += '|';
    out += std::to_string(std::countr_zero(devices));
  }
  return out;
}

} // namespace skerry
