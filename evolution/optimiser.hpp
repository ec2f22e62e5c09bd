#pragma once

#include "evolution/migration.hpp"
#include "evolution/problem.hpp"
#include "scheduling/result.hpp"
#include "scheduling/rng.hpp"

#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

namespace skerry {

struct optimiser_state;

/// Of a generation, at most half of whose places migrants can take.
inline constexpr std::size_t max_population = 65'536;

/// What every optimiser remembers from one generation to the next. There is no
/// state of a random generator: the draws of a generation follow from the seed
/// and its number alone.
struct search_state {
  std::uint64_t seed = 0;
  std::uint64_t generation = 0; ///< Completed ones.
  std::uint64_t restarts = 0;
  /// The lowest cost ever told. Where costs differ by scenario it is the
  /// luckiest, not the best: see `island` for that.
  candidate best = {{}, std::numeric_limits<double>::infinity()};
  std::vector<candidate> members = {}; ///< Of the last generation, best first.
  std::vector<genome> migrants = {};   ///< Wait for the next generation.
  migrant_replacement replacement = migrant_replacement::if_better;

  friend bool operator==(const search_state&, const search_state&) = default;
};

/// A population search that never evaluates: the caller does, on whatever
/// threads it has, and all genomes of a generation in the same scenarios.
///
///     repeat:
///       genomes <- ask()                draws of (seed, generation)
///       tell(cost of each)
///         migrants among them take the places of own genomes, by replacement
///         sort by cost; update what the next generation is drawn from
///
/// Everything follows from options, space, seed and the costs told: the same
/// ones give the same genomes on every machine.
class optimiser {
public:
  /// @pre `space` is valid, always the same, and outlives the optimiser.
  explicit optimiser(const search_space& space, search_state state)
      : space_{&space}, search_{std::move(state)} {}
  virtual ~optimiser() = default;
  optimiser(const optimiser&) = delete;
  optimiser& operator=(const optimiser&) = delete;

  virtual std::string_view name() const = 0;

  /// The genomes of the next generation, migrants last; the same ones until
  /// `tell`. Valid until then.
  /// @cost O(population x dimension).
  std::span<const genome> ask();

  /// @param costs Of what `ask` returned, in its order. What is no number
  ///              counts as infinite.
  /// @pre `ask` was called since the last `tell`.
  /// @cost O(population x dimension).
  void tell(std::span<const double> costs);

  /// Lets genomes from elsewhere take part in the next generation.
  /// @pre Each has passed `check_genome`; `ask` was not called since the last
  ///      `tell`; with those already waiting they are at most half of
  ///      `population()`.
  void inject(std::span<const genome> migrants, migrant_replacement how);

  /// Own genomes in a generation. May change with a restart.
  virtual std::size_t population() const = 0;

  /// Of the last generation, best first; empty before the first.
  std::span<const candidate> members() const { return search_.members; }
  const candidate& best() const { return search_.best; }
  std::uint64_t generation() const { return search_.generation; }
  std::uint64_t restarts() const { return search_.restarts; }
  std::size_t waiting_migrants() const { return search_.migrants.size(); }

  /// What is worth a longer validation after this generation, the most
  /// promising first; at most 3, and empty before the first generation.
  virtual std::vector<genome> proposals() const = 0;

  /// Mean over the genes of the population's standard deviation, as a share of
  /// the width of the bounds.
  virtual double diversity() const = 0;

  /// Restored from it, a search goes on bit by bit the same.
  /// @pre `ask` was not called since the last `tell`.
  virtual optimiser_state state() const = 0;

protected:
  struct told {
    candidate of;
    std::size_t slot = 0; ///< In the drawn generation; beyond it: a migrant.
  };

  /// Draws the next generation. Must not change what `state` gives.
  virtual std::vector<genome> draw(rng& random) = 0;
  /// Learns from a generation.
  /// @param generation `[population()]`, best first; ties in drawn order.
  virtual void update(std::span<const told> generation, rng& random) = 0;

  const search_space& space() const { return *space_; }
  search_state& search() { return search_; }
  /// @pre As for `state`.
  const search_state& search() const;
  std::size_t drawn() const { return drawn_; }

private:
  const search_space* space_;
  search_state search_;
  std::vector<genome> asked_;
  std::size_t drawn_ = 0; ///< Of `asked_`; the others are migrants.
};

/// Mean over the genes of the standard deviation among `members`, as a share of
/// the width of the bounds; 0 for fewer than two.
double spread(const search_space& space, std::span<const candidate> members);

/// Checks what every optimiser keeps against the space.
/// @returns `malformed`.
result<> check_search_state(const search_space& space,
                            const search_state& state);

} // namespace skerry
