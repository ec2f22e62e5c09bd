#pragma once

#include "simulation/openb_reader.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <span>

namespace skerry {

/// Loads at which allocation is reported, in % of the GPU capacity.
inline constexpr std::array<int, 7> openb_loads{80, 90, 95, 100, 110, 120, 130};

/// Allocated GPU % by `openb_loads`; empty where the arrivals end before.
using load_figures = std::array<std::optional<double>, openb_loads.size()>;

/// The share of all GPU milli that is allocated when the arrived pods have
/// asked for a given share of it ("at 95 %"): the mean of allocated %, rounded
/// to two decimals, over all arrivals whose arrived % rounds to that.
///
/// @source The analysis scripts of the simulator published with Weng et al.,
///         "Beware of Fragmentation", USENIX ATC 2023, for the rounding.
class load_meter {
public:
  explicit load_meter(std::int64_t capacity_milli)
      : capacity_{static_cast<double>(capacity_milli)} {}

  /// @param gpu_milli That a pod asks for, all its devices together.
  void arrived(std::int64_t gpu_milli, bool placed);

  /// Of the capacity.
  double arrived_percent() const { return percent(arrived_); }

  load_figures allocated_percent() const;

private:
  struct mean {
    double sum = 0;
    std::uint64_t count = 0;
  };

  double percent(std::int64_t milli) const {
    return static_cast<double>(milli) / capacity_ * 100;
  }

  double capacity_;
  std::int64_t arrived_ = 0;
  std::int64_t allocated_ = 0;
  std::array<mean, openb_loads.size()> sums_{};
};

/// All devices together.
std::int64_t gpu_milli_of(const openb_pod& pod);
std::int64_t gpu_capacity_milli(std::span<const openb_node> nodes);

} // namespace skerry
