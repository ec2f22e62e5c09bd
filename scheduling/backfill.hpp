#pragma once

#include "scheduling/result.hpp"

#include <cstdint>
#include <vector>

namespace skerry {

/// EASY backfilling: when the job at the head of the queue does not fit, jobs
/// behind it may start as long as they do not delay it. These are its two pure
/// questions; when to ask them is the queue's business.
/// @source Lifka, "The ANL/IBM SP scheduling system", JSSPP 1995.

/// Whether jobs behind a head that does not fit may start at all.
enum class backfilling : std::uint8_t { none, easy };

/// Processors held by a running job until its requested time has passed.
struct processor_claim {
  std::int64_t expected_end_seconds = 0;
  std::int64_t processors = 0;

  friend bool operator==(const processor_claim&, const processor_claim&)
      = default;
};

/// The shadow time: when `wanted` processors will be free if nothing else
/// starts and every running job ends when its requested time has passed.
/// @param running In any order.
/// @returns Seconds, never before `now_seconds` (a job that overran its
///          request may end at any moment); `infeasible` when free and running
///          together are too few.
/// @cost    O(n log n) for n running jobs.
result<std::int64_t> earliest_start(std::int64_t now_seconds,
                                    std::int64_t free_processors,
                                    std::int64_t wanted_processors,
                                    std::vector<processor_claim> running);

/// Whether a job that fits now ends before the head is to start. Strictly
/// before, as in the published protocol; nor does it have EASY's further case,
/// a long job on processors that the head will not need.
constexpr bool ends_before(std::int64_t now_seconds,
                           std::int64_t requested_seconds,
                           std::int64_t shadow_seconds) {
  return now_seconds + requested_seconds < shadow_seconds;
}

} // namespace skerry
