#include "learning/network.hpp"

#include "learning/network_kernel.hpp"
#include "scheduling/assert.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace skerry {
namespace {

#ifdef SKERRY_X86
forward_pass* pass_of(network_kernel kernel) {
  switch (kernel) {
  case network_kernel::avx512:
    return forward_avx512;
  case network_kernel::avx2:
    return forward_avx2;
  case network_kernel::portable:
    break;
  }
  return forward_portable;
}

std::vector<network_kernel> kernels_here() {
  std::vector out{network_kernel::portable};
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    out.push_back(network_kernel::avx2);
  if (__builtin_cpu_supports("avx512f"))
    out.push_back(network_kernel::avx512);
  return out;
}
#else
forward_pass* pass_of(network_kernel) {
  return forward_portable;
}

std::vector<network_kernel> kernels_here() {
  return {network_kernel::portable};
}
#endif

std::uint32_t extent(std::size_t size) {
  return static_cast<std::uint32_t>(size);
}

/// Lines as the numbers in them.
template <class Lines>
auto* numbers(Lines& lines) {
  return lines.front().columns.data();
}

} // namespace

result<> validate(const network_shape& shape) {
  if (shape.candidate_inputs == 0 || shape.inputs() > max_network_inputs)
    return {error_code::invalid_argument,
            fmt::format("a network of {} + {} inputs, at least 0 + 1 and at "
                        "most {} together",
                        shape.state_inputs, shape.candidate_inputs,
                        max_network_inputs)};
  if (shape.hidden == 0 || shape.hidden % hidden_step != 0
      || shape.hidden > max_hidden)
    return {error_code::invalid_argument,
            fmt::format("a network of {} hidden units, must be a multiple of "
                        "{} up to {}",
                        shape.hidden, hidden_step, max_hidden)};
  return done{};
}

std::vector<tensor_layout> layout_of(const network_shape& shape) {
  const auto hidden = extent(shape.hidden);
  return {
      {"encoder.0.weight", {hidden, extent(shape.inputs())}},
      {"encoder.0.bias", {hidden}},
      {"encoder.1.weight", {hidden, hidden}},
      {"encoder.1.bias", {hidden}},
      {"policy.weight", {1, hidden}},
      {"policy.bias", {1}},
      {"value.weight", {1, hidden}},
      {"value.bias", {1}},
  };
}

std::span<const network_kernel> network_kernels() {
  static const auto here = kernels_here();
  return here;
}

std::string_view to_string(network_kernel kernel) {
  constexpr std::array<std::string_view, 3> names{"portable", "avx2", "avx512"};
  return names[static_cast<std::size_t>(kernel)];
}

result<candidate_network>
candidate_network::from(const network_shape& shape,
                        const network_weights& weights,
                        std::uint64_t feature_schema, network_kernel kernel) {
  if (auto ok = validate(shape); !ok)
    return ok.failure();
  if (auto ok = validate(weights, feature_schema, layout_of(shape)); !ok)
    return ok.failure();
  return candidate_network{shape, weights, kernel};
}

candidate_network::candidate_network(const network_shape& shape,
                                     const network_weights& weights,
                                     network_kernel kernel)
    : shape_{shape}, kernel_{kernel} {
  const auto& tensors = weights.tensors;
  /// Columns `from` to `to` of a tensor as rows.
  const auto transposed = [&](std::size_t t, std::size_t from, std::size_t to) {
    const auto& w = tensors[t].values;
    const auto width = w.size() / shape_.hidden;
    matrix out(std::max<std::size_t>(to - from, 1) * shape_.hidden / 16);
    for (auto k = from; k < to; ++k)
      for (std::size_t c = 0; c < shape_.hidden; ++c)
        numbers(out)[(k - from) * shape_.hidden + c] = w[c * width + k];
    return out;
  };
  const auto row = [&](std::size_t t) {
    matrix out(shape_.hidden / 16);
    std::ranges::copy(tensors[t].values, numbers(out));
    return out;
  };
  first_state_ = transposed(0, 0, shape_.state_inputs);
  first_candidate_ = transposed(0, shape_.state_inputs, shape_.inputs());
  first_bias_ = row(1);
  second_ = transposed(2, 0, shape_.hidden);
  second_bias_ = row(3);
  policy_ = row(4);
  policy_bias_ = tensors[5].values.front();
  value_ = row(6);
  value_bias_ = tensors[7].values.front();
}

void candidate_network::evaluate(std::span<const float> state,
                                 std::span<const float> candidates,
                                 std::span<float> logits,
                                 std::span<float> values) const {
  SKERRY_ASSERT(state.size() == shape_.state_inputs);
  SKERRY_ASSERT(candidates.size() == logits.size() * shape_.candidate_inputs);
  SKERRY_ASSERT(values.empty() || values.size() == logits.size());
  std::array<line, max_hidden / 16> base;
  auto* const sums = numbers(base);
  std::copy_n(numbers(first_bias_), shape_.hidden, sums);
  for (std::size_t k = 0; k < state.size(); ++k)
    for (std::size_t c = 0; c < shape_.hidden; ++c)
      sums[c] += state[k] * numbers(first_state_)[k * shape_.hidden + c];
  const network_view view{.inputs = shape_.candidate_inputs,
                          .hidden = shape_.hidden,
                          .first = numbers(first_candidate_),
                          .first_base = sums,
                          .second = numbers(second_),
                          .second_bias = numbers(second_bias_),
                          .policy = numbers(policy_),
                          .value = numbers(value_),
                          .policy_bias = policy_bias_,
                          .value_bias = value_bias_};
  pass_of(kernel_)(view, candidates.data(), logits.size(), logits.data(),
                   values.empty() ? nullptr : values.data());
}

void softmax(std::span<float> logits) {
  if (logits.empty())
    return;
  const auto largest = *std::ranges::max_element(logits);
  float sum = 0;
  for (auto& each : logits)
    sum += each = std::exp(each - largest);
  for (auto& each : logits)
    each /= sum;
}

} // namespace skerry
