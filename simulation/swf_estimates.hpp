#pragma once

#include "simulation/swf_reader.hpp"

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace skerry {

/// What requested times have to do with run times.
///
/// exact      As the log has them (Lublin-1 knows run times alone, so there
///            they are exact).
/// users      run * U(1, 5), rounded up to a value that people type: 1, 2, 5,
///            10, 15, 30 minutes, 1, 2, 4, 8, 12, 18, 24, 36 or 48 hours, or
///            whole days. Never too short.
///            @source Mu'alem and Feitelson, "Utilization, predictability,
///            workloads, and user runtime estimates in scheduling the IBM SP2
///            with backfilling", TPDS 2001, for the factor; Tsafrir, Etsion and
///            Feitelson, "Modeling user runtime estimates", JSSPP 2005, for
///            the round values.
/// lognormal  run * exp(0.8 N(0, 1)), at least 1 s: half of them too short. A
///            job that outruns its request is not killed.
enum class swf_estimates : std::uint8_t { exact, users, lognormal };

inline constexpr std::string_view swf_estimate_names[]{"exact", "users",
                                                       "lognormal"};

/// The log with other requested times, job by job from `seed` and position, so
/// that overlapping windows agree.
std::vector<swf_job> with_estimates(std::span<const swf_job> log,
                                    swf_estimates estimates,
                                    std::uint64_t seed);

} // namespace skerry
