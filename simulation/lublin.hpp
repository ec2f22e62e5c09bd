#pragma once

#include "scheduling/result.hpp"
#include "scheduling/rng.hpp"
#include "simulation/swf_reader.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace skerry {

/// The workload model of Lublin and Feitelson, in its form without job types:
/// any amount of batch log of the kind of Lublin-1, which was made with it.
///
///  - Processors: serial with one probability, else 2^x with x from one of two
///    uniform ranges, x rounded (a power of two) with another probability.
///  - Run time: exp of one of two gammas; wide jobs take the longer one more
///    often. At most exp(12) s.
///  - Arrivals: exp of a gamma is a number of points; time passes while points
///    are paid, half-hour by half-hour, at the price of the hour of the day, a
///    third gamma. So nights are quiet.
///
/// @source Lublin and Feitelson, "The workload on parallel supercomputers:
///         modeling the characteristics of rigid jobs", JPDC 63(11), 2003;
///         parameters as in the authors' program of 1999.
struct lublin_options {
  std::size_t jobs = 10'000;
  /// Of the machine, 4 to 65 536.
  std::int64_t processors = 256;
  /// Multiplies every gap between arrivals: below 1 the load is higher.
  double gap_factor = 1;
};

/// @returns `invalid_argument` naming all faults.
result<> validate(const lublin_options& options);

/// Requested times are the run times.
/// @pre  Valid options.
/// @cost About 1 us a job.
std::vector<swf_job> make_lublin_log(const lublin_options& options,
                                     rng& random);

} // namespace skerry
