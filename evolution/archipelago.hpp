#pragma once

#include "evolution/island.hpp"
#include "evolution/topology.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

namespace skerry {

/// 1000 servers of a few islands; the exchange is simulated in one loop.
inline constexpr std::size_t max_islands = 4096;

struct archipelago_options {
  std::vector<island_options> islands; ///< May differ in every way.
  topology exchange = {};
  std::uint64_t seed = 1; ///< Those of the islands follow from it.
};

/// @returns `invalid_argument` naming island and field.
result<> validate(const archipelago_options& options);

/// The islands and the migrants between them, as plain data.
struct archipelago_state {
  std::vector<island_state> islands;
  std::vector<std::vector<migrant>> arriving; ///< By receiving island.
  std::uint64_t epoch = 0;

  friend bool operator==(const archipelago_state&, const archipelago_state&)
      = default;
};

/// The best of an archipelago, by a judge of its own.
struct archipelago_champion {
  candidate best;
  std::size_t island = 0;        ///< Where it was found.
  std::uint64_t evaluations = 0; ///< What finding out has cost.
};

/// Islands in step.
///
///     epoch:  migrants sent in the last epoch arrive
///             every island runs one generation, all evaluations side by side
///             islands whose turn it is send migrants along the topology
///
/// So what happens depends on options, problems and seed, and not on which
/// thread is faster: as good as the same islands apart from each other for a
/// study, and for a search on one machine that can be run again.
class archipelago {
public:
  /// @param problems One for each island, or one for all; all of one dimension.
  ///                 They outlive the archipelago.
  /// @pre `options` and the problems' spaces are valid.
  archipelago(const archipelago_options& options,
              std::span<const problem* const> problems);

  /// Goes on where `state` was taken.
  /// @returns `malformed` when it is damaged or of other options.
  static result<archipelago> restore(const archipelago_options& options,
                                     std::span<const problem* const> problems,
                                     const archipelago_state& state);

  void step(const executor& run = run_serially);

  /// Epochs until the evaluations of all islands together reach the budget, or
  /// `go_on` says no after an epoch.
  void run(
      std::uint64_t evaluations, const executor& run = run_serially,
      const std::function<bool(const archipelago&)>& go_on
      = [](const archipelago&) { return true; });

  /// Compares the contenders of all islands in the same fresh scenarios: all of
  /// them in an eighth, the better half in a quarter, and so on.
  /// @param judge     What counts in the end; an island may have had another
  ///                  problem on its way.
  /// @param scenarios For the last few; one if the judge is deterministic.
  /// @source Successive halving: Karnin, Koren, Somekh, "Almost Optimal
  ///         Exploration in Multi-Armed Bandits", ICML 2013.
  /// @pre At least one epoch has passed.
  archipelago_champion champion(const problem& judge, std::size_t scenarios,
                                const executor& run = run_serially) const;

  std::span<const std::unique_ptr<island>> islands() const { return islands_; }
  std::uint64_t epoch() const { return epoch_; }
  std::uint64_t evaluations() const; ///< Of all islands.
  archipelago_state state() const;

private:
  archipelago(const archipelago_options& options) : options_{options} {}

  void exchange();

  archipelago_options options_;
  std::vector<std::unique_ptr<island>> islands_;
  std::vector<std::vector<migrant>> arriving_;
  std::uint64_t epoch_ = 0;
};

} // namespace skerry
