#include "evolution/test_functions.hpp"

#include "evolution/deviates.hpp"
#include "scheduling/assert.hpp"

#include <array>
#include <bit>
#include <cmath>

namespace skerry {
namespace {

double square(double x) {
  return x * x;
}

} // namespace

std::string_view to_string(test_function which) {
  switch (which) {
  case test_function::sphere:
    return "sphere";
  case test_function::ellipsoid:
    return "ellipsoid";
  case test_function::rosenbrock:
    return "rosenbrock";
  case test_function::rastrigin:
    return "rastrigin";
  }
  SKERRY_ASSERT(!"a known test function");
  return "";
}

shifted_function::shifted_function(test_function which, std::size_t dimension,
                                   std::uint64_t seed, double noise)
    : which_{which}, noise_{noise} {
  SKERRY_ASSERT(dimension >= 2);
  const auto half = which == test_function::rastrigin ? 5.12 : 5.0;
  space_ = cube(dimension, -half, half);
  optimum_.assign(dimension, 1);
  rng random{seed};
  if (which != test_function::rosenbrock)
    for (auto& gene : optimum_)
      gene = 0.8 * half * (2 * random.uniform() - 1);
}

double shifted_function::value(std::span<const double> genes) const {
  SKERRY_ASSERT(genes.size() == optimum_.size());
  constexpr auto two_pi = 6.283185307179586;
  const auto last = static_cast<double>(genes.size() - 1);
  double sum = 0;
  for (std::size_t i = 0; i < genes.size(); ++i) {
    const auto x = genes[i] - optimum_[i];
    switch (which_) {
    case test_function::sphere:
      sum += x * x;
      break;
    case test_function::ellipsoid:
      sum += std::pow(10.0, 6 * static_cast<double>(i) / last) * x * x;
      break;
    case test_function::rosenbrock:
      if (i + 1 < genes.size())
        sum += 100 * square(genes[i + 1] - square(genes[i]))
               + square(1 - genes[i]);
      break;
    case test_function::rastrigin:
      sum += 10 + x * x - 10 * std::cos(two_pi * x);
      break;
    }
  }
  return sum;
}

double shifted_function::cost(std::span<const double> genes,
                              std::uint64_t scenario) const {
  const auto exact = value(genes);
  if (noise_ == 0)
    return exact;
  auto seed = scenario;
  for (const auto gene : genes)
    seed = derive_seed(seed, std::bit_cast<std::uint64_t>(gene));
  rng random{seed};
  std::array<double, 1> deviate{};
  draw_normals(deviate, random);
  return exact + noise_ * deviate[0];
}

} // namespace skerry
