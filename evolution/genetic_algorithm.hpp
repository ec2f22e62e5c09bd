#pragma once

#include "evolution/optimiser.hpp"

#include <cstdint>
#include <vector>

namespace skerry {

/// tournament  Each parent the best of `tournament_size` members.
/// truncation  Each parent any of the best `truncation` share.
enum class parent_selection : std::uint8_t { tournament, truncation };

/// Blends or simulated binary; see genetic_operators.hpp.
enum class crossover_kind : std::uint8_t { blx, sbx };

/// self_adaptive  Each member has its own step, inherited as the geometric mean
///                of the parents' and changed by exp(N(0, 1) / sqrt(n)) before
///                it is used: good steps survive with their children.
///                @source Schwefel, "Numerical optimization of computer
///                models", 1981.
/// decaying       One step for all, falling by `step_decay` a generation.
enum class mutation_step : std::uint8_t { self_adaptive, decaying };

struct genetic_algorithm_options {
  std::uint32_t population = 40; ///< 4 to 65 536.
  /// Members that go on unchanged, evaluated again in the new scenarios; at
  /// most half of the population.
  std::uint32_t elites = 2;
  parent_selection selection = parent_selection::tournament;
  std::uint32_t tournament_size = 3; ///< 1 to 64; larger is greedier.
  double truncation = 0.3;           ///< Above 0, at most 1.
  /// Measured on rastrigin in 10 dimensions: blx takes two to five times as
  /// long, since it blends what sbx exchanges.
  crossover_kind crossover = crossover_kind::sbx;
  double crossover_probability = 0.7; ///< Otherwise a child has one parent.
  double blx_alpha = 0.5;             ///< 0 to 2.
  double sbx_index = 10;              ///< 0 to 100; larger is more local.
  /// Of each gene beside the one that always changes; 0 to 1.
  double mutation_probability = 0;
  mutation_step step = mutation_step::self_adaptive;
  /// As a multiple of the space's scale; above 0, at most 10.
  double initial_step = 1;
  double step_decay = 0.99; ///< Above 0, at most 1; of `decaying`.
  /// All but the best are drawn anew when `diversity` falls below it; 0 to 1.
  double collapse = 1e-9;

  friend bool operator==(const genetic_algorithm_options&,
                         const genetic_algorithm_options&)
      = default;
};

/// @returns `invalid_argument` naming the field.
result<> validate(const genetic_algorithm_options& options);

/// What is needed to go on.
struct genetic_algorithm_state {
  search_state search;
  std::vector<double> steps; ///< `[members]`, in their order.
  std::uint64_t since_restart = 0;

  friend bool operator==(const genetic_algorithm_state&,
                         const genetic_algorithm_state&)
      = default;
};

/// A generational genetic algorithm on real vectors. Slower than CMA-ES down a
/// valley, but it holds several valleys at once: the choice for rugged costs,
/// and beside CMA-ES for the sake of difference.
///
///     first:  the starting points, these with mutations, uniform ones;
///             a third each
///     ask:    the elites of the last generation, then children until full:
///               a, b <- select parents
///               child <- crossover(a, b), or a
///               mutate each gene with its probability
///     tell:   members <- the new generation, best first
///             collapsed? all but the best are drawn anew, uniform
///
/// @source Holland, "Adaptation in natural and artificial systems", 1975;
///         compare pagmo2's `sga`.
class genetic_algorithm final : public optimiser {
public:
  /// @pre `options` and `space` are valid; `space` outlives the search.
  genetic_algorithm(const genetic_algorithm_options& options,
                    const search_space& space, std::uint64_t seed);
  /// Goes on from a checkpoint.
  /// @pre `check_state(options, space, state)` found nothing.
  genetic_algorithm(const genetic_algorithm_options& options,
                    const search_space& space, genetic_algorithm_state state);

  std::string_view name() const override { return "ga"; }
  std::size_t population() const override { return options_.population; }
  /// The three best.
  std::vector<genome> proposals() const override;
  double diversity() const override;
  optimiser_state state() const override;

private:
  std::vector<genome> draw(rng& random) override;
  void update(std::span<const told> generation, rng& random) override;
  std::vector<genome> draw_first(rng& random) const;
  /// Draws anew all but the best.
  std::vector<genome> draw_again(rng& random) const;
  std::size_t draw_parent(rng& random) const;
  genome draw_child(double& step, rng& random) const;
  double step_now() const;

  genetic_algorithm_options options_;
  genetic_algorithm_state state_;   ///< `search` lives in the base.
  std::vector<double> drawn_steps_; ///< Of the generation asked.
};

/// @returns `malformed` when the state is of another space or damaged.
result<> check_state(const genetic_algorithm_options& options,
                     const search_space& space,
                     const genetic_algorithm_state& state);

} // namespace skerry
