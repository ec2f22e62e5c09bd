#pragma once

#include "evolution/optimiser.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace skerry {

struct diagonal_cma_es_options {
  /// Genomes a generation; 4 to 65 536, or 0 for 4 + floor(3 ln dimension).
  /// Larger ones see more of a rugged landscape and average out more noise, at
  /// the cost of slower steps.
  std::uint32_t population = 0;
  /// Initial step as a multiple of the space's scale; above 0, at most 10.
  double initial_step = 1;
  /// A restart multiplies the population by this; 1 to 10.
  double restart_growth = 2;
  /// The population grows to at most this multiple of the first; 1 to 1000.
  double largest_growth = 16;
  /// Restart when every gene's deviation is below this share of its scale;
  /// 0 never does.
  double tolerance = 1e-11;
  /// Which starting point the search begins at, modulo their number: islands
  /// that begin at different ones see more.
  std::uint32_t first_start = 0;

  friend bool operator==(const diagonal_cma_es_options&,
                         const diagonal_cma_es_options&)
      = default;
};

/// @returns `invalid_argument` naming the field.
result<> validate(const diagonal_cma_es_options& options);

/// What is needed to go on; arrays are `[dimension]`.
struct diagonal_cma_es_state {
  search_state search;
  std::uint64_t population = 0;
  std::vector<double> mean;
  std::vector<double> variances;   ///< The diagonal of C.
  std::vector<double> step_path;   ///< p_sigma
  std::vector<double> path;        ///< p_c
  double step = 1;                 ///< sigma
  std::uint64_t since_restart = 0; ///< Generations.
  std::uint64_t flat = 0; ///< Generations in a row without any difference.
  /// Best and median cost of the last generations, oldest first.
  std::vector<double> best_costs;
  std::vector<double> median_costs;

  friend bool operator==(const diagonal_cma_es_state&,
                         const diagonal_cma_es_state&)
      = default;
};

/// Covariance matrix adaptation with a diagonal matrix: learns the scale of
/// each gene, in time linear in their number, and the length of its steps. The
/// choice for policies: tens of genes, costs that are noisy and not separable
/// but not badly rotated either.
///
///     first:  m <- starting point or uniform; C <- scale^2; sigma <- 1
///     ask:    x_k = m + sigma sqrt(C) z_k,  z_k ~ N(0, I),  k = 1..lambda,
///             mirrored at the bounds
///             The first generation takes the starting points as migrants.
///     tell:   y_i = (x_i:lambda - m) / sigma,  the mu = lambda / 2 best
///             of a migrant, shortened to |C^-1/2 y| <= sqrt(n) + 2n / (n + 2)
///             y_w = sum w_i y_i,  w_i ~ ln((lambda + 1) / 2) - ln i
///             m <- m + sigma y_w
///             p_s <- (1 - c_s) p_s + sqrt(c_s (2 - c_s) mu_w) C^-1/2 y_w
///             p_c <- (1 - c_c) p_c + h sqrt(c_c (2 - c_c) mu_w) y_w
///             C <- (1 - c_1 - c_mu) C + c_1 p_c^2 + c_mu sum w_i y_i^2
///             sigma <- sigma exp(min(1, (c_s / d_s) (|p_s| / E|N(0, I)| - 1)))
///     again from the next starting point, later from uniform ones, with a
///     larger population, when the deviations are all below the tolerance, when
///     all costs are equal for long, when the axes differ by more than 10^7,
///     or when neither best nor median cost has improved for long.
///
/// c_1 and c_mu are (n + 2) / 3 times those of the full matrix.
///
/// @source Ros and Hansen, "A simple modification in CMA-ES achieving linear
///         time and space complexity", PPSN 2008. Hansen, "The CMA evolution
///         strategy: a tutorial", 2016, for the parameters. Hansen, "Injecting
///         external solutions into CMA-ES", 2011. Auger and Hansen, "A restart
///         CMA evolution strategy with increasing population size", CEC 2005;
///         Hansen, "Benchmarking a bi-population CMA-ES", 2009, for when.
class diagonal_cma_es final : public optimiser {
public:
  /// @pre `options` and `space` are valid; `space` outlives the search.
  diagonal_cma_es(const diagonal_cma_es_options& options,
                  const search_space& space, std::uint64_t seed);
  /// Goes on from a checkpoint.
  /// @pre `check_state(options, space, state)` found nothing.
  diagonal_cma_es(const diagonal_cma_es_options& options,
                  const search_space& space, diagonal_cma_es_state state);

  std::string_view name() const override { return "cma-es"; }
  std::size_t population() const override {
    return static_cast<std::size_t>(state_.population);
  }
  /// The mean and the best of the last generation.
  std::vector<genome> proposals() const override;
  double diversity() const override;
  optimiser_state state() const override;

private:
  /// What follows from population and dimension.
  struct constants {
    std::vector<double> weights; ///< Of the best half; sum to 1.
    double selection_mass = 1;   ///< mu_w = 1 / sum of squared weights.
    double step_rate = 0;        ///< c_s
    double step_damping = 1;     ///< d_s
    double path_rate = 0;        ///< c_c
    double rank_one_rate = 0;    ///< c_1
    double rank_mu_rate = 0;     ///< c_mu
    double expected_length = 1;  ///< E|N(0, I)|
  };

  static constants constants_of(std::size_t dimension, std::size_t population);
  std::uint64_t first_population() const;
  std::vector<genome> draw(rng& random) override;
  void update(std::span<const told> generation, rng& random) override;
  /// The steps of the best, `[mu][dimension]`, migrants' shortened.
  std::vector<genome> steps_of(std::span<const told> generation) const;
  void move_to(const std::vector<genome>& steps);
  void hold_within_bounds();
  void remember_costs(std::span<const told> generation);
  bool must_restart() const;
  void restart(std::uint64_t population, rng& random);

  diagonal_cma_es_options options_;
  diagonal_cma_es_state state_; ///< `search` lives in the base.
  constants constants_;
};

/// @returns `malformed` when the state is of another space or damaged.
result<> check_state(const diagonal_cma_es_options& options,
                     const search_space& space,
                     const diagonal_cma_es_state& state);

} // namespace skerry
