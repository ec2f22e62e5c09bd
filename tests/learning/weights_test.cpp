#include "learning/weights.hpp"

#include <array>
#include <limits>

#include <doctest/doctest.h>

using namespace skerry;

TEST_SUITE_BEGIN("learning/weights");

namespace {

constexpr std::array<std::string_view, 1> own_heads{"policy."};

network_weights small(float encoder, float policy, std::uint64_t experiences) {
  network_weights out{1,
                      {{{"encoder.weight", {1, 2}}, {encoder, encoder}},
                       {{"policy.weight", {1, 1}}, {policy}}},
                      {}};
  out.origin.experiences = experiences;
  return out;
}

} // namespace

TEST_CASE("a mean is weighted by share, and heads are the first member's") {
  const auto mine = small(1, 10, 300);
  const auto theirs = small(5, 20, 100);
  const std::array members{federation_member{&mine, 3},
                           federation_member{&theirs, 1}};
  const auto mean = federated_mean(members, own_heads);
  REQUIRE(mean);
  // (3 * 1 + 1 * 5) / 4
  CHECK(mean->tensors[0].values == std::vector<float>{2, 2});
  CHECK(mean->tensors[1].values == std::vector<float>{10});
  CHECK(mean->origin.experiences == 400);

  const auto all = federated_mean(members, {});
  REQUIRE(all);
  // (3 * 10 + 1 * 20) / 4
  CHECK(all->tensors[1].values == std::vector<float>{12.5});
}

TEST_CASE("members that do not fit together are refused") {
  const auto mine = small(1, 1, 1);
  auto theirs = small(1, 1, 1);
  const auto code = [&](double share) {
    const std::array members{federation_member{&mine, 1},
                             federation_member{&theirs, share}};
    const auto mean = federated_mean(members, own_heads);
    REQUIRE_FALSE(mean);
    return mean.failure().code;
  };
  CHECK(code(0) == error_code::invalid_argument);
  CHECK(code(-1) == error_code::invalid_argument);
  CHECK(code(std::numeric_limits<double>::infinity())
        == error_code::invalid_argument);
  theirs.tensors[0].values[1] = std::numeric_limits<float>::quiet_NaN();
  CHECK(code(1) == error_code::malformed);
  theirs = small(1, 1, 1);
  theirs.feature_schema = 2;
  CHECK(code(1) == error_code::malformed);
  theirs = small(1, 1, 1);
  theirs.tensors[0].layout.extents = {2, 1};
  CHECK(code(1) == error_code::malformed);
  CHECK_FALSE(federated_mean({}, own_heads));
}

TEST_CASE("extents that multiply beyond every limit are no small tensor") {
  CHECK(tensor_layout{"x", {3, 4}}.size() == 12);
  CHECK(tensor_layout{"x", {3, 0}}.size() == 0);
  CHECK(tensor_layout{"x", {1u << 31, 1u << 31, 1u << 31}}.size()
        > max_weights);
}

TEST_SUITE_END();
