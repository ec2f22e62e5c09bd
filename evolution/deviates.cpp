#include "evolution/deviates.hpp"

#include "scheduling/assert.hpp"

#include <cmath>

namespace skerry {
namespace {

// ln 2 in two parts: multiples of the first by a small whole number are exact.
constexpr double ln2_high = 0x1.62e42fefa3800p-1;
constexpr double ln2_low = 0x1.ef35793c76730p-45;
constexpr double log2_e = 1.4426950408889634;

std::uint64_t mix(std::uint64_t word) {
  word += 0x9e3779b97f4a7c15;
  word = (word ^ (word >> 30)) * 0xbf58476d1ce4e5b9;
  word = (word ^ (word >> 27)) * 0x94d049bb133111eb;
  return word ^ (word >> 31);
}

} // namespace

double portable_log(double x) {
  SKERRY_ASSERT(x > 0);
  int exponent = 0;
  auto mantissa = std::frexp(x, &exponent); // Exact; in [1/2, 1).
  constexpr double root_half = 0.7071067811865476;
  if (mantissa < root_half) {
    mantissa *= 2;
    --exponent;
  }
  // log m = 2 artanh s, with |s| < 0.172: ten terms leave 1e-18.
  const auto s = (mantissa - 1) / (mantissa + 1);
  const auto square = s * s;
  auto series = 0.0;
  for (int power = 21; power >= 3; power -= 2)
    series = (series + 1.0 / power) * square;
  return exponent * ln2_high + (exponent * ln2_low + (2 * s + 2 * s * series));
}

double portable_exp(double x) {
  constexpr double limit = 700;
  if (x < -limit)
    return 0;
  if (x > limit)
    x = limit;
  const auto doublings = std::floor(x * log2_e + 0.5);
  const auto rest = (x - doublings * ln2_high) - doublings * ln2_low;
  // Taylor, with |rest| < 0.347: fourteen terms leave 1e-19.
  auto sum = 1.0;
  for (int term = 14; term >= 1; --term)
    sum = 1 + sum * rest / term;
  return std::ldexp(sum, static_cast<int>(doublings)); // Exact.
}

void draw_normals(std::span<double> out, rng& random) {
  for (std::size_t i = 0; i < out.size(); i += 2) {
    double u = 0;
    double v = 0;
    double square = 0;
    do {
      u = 2 * random.uniform() - 1;
      v = 2 * random.uniform() - 1;
      square = u * u + v * v;
    } while (square >= 1 || square < 0x1p-1000);
    const auto factor = std::sqrt(-2 * portable_log(square) / square);
    out[i] = u * factor;
    if (i + 1 < out.size())
      out[i + 1] = v * factor;
  }
}

std::uint64_t derive_seed(std::uint64_t seed, std::uint64_t stream,
                          std::uint64_t substream) {
  return mix(mix(mix(seed) ^ stream) ^ substream);
}

} // namespace skerry
