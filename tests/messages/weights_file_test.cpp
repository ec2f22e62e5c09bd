#include "messages/skerry/v1/weights.pb.h"
#include "messages/weights_file.hpp"

#include <limits>
#include <string>

#include <doctest/doctest.h>

using namespace skerry;

TEST_SUITE_BEGIN("messages/weights_file");

namespace {

network_weights some_weights() {
  return {0xfedcba9876543210,
          {{{"encoder.weight", {2, 3}}, {1, -2, 0.5, 1e-30F, 4, 5}},
           {{"policy.bias", {1}}, {-0.25}}},
          {.steps = 10,
           .experiences = 2560,
           .seed = 42,
           .loss = 0.125,
           .trained_on = "openb",
           .parents = {"00ff"},
           .made_by = "skerry 0.1.0",
           .command = "skerry learn"}};
}

error refused(std::string_view bytes) {
  const auto read = read_weights(bytes, "a.weights");
  REQUIRE_FALSE(read);
  return read.failure();
}

} // namespace

TEST_CASE("weights come back as they were, with where they come from") {
  const auto weights = some_weights();
  const auto read = read_weights(weights_bytes(weights), "memory");
  REQUIRE(read);
  CHECK(*read == weights);
}

TEST_CASE("every flipped bit and every missing end is found") {
  const auto bytes = weights_bytes(some_weights());
  auto found = true;
  for (std::size_t at = 0; at < bytes.size(); ++at)
    for (int bit = 0; bit < 8; ++bit) {
      auto damaged = bytes;
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << bit));
      found &= !read_weights(damaged, "memory");
    }
  for (std::size_t length = 0; length < bytes.size(); ++length)
    found &= !read_weights(std::string_view{bytes}.substr(0, length), "memory");
  CHECK(found);
  CHECK(refused("").code == error_code::malformed);
}

TEST_CASE("numbers that are none, or too few, are refused though sealed") {
  auto weights = some_weights();
  weights.tensors[0].values[4] = std::numeric_limits<float>::infinity();
  CHECK(refused(weights_bytes(weights)).message
        == "a.weights: encoder.weight [2, 3] holds inf at 4");
  weights = some_weights();
  weights.tensors[1].values.clear();
  CHECK(refused(weights_bytes(weights)).message
        == "a.weights: policy.bias [1] holds 0 numbers");
}

TEST_CASE("equal weights have one name, others have others") {
  auto weights = some_weights();
  const auto id = weights_id(weights);
  CHECK(id.size() == 64);
  CHECK(weights_id(weights) == id);
  weights.tensors[0].values[0] = 2;
  CHECK(weights_id(weights) != id);
}

TEST_SUITE_END();
