#pragma once

#include "evolution/migration.hpp"
#include "evolution/optimisers.hpp"
#include "evolution/problem.hpp"
#include "scheduling/result.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

namespace skerry {

/// Calls `job` with 0 to count - 1, each once, in any order, perhaps many at
/// once, and returns after the last. The caller owns the threads.
using executor = std::function<void(
    std::size_t count, const std::function<void(std::size_t)>& job)>;

/// One after the other.
void run_serially(std::size_t count,
                  const std::function<void(std::size_t)>& job);

/// Migrants waiting at an island for its next generations; more are refused.
inline constexpr std::size_t max_waiting_migrants = 256;
/// Migrants whose like is remembered, so that it is not let in again.
inline constexpr std::size_t max_remembered_migrants = 256;

struct island_options {
  optimiser_options optimiser = diagonal_cma_es_options{};
  migration_policy migration = {};
  /// In which every genome of a generation is evaluated; 1 to 1000. More of
  /// them cost as much as more generations, and are better only where one
  /// scenario hardly tells good from bad.
  std::uint32_t scenarios = 1;
  /// In which champions are compared, always the same ones; 1 to 1000.
  std::uint32_t validation_scenarios = 8;
  /// Generations between two validations of what the optimiser proposes; 1 to
  /// 1000.
  std::uint32_t validate_every = 5;
  std::uint32_t champions = 4; ///< Kept; 1 to 64.
  /// Islands of the same seed validate in the same scenarios, so that their
  /// costs can be compared.
  std::uint64_t validation_seed = 0;

  friend bool operator==(const island_options&, const island_options&)
      = default;
};

/// @returns `invalid_argument` naming the field.
result<> validate(const island_options& options);

/// A genome on its way to another island, and where it comes from.
struct migrant {
  genome genes;
  double cost = 0; ///< As its island believes; who receives it looks himself.
  std::uint32_t island = 0;
  std::uint64_t generation = 0;

  friend bool operator==(const migrant&, const migrant&) = default;
};

/// Work for the caller: one cost is wanted.
struct evaluation {
  std::span<const double> genes;
  std::uint64_t scenario = 0;
};

struct island_statistics {
  std::uint64_t generation = 0;
  std::uint64_t evaluations = 0; ///< With those for validation.
  std::uint64_t restarts = 0;
  /// Validated; infinite before the first validation.
  double best = 0;
  double mean = 0; ///< Of the finite costs in the last generation.
  double diversity = 0;
  std::uint64_t migrants_sent = 0;
  std::uint64_t migrants_accepted = 0;
  std::uint64_t migrants_refused = 0; ///< Damaged, or one too many.
  std::uint64_t migrants_known = 0;   ///< Refused for having been here before.
};

struct migrants_accepted {
  std::size_t accepted = 0;
  std::vector<error> refusals; ///< Why, one for each that was refused.
};

/// An island between two generations, as plain data.
struct island_state {
  optimiser_state optimiser;
  std::vector<candidate> champions; ///< Validated, best first.
  std::vector<genome> to_validate;
  std::vector<genome> inbox;
  std::vector<std::uint64_t> remembered; ///< Hashes of migrants, oldest first.
  std::uint64_t evaluations = 0;
  double mean = 0;
  std::uint64_t migrants_sent = 0;
  std::uint64_t migrants_accepted = 0;
  std::uint64_t migrants_refused = 0;
  std::uint64_t migrants_known = 0;

  friend bool operator==(const island_state&, const island_state&) = default;
};

/// A population, its champions and its harbour.
///
///     repeat:
///       migrants from the inbox -> optimiser, at most half a population
///       ask:   (generation + migrants) x training scenarios of the generation
///              and (what is to be validated) x validation scenarios
///       tell:  mean cost of each -> optimiser
///              validated ones -> champions, the best few
///              every few generations: what the optimiser proposes is to be
///              validated, as at first all starting points are
///
/// All genomes of a generation meet the same scenarios, and each generation
/// meets others, so no genome lives by its luck. Champions are compared by the
/// longer validation alone: the best starting point is replaced only by what
/// was better there.
///
/// Where costs do not depend on the scenario, each genome is evaluated once and
/// the best are the champions.
///
/// Alone, an island follows from options, space and seed. With neighbours, from
/// these and the migrants accepted before each generation.
class island {
public:
  /// @param of Outlives the island. @pre Its space and `options` are valid.
  island(const island_options& options, const problem& of, std::uint64_t seed,
         std::uint32_t number = 0);

  /// Goes on where `state` was taken.
  /// @returns `malformed` when the state is damaged or of another problem.
  static result<std::unique_ptr<island>> restore(const island_options& options,
                                                 const problem& of,
                                                 const island_state& state,
                                                 std::uint32_t number = 0);

  /// The evaluations of the next generation; the same ones until `tell`, and
  /// valid until then.
  std::span<const evaluation> ask();
  /// @param costs Of what `ask` returned, in its order.
  void tell(std::span<const double> costs);
  /// One generation.
  void step(const executor& run = run_serially);

  /// Whether migrants are due after this generation.
  bool sends_now() const;
  /// Those to send to one neighbour or to all.
  std::vector<migrant> emigrants();
  /// Takes in what others have sent, which is untrusted: refused are those of
  /// wrong length, not finite, or out of bounds (`invalid_argument`), those
  /// that were here before (`already_exists`), and those beyond
  /// `max_waiting_migrants` (`limit_exceeded`). At any time.
  migrants_accepted accept(std::span<const migrant> migrants);

  /// Validated, best first. Empty before the first validation.
  std::span<const candidate> champions() const { return state_.champions; }
  /// The champions, and what the optimiser proposes now.
  std::vector<genome> contenders() const;
  const optimiser& search() const { return *optimiser_; }
  const problem& of() const { return *problem_; }
  const island_options& options() const { return options_; }
  std::uint32_t number() const { return number_; }
  island_statistics statistics() const;

  /// @pre `ask` was not called since the last `tell`.
  island_state state() const;

private:
  island(const island_options& options, const problem& of,
         std::unique_ptr<optimiser> search, island_state state,
         std::uint32_t number);

  std::size_t scenarios() const;
  void take_in_migrants();
  void ask_in(std::span<const genome> genomes, std::size_t count,
              std::uint64_t seed, std::uint64_t stream);
  void crown(const genome& genes, double cost);
  result<> remember(const genome& genes);

  island_options options_;
  const problem* problem_;
  std::uint32_t number_;
  std::uint64_t seed_;
  std::unique_ptr<optimiser> optimiser_;
  island_state state_; ///< But for the optimiser's.
  std::vector<evaluation> asked_;
};

} // namespace skerry
