#pragma once

#include "evolution/problem.hpp"

#include <cstdint>
#include <span>
#include <string_view>

namespace skerry {

/// Functions whose least value, 0, is known: what tests and benchmarks hold the
/// optimisers against. All are for any dimension from 2, within [-5, 5] but
/// rastrigin, within [-5.12, 5.12]. None has its optimum at the centre, where a
/// careless search looks first.
///
/// sphere      sum x_i^2
/// ellipsoid   sum 10^(6 i / (n - 1)) x_i^2: scales that differ by a thousand
/// rosenbrock  a bent valley, not separable
/// rastrigin   10 n + sum x_i^2 - 10 cos(2 pi x_i): a grid of local optima
///
/// @source Hansen et al., "Real-parameter black-box optimization benchmarking
///         2009: noiseless functions definitions", INRIA RR-6829.
enum class test_function : std::uint8_t {
  sphere,
  ellipsoid,
  rosenbrock,
  rastrigin,
};

std::string_view to_string(test_function which);

/// One of them, shifted by its seed: the optimum is uniform over the middle
/// 80 % of the bounds. That of rosenbrock stays at (1, ..., 1).
class shifted_function final : public problem {
public:
  /// @param noise Standard deviation of what is added to the value, different
  ///              for each genome and scenario. 0: deterministic.
  shifted_function(test_function which, std::size_t dimension,
                   std::uint64_t seed, double noise = 0);

  const search_space& space() const override { return space_; }
  double cost(std::span<const double> genes,
              std::uint64_t scenario) const override;
  bool is_deterministic() const override { return noise_ == 0; }

  /// Without the noise.
  double value(std::span<const double> genes) const;
  const genome& optimum() const { return optimum_; }

private:
  test_function which_;
  search_space space_;
  genome optimum_;
  double noise_;
};

} // namespace skerry
