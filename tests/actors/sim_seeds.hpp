#pragma once

#include <cstdint>
#include <cstdlib>

namespace skerry::testing {

struct seed_range {
  std::uint64_t first = 1;
  std::uint64_t count = 0;
  bool only = false; ///< One, to be looked at.
};

/// What SKERRY_SIM_SEED, or SKERRY_SIM_FIRST and SKERRY_SIM_SEEDS ask for.
inline seed_range seeds_to_play(std::uint64_t usual) {
  const auto number = [](const char* variable, std::uint64_t otherwise) {
    const char* text = std::getenv(variable);
    return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
  };
  if (const auto only = number("SKERRY_SIM_SEED", 0); only != 0)
    return {.first = only, .count = 1, .only = true};
  return {.first = number("SKERRY_SIM_FIRST", 1),
          .count = number("SKERRY_SIM_SEEDS", usual)};
}

} // namespace skerry::testing
