#pragma once

#include "learning/weights.hpp"
#include "scheduling/result.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace skerry {

/// Extents of a network that judges candidates. It does not depend on how many
/// nodes there are: each candidate is a row of its own.
struct network_shape {
  /// What all candidates of a decision share: task and cluster.
  std::size_t state_inputs = 0;
  std::size_t candidate_inputs = 1; ///< What is the candidate's own.
  std::size_t hidden = 64;          ///< Of both layers.

  std::size_t inputs() const { return state_inputs + candidate_inputs; }

  friend bool operator==(const network_shape&, const network_shape&) = default;
};

inline constexpr std::size_t max_network_inputs = 1024;
/// The kernels work on 64 columns at a time.
inline constexpr std::size_t hidden_step = 64;
inline constexpr std::size_t max_hidden = 256;

/// @returns `invalid_argument` naming the extent.
result<> validate(const network_shape& shape);

/// The tensors of such a network:
///
///     encoder.0.weight [hidden, inputs]   encoder.0.bias [hidden]
///     encoder.1.weight [hidden, hidden]   encoder.1.bias [hidden]
///     policy.weight    [1, hidden]        policy.bias    [1]
///     value.weight     [1, hidden]        value.bias     [1]
std::vector<tensor_layout> layout_of(const network_shape& shape);

/// Prefixes of the tensors that are a cluster's own in a federation.
inline constexpr std::array<std::string_view, 2> network_heads{"policy.",
                                                               "value."};

/// Instructions that the forward pass may be made of.
enum class network_kernel : std::uint8_t { portable, avx2, avx512 };

/// Those that this processor has, the fastest last.
std::span<const network_kernel> network_kernels();
std::string_view to_string(network_kernel kernel);

/// A shared encoder with two heads, in numbers that only wait to be asked:
///
///     h = relu(W1 relu(W0 [state, candidate] + b0) + b1)
///     logit = policy . h + its bias      policy = softmax over candidates
///     value = value . h + its bias       of the state that the candidate
///     leaves
///
/// What all rows share is multiplied once a decision. Numbers agree with exact
/// sums to 1e-5 of their size on every kernel, but not bit by bit.
///
/// Threads: any number may evaluate at once.
///
/// @cost 64 candidates of 31 inputs about 5 us with AVX-512, without
///       allocation: docs/results.md.
class candidate_network {
public:
  /// @returns What `validate` of shape and of weights return.
  static result<candidate_network>
  from(const network_shape& shape, const network_weights& weights,
       std::uint64_t feature_schema,
       network_kernel kernel = network_kernels().back());

  const network_shape& shape() const { return shape_; }

  /// Judges candidates. Finite inputs give finite numbers as long as sums stay
  /// within a float.
  /// @param state      float32 `[state_inputs]`.
  /// @param candidates float32 `[count, candidate_inputs]`, row by row.
  /// @param logits     float32 `[count]`.
  /// @param values     float32 `[count]`, or empty when not wanted.
  void evaluate(std::span<const float> state, std::span<const float> candidates,
                std::span<float> logits, std::span<float> values) const;

private:
  /// A cache line of columns, so that vectors are loaded aligned.
  struct alignas(64) line {
    std::array<float, 16> columns{};
  };
  using matrix = std::vector<line>;

  candidate_network(const network_shape& shape, const network_weights& weights,
                    network_kernel kernel);

  network_shape shape_;
  network_kernel kernel_;
  // Inputs by columns: the transpose of the tensors.
  matrix first_state_;
  matrix first_candidate_;
  matrix first_bias_;
  matrix second_;
  matrix second_bias_;
  matrix policy_;
  matrix value_;
  float policy_bias_ = 0;
  float value_bias_ = 0;
};

/// Turns logits into probabilities, in place.
void softmax(std::span<float> logits);

} // namespace skerry
