#pragma once

#include "scheduling/rng.hpp"

#include <cstdint>
#include <span>

namespace skerry {

/// What a search draws and computes, bit for bit the same on every machine, so
/// that an island can be run again from its seed elsewhere. The functions of
/// the C library differ in the last bit between versions, and between machines
/// with and without fused multiplication; these are made of additions,
/// multiplications, divisions and square roots, which IEEE 754 rounds exactly.

/// Natural logarithm, within 2 units in the last place.
/// @pre `x` is positive, finite and no subnormal number.
double portable_log(double x);

/// e^x, within 2 units in the last place; 0 below -700, and held at e^700
/// above.
double portable_exp(double x);

/// Fills `out` with standard normal deviates, by Marsaglia's polar method.
/// @source Marsaglia and Bray, "A convenient method for generating normal
///         variables", SIAM Review 6, 1964.
void draw_normals(std::span<double> out, rng& random);

/// The seed of one of many streams: streams of different numbers, or of
/// different seeds, have nothing to do with each other.
/// @source Steele, Lea and Flood, "Fast splittable pseudorandom number
///         generators", OOPSLA 2014 (splitmix64).
std::uint64_t derive_seed(std::uint64_t seed, std::uint64_t stream,
                          std::uint64_t substream = 0);

} // namespace skerry
