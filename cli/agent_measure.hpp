#pragma once

#include "cli/console.hpp"
#include "scheduling/result.hpp"

#include <cstdint>
#include <filesystem>

namespace skerry {

struct agent_measurement {
  std::filesystem::path directory; ///< Fresh; removed afterwards.
  std::filesystem::path supervisor;
  std::int64_t tasks = 1000;
  std::int64_t at_once = 32;
  bool grouped = true; ///< In control groups, where there are any.
};

/// How many processes that do nothing an agent starts and ends in a second,
/// each recorded on disk before its start and at its end, as in earnest.
/// Prints a line in the form of `skerry bench`.
result<> measure_agent(const agent_measurement& how, console& out);

} // namespace skerry
