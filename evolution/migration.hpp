#pragma once

#include "evolution/problem.hpp"
#include "scheduling/result.hpp"
#include "scheduling/rng.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace skerry {

/// Who leaves.
///
/// best        The best by the island's own judgement.
/// random      Any members, each at most once.
/// tournament  The best of three members drawn at random, again and again, each
///             at most once.
enum class migrant_selection : std::uint8_t { best, random, tournament };

/// Whose place a migrant takes, once it was evaluated together with the
/// island's own generation. It competes from then on like one born there.
///
/// worst      Of the worst members, whatever the migrant is worth.
/// random     Of any members, the best one excepted.
/// if_better  Of the worst member, provided that the migrant is better.
enum class migrant_replacement : std::uint8_t { worst, random, if_better };

/// When and whom islands exchange.
///
/// @source Cantu-Paz, "A survey of parallel genetic algorithms", 1998, and
///         Izzo, Rucinski and Biscani, "The generalized island model", 2012, as
///         in pagmo2.
struct migration_policy {
  /// Generations from one sending to the next; 1 to 1 000 000. Rarely is
  /// better: an archipelago that exchanges in every generation is one
  /// population.
  std::uint32_t every = 10;
  std::uint32_t count = 1; ///< Migrants each neighbour gets; 0 to 64.
  migrant_selection selection = migrant_selection::best;
  migrant_replacement replacement = migrant_replacement::if_better;

  friend bool operator==(const migration_policy&, const migration_policy&)
      = default;
};

/// @returns `invalid_argument` naming the field.
result<> validate(const migration_policy& policy);

/// Reads for example "every=10,count=2,select=best,replace=if-better"; what is
/// not given stays as by default, and "none" sends nobody.
/// @returns `invalid_argument` with the part at fault and what is known.
result<migration_policy> parse_migration(std::string_view text);
/// What `parse_migration` reads.
std::string to_string(const migration_policy& policy);
std::string_view to_string(migrant_selection selection);
std::string_view to_string(migrant_replacement replacement);

/// Which of `members` leave.
/// @param members Best first.
/// @returns Distinct positions in `members`: `policy.count` of them, or all
///          members if there are fewer.
std::vector<std::size_t> select_migrants(std::span<const candidate> members,
                                         const migration_policy& policy,
                                         rng& random);

} // namespace skerry
