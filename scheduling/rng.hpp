#pragma once

#include <cmath>
#include <cstdint>
#include <random>

namespace skerry {

/// The one generator: seeded by its owner, passed as the last parameter. The
/// engine is the standard's, whose output is specified; the distributions are
/// ours, because the standard leaves theirs to each library.
class rng {
public:
  explicit rng(std::uint64_t seed) : engine_{seed} {}

  /// Uniform over [0, 2^64).
  std::uint64_t bits() { return engine_(); }

  /// Uniform over [0, bound), without bias.
  /// @pre `bound > 0`.
  std::uint64_t below(std::uint64_t bound) {
    const auto biased = -bound % bound; // 2^64 mod bound
    auto drawn = bits();
    while (drawn < biased)
      drawn = bits();
    return drawn % bound;
  }

  /// Uniform over [0, 1), with 53 random bits.
  double uniform() { return static_cast<double>(bits() >> 11) * 0x1p-53; }

  /// Exponential with the given mean.
  double exponential(double mean) { return -mean * std::log1p(-uniform()); }

  /// Standard normal, by Box and Muller.
  double normal() {
    constexpr double two_pi = 6.283185307179586;
    const auto radius = std::sqrt(-2 * std::log1p(-uniform()));
    return radius * std::cos(two_pi * uniform());
  }

private:
  std::mt19937_64 engine_;
};

} // namespace skerry
