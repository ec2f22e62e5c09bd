#pragma once

#include "scheduling/result.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace skerry {

/// Who sends to whom.
///
/// isolated  Nobody to anybody.
/// ring      Each to the next: what is found spreads slowest, so that islands
///           stay different longest.
/// torus     Islands in rows, as square as their number allows: each to the
///           next in its row and in its column. A prime number of islands is
///           one row, hence a ring.
/// full      Each to all others.
/// random    Each to `degree` others, drawn from `seed` once.
///
/// @source Alba and Tomassini, "Parallelism and evolutionary algorithms", IEEE
///         Transactions on Evolutionary Computation 6, 2002.
enum class topology_kind : std::uint8_t { isolated, ring, torus, full, random };

struct topology {
  topology_kind kind = topology_kind::ring;
  std::uint32_t degree = 2; ///< Of `random`; 1 to 64.
  std::uint64_t seed = 0;   ///< Of `random`.

  friend bool operator==(const topology&, const topology&) = default;
};

/// The islands that `island` sends to: rising, distinct, without itself.
/// @param islands How many there are; at least 1, and `island` is below it.
/// @cost O(islands) for `full` and `random`, otherwise O(sqrt(islands)).
std::vector<std::size_t> receivers(const topology& of, std::size_t islands,
                                   std::size_t island);

/// Reads "isolated", "ring", "torus", "full", "random" or "random:DEGREE".
/// @returns `invalid_argument` listing the known names.
result<topology> parse_topology(std::string_view text);
/// What `parse_topology` reads.
std::string to_string(const topology& of);

} // namespace skerry
