#pragma once

#include <cstdint>
#include <string_view>

namespace skerry {

/// Why a filter turned a node down. Numbered for wire and disk: only append.
enum class refusal_reason : std::uint8_t {
  none = 0,
  not_ready = 1,         ///< Cordoned, draining or gone.
  label = 2,             ///< A label constraint does not hold.
  device_kind = 3,       ///< No device of that kind.
  device_model = 4,      ///< Devices of that kind, but of other models.
  device_size = 5,       ///< Right models, but too small or too few.
  resource = 6,          ///< Not enough of a divisible resource.
  task_limit = 7,        ///< The node runs as many tasks as it may.
  device_share = 8,      ///< No single device has that share left.
  device_count = 9,      ///< Not that many idle devices.
  affinity = 10,         ///< A group it wants beside it does not run there.
  anti_affinity = 11,    ///< A group it must not meet runs there.
  spread = 12,           ///< Its group would be spread too unevenly.
  resource_unknown = 13, ///< No node has a resource of that name.
};

inline constexpr std::size_t refusal_reasons = 14;

/// A reason and what it is about: the index of the resource kind, of the device
/// request, or of the constraint; 0 where the reason says it all.
struct refusal {
  refusal_reason reason = refusal_reason::none;
  std::uint8_t about = 0;

  constexpr explicit operator bool() const {
    return reason != refusal_reason::none;
  }
  friend constexpr bool operator==(const refusal&, const refusal&) = default;
};

/// The reason in a few words, for example "no such device model".
std::string_view to_string(refusal_reason reason);

} // namespace skerry
