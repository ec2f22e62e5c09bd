#pragma once

#include "learning/network_kernel.hpp"

// The forward pass for vectors of any width. Each kernel's file is compiled for
// its own instructions, so everything here is static: a function that the
// linker might share would bring AVX-512 to processors without it. For the same
// reason nothing of the standard library is used.

namespace skerry {

/// Several rows through one layer: `columns` of them at once stay in registers
/// while the inputs run by.
///
///     out[r][c] = relu(base[c] + sum over k of in[r][k] w[k][c])
template <class Vector, int Rows>
static inline void dense_relu(const float* in, std::size_t inputs,
                              const float* w, const float* base,
                              std::size_t hidden, float* out) {
  constexpr int vectors = 4;
  constexpr std::size_t lanes = sizeof(Vector) / sizeof(float);
  for (std::size_t c = 0; c < hidden; c += vectors * lanes) {
    Vector sums[Rows][vectors];
    for (int v = 0; v < vectors; ++v) {
      const auto start = *reinterpret_cast<const Vector*>(
          base + c + static_cast<std::size_t>(v) * lanes);
      for (int r = 0; r < Rows; ++r)
        sums[r][v] = start;
    }
    for (std::size_t k = 0; k < inputs; ++k) {
      const auto* weights = reinterpret_cast<const Vector*>(w + k * hidden + c);
      for (int r = 0; r < Rows; ++r)
        for (int v = 0; v < vectors; ++v)
          sums[r][v]
              += in[static_cast<std::size_t>(r) * inputs + k] * weights[v];
    }
    for (int r = 0; r < Rows; ++r)
      for (int v = 0; v < vectors; ++v) {
        auto* to = reinterpret_cast<Vector*>(
            out + static_cast<std::size_t>(r) * hidden + c
            + static_cast<std::size_t>(v) * lanes);
        *to = sums[r][v] > 0 ? sums[r][v] : Vector{};
      }
  }
}

template <class Vector>
static inline float dot(const float* a, const float* b, std::size_t size) {
  constexpr std::size_t lanes = sizeof(Vector) / sizeof(float);
  Vector sums{};
  for (std::size_t i = 0; i < size; i += lanes)
    sums += *reinterpret_cast<const Vector*>(a + i)
            * *reinterpret_cast<const Vector*>(b + i);
  // By halves: one after the other each would wait for the one before.
  alignas(Vector) float parts[lanes];
  *reinterpret_cast<Vector*>(parts) = sums;
  for (auto half = lanes / 2; half > 0; half /= 2)
    for (std::size_t i = 0; i < half; ++i)
      parts[i] += parts[i + half];
  return parts[0];
}

/// `Rows` at a time, what is left over by half as many.
template <class Vector, int Rows>
static void forward_rows(const network_view& net, const float* rows,
                         std::size_t count, float* logits, float* values) {
  constexpr std::size_t max_hidden_columns = 256;
  alignas(64) float first[Rows * max_hidden_columns];
  alignas(64) float second[Rows * max_hidden_columns];
  std::size_t done_rows = 0;
  for (; done_rows + Rows <= count; done_rows += Rows) {
    dense_relu<Vector, Rows>(rows + done_rows * net.inputs, net.inputs,
                             net.first, net.first_base, net.hidden, first);
    dense_relu<Vector, Rows>(first, net.hidden, net.second, net.second_bias,
                             net.hidden, second);
    for (std::size_t r = 0; r < Rows; ++r) {
      const auto* h = second + r * net.hidden;
      logits[done_rows + r]
          = net.policy_bias + dot<Vector>(h, net.policy, net.hidden);
      if (values)
        values[done_rows + r]
            = net.value_bias + dot<Vector>(h, net.value, net.hidden);
    }
  }
  if constexpr (Rows > 1)
    forward_rows<Vector, Rows / 2>(net, rows + done_rows * net.inputs,
                                   count - done_rows, logits + done_rows,
                                   values ? values + done_rows : nullptr);
}

} // namespace skerry
