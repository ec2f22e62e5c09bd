#include "learning/network.hpp"
#include "scheduling/rng.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <doctest/doctest.h>

using namespace skerry;

TEST_SUITE_BEGIN("learning/network");

namespace {

constexpr std::uint64_t schema = 7;

std::vector<float> drawn(std::size_t size, double scale, rng& random) {
  std::vector<float> out(size);
  for (auto& each : out)
    each = static_cast<float>(scale * random.normal());
  return out;
}

network_weights random_weights(const network_shape& shape, rng& random) {
  network_weights out{schema, {}, {}};
  for (const auto& layout : layout_of(shape)) {
    // Keeps the size of what passes through about the same.
    const auto scale
        = 1 / std::sqrt(static_cast<double>(layout.extents.back()));
    out.tensors.push_back({layout, drawn(layout.size(), scale, random)});
  }
  return out;
}

struct judgement {
  double logit = 0;
  double value = 0;
};

/// The definition, in double, with nothing clever.
judgement exact(const network_weights& weights, std::span<const float> state,
                std::span<const float> candidate) {
  std::vector<double> h{state.begin(), state.end()};
  h.insert(h.end(), candidate.begin(), candidate.end());
  const auto affine = [&weights](std::size_t t, const std::vector<double>& in) {
    const auto& w = weights.tensors[t].values;
    std::vector<double> out;
    for (std::size_t o = 0; o < weights.tensors[t + 1].values.size(); ++o) {
      double sum = static_cast<double>(weights.tensors[t + 1].values[o]);
      for (std::size_t k = 0; k < in.size(); ++k)
        sum += static_cast<double>(w[o * in.size() + k]) * in[k];
      out.push_back(sum);
    }
    return out;
  };
  for (const std::size_t layer : {0, 2}) {
    h = affine(layer, h);
    for (auto& each : h)
      each = std::max(each, 0.0);
  }
  return {affine(4, h).front(), affine(6, h).front()};
}

bool close(float a, double b) {
  return std::abs(static_cast<double>(a) - b) <= 1e-5 * (1 + std::abs(b));
}

} // namespace

TEST_CASE("every kernel agrees with exact sums to 1e-5") {
  rng random{1};
  for (const auto kernel : network_kernels())
    for (const network_shape shape :
         {network_shape{0, 1, 64}, network_shape{17, 31, 64},
          network_shape{3, 5, 128}, network_shape{1, 64, 256}}) {
      CAPTURE(to_string(kernel));
      const auto weights = random_weights(shape, random);
      const auto net = candidate_network::from(shape, weights, schema, kernel);
      REQUIRE(net);
      // Past two blocks of six rows, with every remainder.
      for (std::size_t count = 0; count <= 19; ++count) {
        const auto state = drawn(shape.state_inputs, 1, random);
        const auto rows = drawn(count * shape.candidate_inputs, 1, random);
        std::vector<float> logits(count);
        std::vector<float> values(count);
        net->evaluate(state, rows, logits, values);
        auto close_to_exact = true;
        for (std::size_t r = 0; r < count; ++r) {
          const auto expected
              = exact(weights, state,
                      std::span{rows}.subspan(r * shape.candidate_inputs,
                                              shape.candidate_inputs));
          close_to_exact &= close(logits[r], expected.logit)
                            && close(values[r], expected.value);
        }
        CHECK(close_to_exact);
        auto alone = logits;
        net->evaluate(state, rows, alone, {});
        CHECK(alone == logits);
      }
    }
}

TEST_CASE("the portable kernel is always there, and comes first") {
  REQUIRE_FALSE(network_kernels().empty());
  CHECK(network_kernels().front() == network_kernel::portable);
}

TEST_CASE("extents that the kernels cannot do are refused") {
  CHECK(validate(network_shape{0, 1, 64}));
  CHECK_FALSE(validate(network_shape{5, 0, 64}));
  CHECK_FALSE(validate(network_shape{5, 5, 0}));
  CHECK_FALSE(validate(network_shape{5, 5, 100}));
  CHECK_FALSE(validate(network_shape{5, 5, 320}));
  CHECK_FALSE(validate(network_shape{1024, 1, 64}));
}

TEST_CASE("weights of another network are refused with the reason") {
  rng random{2};
  const network_shape shape{2, 3, 64};
  const auto good = random_weights(shape, random);
  REQUIRE(candidate_network::from(shape, good, schema));
  const auto reason = [&shape](const network_weights& weights) {
    const auto net = candidate_network::from(shape, weights, schema);
    REQUIRE_FALSE(net);
    CHECK(net.failure().code == error_code::malformed);
    return net.failure().message;
  };
  const auto says = [](const std::string& text, std::string_view part) {
    return text.find(part) != text.npos;
  };

  auto bad = good;
  bad.feature_schema = schema + 1;
  CHECK(says(reason(bad), "other features (schema 0000000000000008"));
  bad = good;
  bad.tensors.pop_back();
  CHECK(says(reason(bad), "7 tensors, expected 8"));
  bad = random_weights({2, 4, 64}, random);
  CHECK(says(reason(bad), "tensor 0 is encoder.0.weight [64, 6], expected "
                          "encoder.0.weight [64, 5]"));
  bad = good;
  bad.tensors[2].values.pop_back();
  CHECK(says(reason(bad), "encoder.1.weight [64, 64] holds 4095 numbers"));
  bad = good;
  bad.tensors[3].values[9] = std::numeric_limits<float>::quiet_NaN();
  CHECK(says(reason(bad), "encoder.1.bias [64] holds nan at 9"));
  bad.tensors[3].values[9] = std::numeric_limits<float>::infinity();
  CHECK(says(reason(bad), "encoder.1.bias [64] holds inf at 9"));
}

TEST_CASE("probabilities sum to 1, whatever the size of the logits") {
  // e^0 : e^ln 3 = 1 : 3
  std::vector<float> logits{1000, 1000 + std::log(3.0F)};
  softmax(logits);
  CHECK(logits[0] == doctest::Approx(0.25).epsilon(1e-4));
  CHECK(logits[1] == doctest::Approx(0.75).epsilon(1e-4));
  std::vector<float> none;
  softmax(none);
}

TEST_SUITE_END();
