#include "scheduling/backfill.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace skerry {

result<std::int64_t> earliest_start(std::int64_t now_seconds,
                                    std::int64_t free_processors,
                                    std::int64_t wanted_processors,
                                    std::vector<processor_claim> running) {
  if (wanted_processors <= free_processors)
    return now_seconds;
  std::ranges::sort(running, {}, &processor_claim::expected_end_seconds);
  auto available = free_processors;
  for (const auto& [end_seconds, processors] : running) {
    available += processors;
    if (wanted_processors <= available)
      return std::max(now_seconds, end_seconds);
  }
  return {error_code::infeasible,
          fmt::format("{} processors are wanted, but there are only {}",
                      wanted_processors, available)};
}

} // namespace skerry
