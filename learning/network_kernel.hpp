#pragma once

#include <cstddef>

namespace skerry {

/// A network as its kernels read it: matrices input by input, columns adjacent
/// and aligned to 64 bytes.
struct network_view {
  std::size_t inputs = 0; ///< Of a row.
  std::size_t hidden = 0; ///< A multiple of 64, at most 256.
  const float* first = nullptr;
  const float* first_base = nullptr; ///< Bias, and what the rows share.
  const float* second = nullptr;
  const float* second_bias = nullptr;
  const float* policy = nullptr;
  const float* value = nullptr;
  float policy_bias = 0;
  float value_bias = 0;
};

/// @param values May be null.
using forward_pass = void(const network_view& net, const float* rows,
                          std::size_t count, float* logits, float* values);

forward_pass forward_portable;
forward_pass forward_avx2;
forward_pass forward_avx512;

} // namespace skerry
