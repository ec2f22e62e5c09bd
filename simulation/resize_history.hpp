#pragma once

#include "simulation/planetlab_reader.hpp"
#include "simulation/resize_track.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace skerry {

/// A file with a day.
struct resize_day {
  std::string path;
  std::vector<vm_day> vms;
};

/// What runs on a host, by the name of a VM: `root`, or the last two parts of
/// it, site and slice. What stands before is the host. Names of three parts
/// leave a part with the host, the same one on every day.
std::string_view slice_of(std::string_view vm_name);
std::string_view host_of(std::string_view vm_name);

/// The cases of some days, each with what the history says of it. A day is
/// never its own history: files of the same path are left out.
struct resize_cases {
  /// [day], VMs in the order of the file.
  std::vector<std::vector<resize_case>> by_day;
  std::vector<std::vector<usage_prior>> priors; ///< Pointed at; likewise.

  std::vector<resize_case> all() const;
};

/// Priors are mixtures: the uses of the same VM, shrunk towards those of its
/// slice and of its host, shrunk towards those of all VMs.
/// @param days    Outlive the result.
/// @param history May be empty: then nothing is known.
resize_cases with_history(std::span<const resize_day> days,
                          std::span<const resize_day> history);

} // namespace skerry
