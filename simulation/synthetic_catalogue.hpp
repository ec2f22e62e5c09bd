#pragma once

#include "simulation/synthetic.hpp"

#include <vector>

namespace skerry {

/// What synthetic clusters and workloads are made of.

/// @param number Within its kind; settles the name and the zone.
node_spec synthetic_node(node_kind kind, std::size_t number);

/// A lognormal that is cut off: no task runs for weeks.
struct run_time {
  double median_seconds = 0;
  double sigma = 0;
  double longest_seconds = 0;

  double mean_seconds() const; ///< Exact.
  double draw_seconds(rng& random) const;
};

run_time run_time_of(workload_class of);
drift_direction drift_of(workload_class of);

struct synthetic_profile {
  queueing_profile entry;
  double share = 0; ///< Of the arrivals of its class.
};

std::vector<synthetic_profile> synthetic_profiles(workload_class of);

/// A task that no synthetic node can run.
queueing_profile impossible_profile();

} // namespace skerry
